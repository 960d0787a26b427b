"""Load a checkpoint whose tensors have other names than those of the model.

transformers saves some networks, such as ViT, by the names of its earlier versions, and maps these back in
`from_pretrained` only. Its Trainer loads a checkpoint by names and leaves out what it does not find: most layers of
a ViT would stay as they are (transformers 5.24).
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from safetensors import safe_open
from transformers import PreTrainedModel
from transformers.utils import SAFE_WEIGHTS_INDEX_NAME, SAFE_WEIGHTS_NAME

from nlp_transfer.files import read_json
from nlp_transfer.training.checkpoints import check_whole


def load_weights(trainer: Any, checkpoint: str, by_names: Callable[..., None], *args: Any) -> None:
    """Load a checkpoint, if it is whole, into a trainer's model; `by_names(*args)` does where names are the same."""
    check_whole(Path(checkpoint))
    if not load_renamed(trainer, Path(checkpoint)):
        by_names(*args)


def load_renamed(trainer: Any, checkpoint: Path) -> bool:
    """Load a checkpoint into a trainer's model by `from_pretrained`; return False where names are the same."""
    model = trainer.model
    if not isinstance(model, PreTrainedModel) or trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled:
        return False
    saved = saved_names(checkpoint)
    if saved <= model.state_dict().keys():
        return False
    loaded = type(model).from_pretrained(checkpoint, config=model.config, dtype=model.dtype, use_safetensors=True)
    model.load_state_dict(loaded.state_dict())
    return True


def saved_names(checkpoint: Path) -> set[str]:
    """Return the names of the tensors of a checkpoint's model."""
    index, file = checkpoint / SAFE_WEIGHTS_INDEX_NAME, checkpoint / SAFE_WEIGHTS_NAME
    if not file.is_file():
        return set(read_json(index, missing_ok=True).get("weight_map", {}))
    with safe_open(file, "pt") as tensors:
        return set(tensors.keys())
