"""Find an exported model: a folder with graphs in the place of weights, for `--backend onnx`, and read its graph."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nlp_transfer.errors import CheckpointError, ConfigError, did_you_mean
from nlp_transfer.models.onnx.runtime import OnnxNetwork, require_packages
from nlp_transfer.tasks.saved_folder import LoadedNetwork, ReadTokenizer, SavedModel, loading_error, saved_record

FILES = {"float32": "model.onnx", "int8": "model_int8.onnx"}
"""The files of graphs by precision; the first that exists is the default."""

FOLDER = "onnx"
"""The folder of an exported model in its run's folder."""

EXPORT_KEY = "export"
"""The key of an export in the record of config.json."""


@dataclass(frozen=True)
class ExportedModel(SavedModel):
    """An exported model before its graph is loaded; `precision` None is the first that exists."""

    precision: str | None = None

    def load_network(self, auto_class: Any, noun: str, read: ReadTokenizer | None = None) -> LoadedNetwork:
        """Load the graph; raise CheckpointError if the files are torn."""
        from transformers import AutoConfig

        from nlp_transfer.models.tokenizer_loading import quiet_loading, read_tokenizer

        try:
            tokenizer = (read or read_tokenizer)(str(self.files), self.files)
            with quiet_loading():
                config = AutoConfig.from_pretrained(self.files, trust_remote_code=False)
        except ConfigError as error:
            raise loading_error(error) from error
        except (OSError, ValueError, KeyError) as error:
            raise CheckpointError(f"{self.files}: its config.json cannot be read: {error}. {_AGAIN}") from error
        return LoadedNetwork(OnnxNetwork(_file(self.files, self.precision)), tokenizer, config)


def find_exported(name: str | Path, precision: str | None = None) -> ExportedModel:
    """Find an exported model by its folder or its run's folder; raise CheckpointError if there is none."""
    from nlp_transfer.models.files.validate import check_safe

    require_packages()
    folder = _exported_folder(name)
    check_safe(folder)
    if export_record(folder) is None:
        raise CheckpointError(f"{folder} lacks in its config.json how it was exported. {_AGAIN}")
    return ExportedModel(str(name), folder, folder, saved_record(folder), precision)


def _exported_folder(name: str | Path) -> Path:
    if not str(name):
        raise CheckpointError("The model's name is empty; expected the folder of an exported model, or a run's.")
    folder = Path(name).expanduser()
    for place in (folder, folder / FOLDER):
        if any((place / file).is_file() for file in FILES.values()):
            return place
    raise CheckpointError(
        f"{name} holds no exported model: there is neither {' nor '.join(FILES.values())}, nor a folder {FOLDER} with "
        f"one. Export it: python scripts/export.py {folder.parent if folder.name == 'model' else name}"
    )


def export_record(folder: Path) -> dict[str, Any] | None:
    """Return the record of an export in a folder; None without one."""
    record = saved_record(folder).get(EXPORT_KEY)
    return record if isinstance(record, dict) else None


_AGAIN = "Export the model again with scripts/export.py."


def _file(folder: Path, precision: str | None) -> Path:
    """Return the file of a precision; raise ConfigError for an unknown one, CheckpointError for a missing one."""
    if precision is not None and precision not in FILES:
        raise ConfigError(f"--precision: {did_you_mean('precision', precision, FILES)}")
    there = [name for name, file in FILES.items() if (folder / file).is_file()]
    chosen = precision or there[0]
    if chosen not in there:
        held = ", ".join(FILES[name] for name in there)
        raise CheckpointError(f"{folder} has no {FILES[chosen]}; it holds {held}. Choose --precision {there[0]}.")
    return folder / FILES[chosen]
