"""A stand-in for a trainer, to test an extension without one."""

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import torch
from torch import nn

from nlp_transfer.methods.extension import Extension


def stand_in(model: nn.Module | None = None, **changes: Any) -> Any:
    """Return what extensions read of a trainer on one CPU process; `args` are added to its training arguments."""
    arguments = {"device": torch.device("cpu"), "world_size": 1, "process_index": 0, "n_gpu": 1, "output_dir": "none"}
    arguments |= {"torch_compile": False, "seed": 0, "bf16": False, "fp16": False, **changes.pop("args", {})}
    plain = {"unwrap_model": lambda model, **_: model, "gather": lambda value: value, "num_processes": 1}
    accelerator = SimpleNamespace(**plain, scaler=None, no_sync=lambda model: nullcontext())
    state = SimpleNamespace(global_step=0, epoch=0.0, max_steps=4, num_train_epochs=2)
    given = {"methods": (), "context": None, "networks": None, "extensions": (), "current_step": None, "sources": None}
    given |= {"is_fsdp_enabled": False, "is_deepspeed_enabled": False, "reset_step": lambda: None}
    given |= {"callback_handler": SimpleNamespace(callbacks=[])}
    parts = {"model": model, "args": SimpleNamespace(**arguments), "accelerator": accelerator, "state": state}
    return SimpleNamespace(**{**parts, **given, **changes})


def attached(extension: Extension, trainer: Any) -> Any:
    """Return the extension, attached to the stand-in."""
    extension.attach(trainer)
    return extension
