"""Find a saved model, and read its record and its network."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nlp_transfer.errors import CheckpointError, ConfigError, new_name
from nlp_transfer.files import read_json
from nlp_transfer.models.config_values import RECORD, label_problems
from nlp_transfer.models.files.manifest import has_manifest
from nlp_transfer.models.files.resolve import conversion_advice
from nlp_transfer.models.files.validate import ADAPTER_CONFIG, adapter_base, pickled_weights

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

ReadTokenizer = Callable[[str, Path], Any]
"""Reads the tokenizer, or the processor of images, of a named model in a folder."""

CONFIG_KEY = RECORD
"""The key of the package's record in config.json."""

PICKLED_ADAPTER = "adapter_model.bin"

UNLIMITED_TOKENS = 512
"""The maximum number of tokens of a text if neither the record nor the model and its tokenizer have a limit."""


@dataclass(frozen=True)
class LoadedNetwork:
    """A network with its tokenizer, or its processor of images, and its configuration.

    Args:
        model: float32, on the CPU, in evaluation mode; or an exported network.
    """

    model: Any
    tokenizer: "PreTrainedTokenizerBase"
    config: Any


@dataclass(frozen=True)
class SavedModel:
    """A saved model before its network is loaded.

    Args:
        name: given by the user.
        folder: the folder or Hub id that the name means.
        files: the folder of the files.
        record: of the run that saved it; empty without one.
    """

    name: str
    folder: Path
    files: Path
    record: dict[str, Any]

    def settings(self, noun: str, types: Mapping[str, Callable[[Any], Any]]) -> dict[str, Any]:
        """Return settings of the record by name, converted; raise CheckpointError if one is missing or bad."""
        try:
            return {name: convert(self.record[name]) for name, convert in types.items()}
        except (KeyError, TypeError, ValueError) as error:
            renamed = [f"{old} was renamed {new}" for old in self.record if (new := new_name(old, types))]
            again = f" ({'; '.join(renamed)}: rename it there)" if renamed else f" ({error})"
            raise CheckpointError(
                f"{self.name} is not a trained {noun}: its config.json lacks how it reads{again}."
            ) from error

    @contextmanager
    def record_errors(self) -> Iterator[None]:
        """Name the model in an error about its record."""
        try:
            yield
        except CheckpointError as error:
            raise CheckpointError(f"{self.name}: {error}") from error
        except ValueError as error:
            raise CheckpointError(
                f"{self.name}: the settings in its config.json cannot be read ({error}). Save the model anew."
            ) from error

    def load_with_names(
        self, auto_class: Any, noun: str, read: "ReadTokenizer | None" = None
    ) -> tuple[LoadedNetwork, list[str]]:
        """Load the network and the names of its outputs; see `load_network`."""
        if problems := list(label_problems(self.files)):
            raise CheckpointError(problems)
        loaded = self.load_network(auto_class, noun, read)
        names = [loaded.config.id2label[i] for i in range(loaded.config.num_labels)]
        if hasattr(loaded.model, "check_outputs"):  # an exported network
            loaded.model.check_outputs(len(names))
        return loaded, names

    def load_network(self, auto_class: Any, noun: str, read: "ReadTokenizer | None" = None) -> LoadedNetwork:
        """Load the network by an auto class of transformers; raise CheckpointError for torn or missing weights.

        Args:
            read: reads what makes inputs of rows; None reads a tokenizer.
        """
        from nlp_transfer.models.extractive_config import set_outputs
        from nlp_transfer.models.tokenizer_loading import quiet_loading, read_tokenizer

        refusal = f"{self.name} cannot be loaded as a trained {noun}"
        try:
            _check_saved(str(self.folder), self.files)
            tokenizer = (read or read_tokenizer)(str(self.folder), self.files)
            with quiet_loading():
                model, info = auto_class.from_pretrained(
                    self.files,
                    trust_remote_code=False,
                    use_safetensors=True,
                    ignore_mismatched_sizes=True,
                    output_loading_info=True,
                )
            set_outputs(model)
            _check_fits(refusal, model, tokenizer, info)
        except ConfigError as error:
            raise loading_error(error) from error
        except CheckpointError:
            raise
        except Exception as error:  # safetensors and transformers raise many kinds for a torn folder
            reason = " ".join(str(error).split())[:300]
            raise CheckpointError(f"{refusal} ({type(error).__name__}: {reason}).") from error
        if missing := sorted(info["missing_keys"]):
            raise CheckpointError(
                f"{self.name} is not a trained {noun}: its weights lack {', '.join(missing[:4])}"
                f"{', …' if len(missing) > 4 else ''}. Train it first (scripts/train.py)."
            )
        return LoadedNetwork(model.float().eval(), tokenizer, model.config)


def loading_error(error: ConfigError) -> CheckpointError:
    """Return an error about the setting `model` as one about a saved model.

    Example:
        >>> print(loading_error(ConfigError("model: there is no folder x.")))
        there is no folder x.
    """
    return CheckpointError([problem.removeprefix("model: ") for problem in error.problems])


