"""The settings of reading documents that are longer than an encoder's input, in training and in a saved model."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Self

from nlp_transfer.data.validation.row_kinds import ROW_KINDS
from nlp_transfer.errors import did_you_mean

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from nlp_transfer.data.encoding.document_windows import WindowEncoder
    from nlp_transfer.data.encoding.text_pairs import PairEncoder

TRUNCATE, WINDOWS = "truncate", "windows"

POOLINGS = ("mean", "first_and_mean", "max", "top_k")
"""Ways to pool the logits of windows; see models/heads/document_pooling.py."""

DEFAULT_POOLING = "first_and_mean"
"""Pooling where none is named; the mean alone is worse than truncation where documents begin with what counts."""


@dataclass(frozen=True)
class LongDocuments:
    """Settings of a task; see `SequenceClassification`."""

    max_length: int
    long_documents: str
    pooling: str
    window_overlap: int
    max_windows: int | None
    train_windows: int | None = None
    pairs: bool = False

    @classmethod
    def of(cls, task: Any) -> Self:
        """Return the settings of a task."""
        given = {field.name: getattr(task, field.name) for field in fields(cls) if field.name != "pairs"}
        return cls(**given, pairs=len(ROW_KINDS[task.columns.kind].texts) > 1)

    @classmethod
    def from_record(cls, record: Mapping[str, Any], max_length: int) -> Self:
        """Return the settings of a saved model, from its `record`; raise ValueError if they are damaged."""
        known = {"long_documents": TRUNCATE, "pooling": DEFAULT_POOLING, "window_overlap": 0, "max_windows": None}
        given = {name: record.get(name, value) for name, value in known.items()}
        settings = cls(max_length, **given, pairs=record.get("pairs") is True)
        for name, value in (("window_overlap", settings.window_overlap), ("max_windows", settings.max_windows or 1)):
            if type(value) is not int:
                raise ValueError(f"{name} is {value!r}, no whole number")
        if problems := settings.problems():
            raise ValueError("; ".join(problems).replace("task.", ""))
        return settings

    def record(self) -> dict[str, Any]:
        """Return what a saved model needs to read as it was validated; empty where it truncates."""
        left_out = ("max_length", "train_windows", "pairs")
        read = {name: value for name, value in asdict(self).items() if self.in_windows and name not in left_out}
        return {**read, "pairs": True} if self.pairs else read

    @property
    def in_windows(self) -> bool:
        """True if documents are read in windows."""
        return self.long_documents == WINDOWS

    def problems(self) -> list[str]:
        """Return a sentence for each bad value."""
        problems = []
        if self.long_documents not in (TRUNCATE, WINDOWS):
            problems.append(f"task.long_documents: {did_you_mean('mode', self.long_documents, (TRUNCATE, WINDOWS))}")
        if self.pooling in ("first", "head_tail"):
            count = {"first": 1, "head_tail": 2}[self.pooling]
            problems.append(f"task.pooling is {self.pooling!r}: set task.max_windows: {count} and task.pooling: mean.")
        elif self.pooling == "attention":
            problems.append(
                f"task.pooling is 'attention', which has no gain over {DEFAULT_POOLING} where it was measured "
                f"(configs/README.md). Take one of {', '.join(POOLINGS)}."
            )
        elif self.pooling not in POOLINGS:
            problems.append(f"task.pooling: {did_you_mean('pooling', self.pooling, POOLINGS)}")
        other = self.pooling not in (DEFAULT_POOLING, "mean")  # the default of earlier versions, in their runs' records
        unused = other or self.max_windows is not None or self.train_windows is not None
        if not self.in_windows and unused:
            names = "task.pooling, task.max_windows and task.train_windows"
            problems.append(f"{names} take effect with task.long_documents: windows only.")
        if self.window_overlap < 0:
            problems.append(f"task.window_overlap is {self.window_overlap}; expected 0 or more.")
        for name in ("max_windows", "train_windows"):
            if (value := getattr(self, name)) is not None and value < 1:
                problems.append(f"task.{name} is {value}; expected 1 or more, or null for all windows.")
        return problems

    def encoder(
        self, tokenizer: "PreTrainedTokenizerBase", *, trains: bool = False
    ) -> "WindowEncoder | PairEncoder | None":
        """Return the encoder of documents or pairs, or of those of training; None for texts that are truncated."""
        from nlp_transfer.data.encoding.document_windows import WindowEncoder
        from nlp_transfer.data.encoding.text_pairs import PairEncoder

        overlap = min(self.window_overlap, self.max_length // 2)
        limits = [count for count in (self.max_windows, self.train_windows if trains else None) if count is not None]
        most = min(limits, default=None)
        if self.pairs:
            return PairEncoder(tokenizer, self.max_length, overlap, most, truncates=not self.in_windows)
        return WindowEncoder(tokenizer, self.max_length, overlap, most) if self.in_windows else None

    def columns(self, texts: Sequence[Any], tokenizer: "PreTrainedTokenizerBase") -> dict[str, list[Any]]:
        """Return the columns `input_ids`, `text_length`, `read` and those that the encoder makes of texts or pairs."""
        from nlp_transfer.data.encoding.tokens import truncated_columns

        if (encoder := self.encoder(tokenizer)) is not None:
            return encoder.columns(texts)
        return truncated_columns(texts, tokenizer=tokenizer, max_length=self.max_length)

    def prepare(self, model: Any) -> None:
        """Let the network read documents of several windows, if so set."""
        from nlp_transfer.models.heads.document_pooling import read_windows

        if self.in_windows:
            read_windows(model, self.pooling)
