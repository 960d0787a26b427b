"""TransferTrainer and Seq2SeqTransferTrainer, with their arguments, in place of transformers' own."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nlp_transfer.training.arguments import Seq2SeqTransferArguments, TransferArguments
    from nlp_transfer.training.seq2seq import Seq2SeqTransferTrainer
    from nlp_transfer.training.trainer import TransferTrainer

__all__ = ["Seq2SeqTransferArguments", "Seq2SeqTransferTrainer", "TransferArguments", "TransferTrainer"]

_MODULES = {
    "Seq2SeqTransferArguments": "arguments",
    "Seq2SeqTransferTrainer": "seq2seq",
    "TransferArguments": "arguments",
    "TransferTrainer": "trainer",
}


def __getattr__(name: str) -> Any:
    """Import a name when it is first asked for: the help of a configuration needs no torch and no transformers."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
