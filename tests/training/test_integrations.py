"""`report_to` names what exists and what is installed, or is refused before anything is loaded."""

import pytest
from transformers.integrations import integration_utils

from nlp_transfer.errors import ConfigError
from nlp_transfer.training import TransferArguments
from nlp_transfer.training.integrations import report_to_problems


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(integration_utils, "get_available_reporting_integrations", lambda: ["tensorboard"])
    monkeypatch.setattr(integration_utils, "is_azureml_available", lambda: False)


@pytest.mark.parametrize("report_to", ["none", "all", ["none"], [], "tensorboard", ["tensorboard"]])
def test_what_is_there(report_to: str | list[str]) -> None:
    assert report_to_problems(report_to) == []


def test_what_is_known_and_not_installed() -> None:
    text = (
        "training.report_to names {}, which is not installed. Run `pip install {}`, or set training.report_to to none"
    )
    found = report_to_problems(["wandb", "tensorboard", "azure_ml"])
    assert len(found) == 2
    assert found[0].startswith(text.format("wandb", "wandb"))
    assert found[1].startswith(text.format("azure_ml", "azureml-sdk"))


def test_what_is_unknown() -> None:
    [text] = report_to_problems("wandbb")
    assert text.startswith(
        "training.report_to: Unknown integration 'wandbb'. Did you mean 'wandb'? Integrations: none, "
    )
    [text] = report_to_problems(["none", "tensorboard"])
    assert text.startswith("training.report_to: Unknown integration 'none'. Integrations: azure_ml, ")


def test_the_arguments_refuse_it() -> None:
    with pytest.raises(ConfigError, match="Unknown integration 'wandbb'"):
        TransferArguments(output_dir="x", report_to="wandbb")
    assert TransferArguments(output_dir="x", report_to=None).report_to == []