def find_saved(name: str | Path, revision: str | None = None) -> SavedModel:
    """Find a saved model by its folder, its run's folder, or its Hub id; raise CheckpointError if there is none."""
    from nlp_transfer.models.files.download import model_folder

    if not str(name):
        raise CheckpointError("The model's name is empty; expected a run's folder, a model folder, or a Hub id.")
    folder = Path(name).expanduser()
    on_hub, at, commit = str(name).rpartition("@")
    if at and revision is None and not folder.exists() and not Path(on_hub).expanduser().exists():
        folder, revision = Path(on_hub), commit
    if not (folder / "config.json").is_file() and (folder / "model" / "config.json").is_file():
        folder = folder / "model"
    if folder.is_dir() and not ((folder / "config.json").exists() or has_manifest(folder)):
        _check_saved(str(folder), folder)  # before a folder that holds no model is walked
    try:
        files = model_folder(str(folder), revision=revision)
    except ConfigError as error:
        raise loading_error(error) from error
    return SavedModel(str(name), folder, files, saved_record(files))


def saved_record(files: Path) -> dict[str, Any]:
    """Return the package's record in config.json; empty without one."""
    try:
        record = json.loads((files / "config.json").read_text("utf-8")).get(CONFIG_KEY)
    except (OSError, ValueError, AttributeError):  # loading the network names the fault
        return {}
    return record if isinstance(record, dict) else {}


def run_columns(folder: Path) -> dict[str, str]:
    """Return the columns (theirs: ours) of the run that saved a model; empty where its folder is not around it."""
    return {theirs: ours for source in _run_sources(folder) for theirs, ours in source.get("columns", {}).items()}


def run_label_separator(folder: Path) -> str | None:
    """Return the label separator of the run that saved a model; None where its sources have none or several."""
    separators = {source.get("label_separator") for source in _run_sources(folder)} - {None}
    return separators.pop() if len(separators) == 1 else None


def _run_sources(folder: Path) -> list[dict[str, Any]]:
    """Return the configuration of each corpus that the run of a saved model learned from; none without its folder."""
    if not folder.is_dir():
        return []
    config = read_json(folder.parent / "run.json", missing_ok=True).get("config", {})
    sources = config.get("source") or config.get("target") or []
    return sources if isinstance(sources, list) else [sources]


def _check_fits(refusal: str, model: Any, tokenizer: "PreTrainedTokenizerBase", info: dict[str, Any]) -> None:
    """Check that weights have the sizes of config.json, and that every token has an embedding."""
    wrong = sorted((str(key), list(found), list(expected)) for key, found, expected in info["mismatched_keys"])
    if wrong:
        key, found, expected = wrong[0]
        raise CheckpointError(
            f"{refusal} (its weights do not fit config.json: {key} has the shape {found}, and sizes or labels, "
            f"id2label, say {expected}{f'; {len(wrong)} such tensors' if len(wrong) > 1 else ''})."
        )
    if problem := vocabulary_problem(model, tokenizer):
        raise CheckpointError(f"{refusal}: {problem}")


def vocabulary_problem(model: Any, tokenizer: "PreTrainedTokenizerBase") -> str | None:
    """Return the problem of a tokenizer that has tokens without an embedding; None without a problem."""
    if not hasattr(tokenizer, "get_vocab"):  # a processor of images
        return None
    rows = model.get_input_embeddings().num_embeddings
    token, number = max(tokenizer.get_vocab().items(), key=lambda item: item[1])
    if number < rows:
        return None
    return f"its tokenizer gives {token!r} the number {number:,}, and the model has embeddings for {rows:,} tokens."


def _check_saved(name: str, folder: Path) -> None:
    """Check that a folder holds a model that may be read; raise CheckpointError."""
    names = sorted(path.name for path in folder.iterdir())
    if "config.json" not in names:
        hint = "."
        if PICKLED_ADAPTER in names:
            new = PICKLED_ADAPTER.replace(".bin", ".safetensors")
            hint = (
                f", but an adapter as a pickle ({PICKLED_ADAPTER}). Pickles can run code, so they are not read. If you "
                'trust it, convert it: python -c "import torch; from safetensors.torch import save_file as save; '
                f"save(torch.load('{PICKLED_ADAPTER}', weights_only=True), '{new}')\" and delete {PICKLED_ADAPTER}."
            )
        elif ADAPTER_CONFIG in names or "adapter" in names:
            base = adapter_base(folder if ADAPTER_CONFIG in names else folder / "adapter")
            hint = f"; load an adapter that was not merged with peft, on its base model{base}."
        raise CheckpointError(
            f"{name} holds no trained model: there is no config.json, nor model/config.json{hint} It holds "
            f"{', '.join(names[:10]) or 'nothing'}."
        )
    how = conversion_advice(name, "AutoModelForSequenceClassification")  # plain AutoModel would lose the head
    pickles = pickled_weights(names)
    if pickles:
        raise CheckpointError(f"{name} has its weights as a pickle only ({pickles[0]}). {how}")
    if any(file.endswith(".onnx") for file in names) and not any(file.endswith(".safetensors") for file in names):
        raise CheckpointError(f"{name} holds a model exported to ONNX, without PyTorch's weights: add --backend onnx.")
    if not any(file.endswith(".safetensors") for file in names):
        on_hub = "" if Path(name).is_dir() else f" {how}"
        raise CheckpointError(f"{name} has no weights (*.safetensors); it holds {', '.join(names[:10])}.{on_hub}")
