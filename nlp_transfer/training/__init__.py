"""TransferTrainer and its arguments, in place of `transformers.Trainer` and `TrainingArguments`."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nlp_transfer.training.arguments import TransferArguments
    from nlp_transfer.training.trainer import TransferTrainer

__all__ = ["TransferArguments", "TransferTrainer"]

_MODULES = {"TransferArguments": "arguments", "TransferTrainer": "trainer"}


def __getattr__(name: str) -> Any:
    """Import a name when it is first asked for: the help of a configuration needs no torch and no transformers."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
