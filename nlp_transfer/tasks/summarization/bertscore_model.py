"""Check the encoder of BERTScore before training."""

from typing import TYPE_CHECKING

from nlp_transfer.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


def bertscore_folder(name: str | None, where: str = "task.") -> "Path | None":
    """Return the folder of the encoder; None without a name.

    Args:
        where: prefix of the setting's name, for messages.

    Raises:
        ConfigError: there is no such encoder, or the package bert-score is not installed.

    Example:
        >>> bertscore_folder(None)
    """
    if name is None:
        return None
    from importlib.util import find_spec

    from nlp_transfer.metrics.bertscore import PACKAGE, missing_package_error
    from nlp_transfer.models.extractive_config import is_extractive
    from nlp_transfer.models.files.download import model_folder

    if find_spec(PACKAGE) is None:
        raise missing_package_error()
    try:
        folder = model_folder(name)
    except ConfigError as error:
        raise ConfigError([f"{where}bertscore_{problem}" for problem in error.problems]) from error
    if is_extractive(folder):
        raise ConfigError(f"{where}bertscore_model: {name} is an extractive summariser; expected an encoder alone.")
    return folder
