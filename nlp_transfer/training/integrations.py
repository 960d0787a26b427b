"""Check `report_to`: the names of integrations, and that their packages are installed.

transformers looks at `report_to` only when a Trainer is made, after the data and the model were loaded.
"""

from collections.abc import Sequence

from nlp_transfer.errors import did_you_mean

PACKAGES = {"azure_ml": "azureml-sdk", "comet_ml": "comet-ml", "flyte": "flytekit"}
"""The names of integrations for `pip install`, where they differ."""

WORDS = ("none", "all")
"""Values of `report_to` instead of names."""


def report_to_problems(report_to: str | Sequence[str]) -> list[str]:
    """Return a message for each problem with `training.report_to`.

    Args:
        report_to: `none`, `all` (that is installed), or names of integrations.
    """
    asked = [report_to] if isinstance(report_to, str) else list(report_to)
    if not asked or (len(asked) == 1 and asked[0] in WORDS):
        return []
    from transformers.integrations.integration_utils import INTEGRATION_TO_CALLBACK

    known = list(INTEGRATION_TO_CALLBACK)
    problems = [
        f"training.report_to: {did_you_mean('integration', name, [*WORDS, *known] if len(asked) == 1 else known)}"
        for name in asked
        if name not in known
    ]
    missing = [name for name in asked if name in known and not _is_installed(name)]
    return problems + [
        f"training.report_to names {name}, which is not installed. Run `pip install {PACKAGES.get(name, name)}`, or "
        "set training.report_to to none (log.jsonl in the run's folder has all numbers)."
        for name in missing
    ]


def _is_installed(name: str) -> bool:
    from transformers.integrations import integration_utils

    if name == "kubeflow":  # part of the cluster, not a package
        return True
    if name == "azure_ml":  # listed as available only where mlflow does not take its place
        return bool(integration_utils.is_azureml_available())
    if name == "flyte":  # never listed as available
        return bool(integration_utils.is_flytekit_available())
    return name in integration_utils.get_available_reporting_integrations()
