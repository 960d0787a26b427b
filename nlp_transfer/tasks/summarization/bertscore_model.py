"""The encoder by which summaries of either kind are scored beside ROUGE, looked at before anything is trained."""

from typing import TYPE_CHECKING

from nlp_transfer.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


def bertscore_folder(name: str | None, where: str = "task.") -> "Path | None":
    """The folder of the encoder that BERTScore is computed with; None for none.

    Args:
        name: see `resolve_model`.
        where: what the setting's name begins with, for messages.

    Raises:
        ConfigError: there is no such model, or the package that computes it is missing.
    """
    if name is None:
        return None
    from importlib.util import find_spec

    from nlp_transfer.metrics.bertscore import PACKAGE, missing_package_error
    from nlp_transfer.models.files.download import model_folder
    from nlp_transfer.models.heads.extractive_config import is_extractive

    if find_spec(PACKAGE) is None:
        raise missing_package_error()
    try:
        folder = model_folder(name)
    except ConfigError as error:
        raise ConfigError([f"{where}bertscore_{problem}" for problem in error.problems]) from error
    if is_extractive(folder):
        raise ConfigError(f"{where}bertscore_model: {name} is an extractive summariser; expected an encoder alone.")
    return folder
