"""A task that the package does not have: classify texts, scored by the share of the first class alone."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np

from nlp_transfer.data.encoding.collators import PaddingCollator
from nlp_transfer.data.encoding.tokens import encode_texts
from nlp_transfer.metrics.metric import Metric
from nlp_transfer.models.loading import load_encoder_with_head
from nlp_transfer.models.reference import ModelReference
from nlp_transfer.tasks.base import Columns, FittedTask, Task
from nlp_transfer.tasks.wording import Wording


@dataclass(frozen=True)
class FirstClassRows:
    """The predicted class ids of some rows, shape (rows,)."""

    predicted: np.ndarray


FIRST_CLASS = Metric(
    "first_class",
    True,
    lambda rows: {"first_class": float((rows.predicted == 0).mean()), "rows": len(rows.predicted)},
    FirstClassRows,
    "share of the first class",
    heading=("", "first class"),
    logged=True,
)


@dataclass(frozen=True)
class FirstClass(Task):
    """Guess the first class."""

    name: ClassVar[str] = "first_class_guessing"
    primary_metric: ClassVar[str] = FIRST_CLASS.name
    scored_rows: ClassVar[tuple[type, ...]] = (FirstClassRows,)
    columns: ClassVar[Columns] = Columns(labels=True)
    wording: ClassVar[Wording] = Wording(
        unit="texts",
        legend="The share of the first class is a share.",
        purpose="It guesses.",
        usage="Look at `{model}`.",
        hub_usage="",
        not_for="It is not for anything else.",
        pipeline_tag="text-classification",
    )

    max_length: int = 16

    def fit(self, corpus: Any) -> "FittedFirstClass":
        return FittedFirstClass(self, list(corpus.label_names))


class FittedFirstClass(FittedTask):
    """The same with a corpus's classes."""

    row_keys = ("id", "split", "domain", "first")

    def __init__(self, config: FirstClass, names: list[str]) -> None:
        self.config, self.name, self.max_length, self.facts = config, config.name, config.max_length, {}
        self.names = names

    def encode_split(self, split: str, rows: Any, fingerprint: str, tokenizer: Any) -> Any:
        return encode_texts(rows, tokenizer, max_length=self.max_length, fingerprint=fingerprint)

    def example(self, row: dict[str, Any], tokenizer: Any) -> tuple[str, str]:
        return str(row["labels"]), str(tokenizer.decode(row["input_ids"]))

    def build_model(self, reference: ModelReference) -> Any:
        return load_encoder_with_head(reference, label_names=self.names)

    def collator(self, tokenizer: Any, *, compiled: bool = False, seed: int = 0) -> Callable[..., Any]:
        return PaddingCollator(tokenizer)

    def score(self, logits: np.ndarray, labels: np.ndarray, *, interval: bool = False, rows: Any = None) -> Any:
        from nlp_transfer.metrics.table import compute_scores

        return compute_scores(FirstClassRows(np.asarray(logits).argmax(axis=-1)))

    def rows(self, predictions: Any, encoded: Any) -> Any:
        for row_id, row in zip(predictions.ids, predictions.logits, strict=True):
            yield {"id": row_id, "first": bool(row.argmax() == 0)}


def shortened(task: type[Task]) -> dict[str, int]:
    """The length of short rows, for a task that has one."""
    return {"max_length": 32} if "max_length" in {field.name for field in fields(task)} else {}
