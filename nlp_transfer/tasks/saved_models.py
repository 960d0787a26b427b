"""Load a trained model as the predictor of its task, and save a model as a plain transformers folder."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError

from nlp_transfer.errors import CheckpointError
from nlp_transfer.models.files.manifest import MANIFEST
from nlp_transfer.tasks import TASKS, SequenceClassification
from nlp_transfer.tasks.backends import PYTORCH, Compute, choose_device
from nlp_transfer.tasks.exported_folder import find_exported
from nlp_transfer.tasks.saved_folder import CONFIG_KEY, SavedModel, find_saved

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from nlp_transfer.tasks.predictor import Predictor


def load(
    name: str | Path,
    *,
    revision: str | None = None,
    device: str = "cpu",
    backend: str = PYTORCH,
    precision: str | None = None,
) -> "Predictor":
    """Load a trained model as the predictor of its task.

    Args:
        name: a run's output folder, a model folder, or a Hub id. A folder of plain transformers is a classifier.
        device: see `Compute`, as for `backend` and `precision`.

    Raises:
        ConfigError: there is no such device, backend or precision, or ONNX Runtime is not installed.
        CheckpointError: there is no such model, or it is torn or changed.

    Example:
        >>> load("runs/clauses").predict(["any permitted use"])[0].predicted
        '...'
    """
    compute = Compute(device, backend, precision)
    return load_found(find(name, compute, revision=revision), compute)


def find(name: str | Path, compute: Compute, *, revision: str | None = None) -> SavedModel:
    """Find a trained model without loading its network."""
    return find_exported(name, compute.precision) if compute.uses_onnx else find_saved(name, revision)


def load_found(saved: SavedModel, compute: Compute) -> "Predictor":
    """Load the predictor of a saved model."""
    predictor = predictor_class(saved).from_saved(saved)
    return predictor if compute.uses_onnx else predictor.to(choose_device(compute.device))


def predictor_class(saved: SavedModel) -> "type[Predictor]":
    """Return the predictor of the task that a model was trained for."""
    return TASKS.get(str(saved.record.get("task")), SequenceClassification).predictor_class()


def save(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    folder: str | Path,
    *,
    record: dict[str, Any],
    cut_at: int | None,
) -> None:
    """Write weights (safetensors), config and tokenizer; raise CheckpointError if the folder cannot be written.

    Args:
        record: name and settings of the task, which `load` reads.
        cut_at: maximum number of tokens of the saved tokenizer; None keeps its own.
    """
    setattr(model.config, CONFIG_KEY, record)
    (Path(folder) / MANIFEST).unlink(missing_ok=True)  # of what the folder held before
    from nlp_transfer.models.heads.encoder_decoder import separate_weights
    from nlp_transfer.models.heads.masked_lm import inherited_pooler

    weights, more = separate_weights(model), inherited_pooler(model)
    if more:
        weights = {**(weights or model.state_dict()), **more}
    try:
        model.save_pretrained(folder, state_dict=weights)
    except (OSError, SafetensorError) as error:
        reason = " ".join(str(error).split())[:200]
        raise CheckpointError(f"{folder} cannot be saved ({reason}). Make room, then resume (--resume).") from error
    save_tokenizer(tokenizer, folder, cut_at)


def save_tokenizer(tokenizer: Any, folder: str | Path, cut_at: int | None) -> None:
    """Write a tokenizer with another maximum length, or a processor of images; it stays as it is."""
    if not hasattr(tokenizer, "model_max_length"):
        tokenizer.save_pretrained(folder)
        return
    kept = tokenizer.model_max_length
    tokenizer.model_max_length = kept if cut_at is None else cut_at
    try:
        tokenizer.save_pretrained(folder)
    finally:
        tokenizer.model_max_length = kept
