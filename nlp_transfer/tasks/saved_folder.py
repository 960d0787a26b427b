"""The folder of a saved model: its files, its record, its network, and the errors of folders that hold no model."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nlp_transfer.errors import CheckpointError, ConfigError
from nlp_transfer.models.config_values import RECORD
from nlp_transfer.models.files.manifest import has_manifest
from nlp_transfer.models.files.resolve import conversion_advice
from nlp_transfer.models.files.validate import ADAPTER_CONFIG, adapter_base, pickled_weights

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

CONFIG_KEY = RECORD
"""The key of our record in config.json."""

PICKLED_ADAPTER = "adapter_model.bin"

UNLIMITED_TOKENS = 512
"""The length that texts are cut to if neither our record nor the model and its tokenizer set a limit."""


@dataclass(frozen=True)
class LoadedNetwork:
    """A network that is ready to compute, with its tokenizer and its configuration.

    Args:
        model: float32, on the CPU, in evaluation mode; or an exported network.
        tokenizer: the network's.
        config: the network's `PreTrainedConfig`.
    """

    model: Any
    tokenizer: "PreTrainedTokenizerBase"
    config: Any


@dataclass(frozen=True)
class SavedModel:
    """A saved model before its network is loaded.

    Args:
        name: the name that the user gave it, for messages.
        folder: the folder or Hub id that the name means.
        files: the folder that holds the files.
        record: the record of the run that saved it; empty where there is none.
    """

    name: str
    folder: Path
    files: Path
    record: dict[str, Any]

    def load_network(self, auto_class: Any, noun: str) -> LoadedNetwork:
        """Load the network.

        Args:
            auto_class: the class of transformers that knows the architecture.
            noun: what the model should be, for messages.

        Raises:
            CheckpointError: the files are torn, or lack weights.
        """
        model, tokenizer, info = read_network(self.name, self.folder, self.files, auto_class, noun)
        if missing := sorted(info["missing_keys"]):
            raise CheckpointError(
                f"{self.name} is not a trained {noun}: its weights lack {', '.join(missing[:4])}"
                f"{', …' if len(missing) > 4 else ''}. An encoder without a head must be trained first "
                "(scripts/train.py)."
            )
        return LoadedNetwork(model.float().eval(), tokenizer, model.config)


def find_saved(name: str | Path, revision: str | None = None) -> SavedModel:
    """Find a saved model by the name of its folder, or of its run's folder, or by its Hub id.

    Raises:
        CheckpointError: there is none.
    """
    folder, files = find_folder(name, revision)
    return SavedModel(str(name), folder, files, saved_record(files))


def folder_of(name: str | Path, revision: str | None = None) -> Path:
    """Return the folder of a saved model's files; raise CheckpointError where there is none."""
    return find_folder(name, revision)[1]


def find_folder(name: str | Path, revision: str | None) -> tuple[Path, Path]:
    """Return the model folder that a name means, and the folder of its files; raise CheckpointError."""
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
        return folder, model_folder(str(folder), revision=revision)
    except ConfigError as error:
        raise CheckpointError([problem.replace("model: ", "", 1) for problem in error.problems]) from error


def saved_record(files: Path) -> dict[str, Any]:
    """Return the record that `saved_models.save` left in a folder; empty where it left none."""
    try:
        record = json.loads((files / "config.json").read_text("utf-8")).get(CONFIG_KEY)
    except (OSError, ValueError, AttributeError):  # loading the network names the fault
        return {}
    return record if isinstance(record, dict) else {}


def read_network(
    name: str | Path, folder: Path, source: Path, auto_class: Any, what: str
) -> tuple[Any, "PreTrainedTokenizerBase", dict[str, Any]]:
    """Read a network, its tokenizer, and transformers' notes on its loading; raise CheckpointError."""
    from nlp_transfer.models.heads.extractive_config import set_outputs
    from nlp_transfer.models.tokenizer_loading import quiet_loading, read_tokenizer

    try:
        _check_saved(str(folder), source)
        tokenizer = read_tokenizer(str(folder), source)
        with quiet_loading():
            model, info = auto_class.from_pretrained(
                source,
                trust_remote_code=False,
                use_safetensors=True,
                ignore_mismatched_sizes=True,
                output_loading_info=True,
            )
        set_outputs(model)
        _check_fits(f"{name} cannot be loaded as a trained {what}", model, tokenizer, info)
    except ConfigError as error:
        raise CheckpointError([problem.replace("model: ", "", 1) for problem in error.problems]) from error
    except CheckpointError:
        raise
    except Exception as error:  # safetensors and transformers raise many kinds for a torn folder
        raise CheckpointError(
            f"{name} cannot be loaded as a trained {what} ({type(error).__name__}: "
            f"{' '.join(str(error).split())[:300]}). Expected a run's output folder, or a model "
            "folder with config.json, model.safetensors and a tokenizer."
        ) from error
    return model, tokenizer, info


def _check_fits(refusal: str, model: Any, tokenizer: "PreTrainedTokenizerBase", info: dict[str, Any]) -> None:
    """Check that weights have the sizes in config.json, and every token an embedding."""
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
    """Return the problem of a tokenizer with tokens that the model has no embedding for; None where there is none."""
    rows = model.get_input_embeddings().num_embeddings
    token, number = max(tokenizer.get_vocab().items(), key=lambda item: item[1])
    if number < rows:
        return None
    return (
        f"its tokenizer gives {token!r} the number {number:,}, and the model has embeddings for {rows:,} tokens. Take "
        "both from one model."
    )


def _check_saved(name: str, folder: Path) -> None:
    """Check that a folder holds a model that may be read; raise CheckpointError."""
    names = sorted(path.name for path in folder.iterdir())
    if "config.json" not in names:
        hint = "."
        if PICKLED_ADAPTER in names:
            new = PICKLED_ADAPTER.replace(".bin", ".safetensors")
            hint = (
                f", but an adapter as a pickle ({PICKLED_ADAPTER}). Pickles can run code, so they are not read. If you "
                'trust this one, convert it once in its folder: python -c "import torch; '
                "from safetensors.torch import save_file as save; "
                f"save(torch.load('{PICKLED_ADAPTER}', weights_only=True), '{new}')\" and delete {PICKLED_ADAPTER}."
            )
        elif ADAPTER_CONFIG in names or "adapter" in names:
            inner = folder if ADAPTER_CONFIG in names else folder / "adapter"
            base = adapter_base(inner)
            hint = (
                "; an adapter that was not merged loads with peft's AutoPeftModelForSequenceClassification"
                f".from_pretrained(FOLDER, num_labels=NUMBER OF CLASSES), and with it its base model{base}."
                if base
                else "; an adapter that was not merged needs its base model, which this one does not name. Load that "
                "as base_model, with num_labels=NUMBER OF CLASSES, and then peft's PeftModel"
                ".from_pretrained(base_model, FOLDER)."
            )
        raise CheckpointError(
            f"{name} holds no trained model: there is no config.json, nor model/config.json{hint} It holds "
            f"{', '.join(names[:10]) or 'nothing'}. Expected the output folder of a finished run, or a model folder."
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
