"""TransferTrainer and its arguments, in place of `transformers.Trainer` and `TrainingArguments`."""

from nlp_transfer.training.arguments import TransferArguments
from nlp_transfer.training.trainer import TransferTrainer

__all__ = ["TransferArguments", "TransferTrainer"]
