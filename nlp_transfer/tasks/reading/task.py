"""The settings of reading, and the encoding and the network that follow from them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from nlp_transfer.models.size_limits import size_problems
from nlp_transfer.tasks.base import FittedTask, Task
from nlp_transfer.tasks.reading.long_documents import DEFAULT_POOLING, LongDocuments

if TYPE_CHECKING:
    from datasets import Dataset
    from torch import Tensor
    from transformers import PreTrainedTokenizerBase

    from nlp_transfer.models.loading import LoadedModel, ProblemType
    from nlp_transfer.models.reference import ModelReference


@dataclass(frozen=True)
class ReadingTask(Task):
    """The settings of a task whose network gives logits of a whole text, or of a pair of texts.

    Args:
        max_length: maximum number of tokens that the encoder reads at once, special tokens included.
        long_documents: `truncate` cuts longer texts off; `windows` reads all of them, in windows of `max_length`.
        pooling: what is made of the windows' logits: their `mean`, weighted by tokens; `first_and_mean`, half of it and
            half of the first window's; `max`, the largest of each class; or `top_k`, the mean of the 3 largest.
        window_overlap: maximum number of tokens that a window repeats of the one before, in whole sentences; at most
            half a window.
        max_windows: maximum number of windows of a document; of more, evenly spaced ones are read.
        train_windows: the same for training documents alone, which makes training as many times faster.
        extend_positions: repeat the position embeddings of an encoder that has fewer than `max_length`.
    """

    auto_class: ClassVar[str] = "AutoModelForSequenceClassification"

    max_length: int = 512
    long_documents: str = "truncate"
    pooling: str = DEFAULT_POOLING
    window_overlap: int = 32
    max_windows: int | None = None
    train_windows: int | None = None
    extend_positions: bool = False

    def reading_problems(self) -> list[str]:
        """Return a sentence for each bad value of these settings."""
        problems = size_problems("task.", vars(self))
        if self.max_length < 3:
            problems.append(f"task.max_length is {self.max_length}; a text needs at least 3 tokens.")
        return [*problems, *LongDocuments.of(self).problems()]


class FittedReadingTask(FittedTask):
    """A task whose network gives logits of a whole text, and that has read its corpus.

    Attributes:
        problem_type: of the network.
    """

    config: ReadingTask
    problem_type: "ProblemType"

    def __init__(self, config: ReadingTask) -> None:
        super().__init__(config)
        self.windows = LongDocuments.of(config)

    @property
    def names(self) -> Sequence[str]:
        """The names of the logits."""
        return self.label_names

    def numbers_of(self, rows: "Dataset") -> Sequence[str]:
        """Return the names of the numbers that are the labels of rows, of column `values`; empty for classes."""
        return ()

    def encode_split(
        self, split: str, rows: "Dataset", fingerprint: str, tokenizer: "PreTrainedTokenizerBase"
    ) -> "Dataset":
        """Return id, input_ids, length, truncated, and labels and `domain` if known."""
        from nlp_transfer.data.corpus import DOMAIN_COLUMN
        from nlp_transfer.data.encoding.tokens import encode_texts

        return encode_texts(
            rows,
            tokenizer,
            max_length=self.max_length,
            fingerprint=fingerprint,
            keep=(DOMAIN_COLUMN,) if DOMAIN_COLUMN in rows.column_names else (),
            numbers=self.numbers_of(rows),
            windows=self.windows.encoder(tokenizer, trains=split == "train"),
        )

    def build_model(self, reference: "ModelReference") -> "LoadedModel":
        """Return the encoder with a head for the task."""
        from nlp_transfer.models.loading import load_encoder_with_head
        from nlp_transfer.models.positions import fit_positions

        loaded = load_encoder_with_head(reference, label_names=self.names, problem_type=self.problem_type)
        loaded = fit_positions(loaded, self.max_length, reference.model, repeat=self.config.extend_positions)
        self.windows.prepare(loaded.model)
        return loaded

    def collator(
        self, tokenizer: "PreTrainedTokenizerBase", *, compiled: bool = False, seed: int = 0
    ) -> "Callable[[list[dict[str, Any]]], dict[str, Tensor]]":
        """Return the collator that pads texts."""
        from nlp_transfer.data.encoding.collators import padding_collator

        return padding_collator(tokenizer, compiled=compiled)
