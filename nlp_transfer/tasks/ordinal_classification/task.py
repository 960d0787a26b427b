"""Ordinal classification: one class a text (column `label`), where classes have an order, such as 1 to 5 stars."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, final

from nlp_transfer.data.corpus import Corpus
from nlp_transfer.errors import ConfigError, DataError
from nlp_transfer.metrics.metric import ClassificationRows, OrdinalRows, ProbabilityRows, Scores
from nlp_transfer.tasks.base import Columns
from nlp_transfer.tasks.classification.baselines import Baseline
from nlp_transfer.tasks.classification.text_task import FittedTextClassification, TextClassification
from nlp_transfer.tasks.ordinal_classification import NAME
from nlp_transfer.tasks.ordinal_classification.baselines import BASELINES
from nlp_transfer.tasks.ordinal_classification.wording import WORDING
from nlp_transfer.tasks.wording import Wording

if TYPE_CHECKING:
    from torch import Tensor

    from nlp_transfer.tasks.predictor import Predictor


@final
@dataclass(frozen=True)
class OrdinalClassification(TextClassification):
    """Classify texts by classes with an order.

    Args:
        order: classes from the lowest to the highest; null takes labels that are numbers by their size.

    Example:
        >>> task = OrdinalClassification(order=["public", "permissive", "copyleft"])
        >>> task.fit(task.prepared(load_corpus(CorpusConfig("corpus")))).label_names
        ['public', 'permissive', 'copyleft']
    """

    name: ClassVar[str] = NAME
    primary_metric: ClassVar[str] = "quadratic_kappa"
    columns: ClassVar[Columns] = Columns(labels=True)
    baseline_table: ClassVar[Mapping[str, Baseline]] = BASELINES
    baseline_names: ClassVar[tuple[str, ...]] = tuple(BASELINES)
    scored_rows: ClassVar[tuple[type, ...]] = (OrdinalRows, ClassificationRows, ProbabilityRows)
    wording: ClassVar[Wording] = WORDING
    ordered: ClassVar[bool] = True

    order: list[str | int | float] | None = None

    def __post_init__(self) -> None:
        """Check the values."""
        super().__post_init__()
        unused = [name for name, value in vars(self).items() if name in ("focal_gamma", "label_smoothing") and value]
        if unused:
            raise ConfigError(f"task.{unused[0]} has no effect on classes with an order. Leave it out.")
        if self.order is not None and len({*map(str, self.order)}) != len(self.order):
            raise ConfigError(f"task.order repeats a class: {', '.join(map(str, self.order))}.")

    @classmethod
    def headline_metrics(cls, scores: Scores) -> list[str]:
        """Return quadratic kappa, the mean distance, and accuracy."""
        return [cls.primary_metric, "mae_in_classes", "accuracy"]

    @classmethod
    def predictor_class(cls) -> "type[Predictor]":
        """Return `OrdinalPredictor`."""
        from nlp_transfer.tasks.ordinal_classification.predictor import OrdinalPredictor

        return OrdinalPredictor

    def prepared(self, corpus: Corpus) -> Corpus:
        """Return the corpus with its classes in order; raise ConfigError if the order is not known."""
        from nlp_transfer.data.validation.labels import with_class_order

        if corpus.label_column != "label":
            return corpus
        names = corpus.label_names
        order = [*map(str, self.order)] if self.order else _by_size(names)
        if order is None:
            raise ConfigError(
                f"task.order is not set, and the classes of {corpus.origin} are no different numbers. Name all of them "
                f"from the lowest to the highest: task.order: [{', '.join(names)}]."
            )
        if set(order) != set(names):
            listed = {"lacks": set(names) - set(order), "has": set(order) - set(names)}
            what = " and ".join(f"{verb} {', '.join(sorted(which))}" for verb, which in listed.items() if which)
            raise ConfigError(f"task.order {what}; the classes of {corpus.origin} are {', '.join(names)}.")
        if order == names:
            return corpus
        return replace(corpus, splits={name: with_class_order(split, order) for name, split in corpus.splits.items()})

    def fit(self, corpus: Corpus) -> "FittedOrdinalClassification":
        """Return the task with the labels of a prepared corpus; raise DataError without one label a text."""
        if corpus.multi_label:
            raise DataError(
                f"{corpus.origin} has lists of labels, and classes with an order take one label a text (label)."
            )
        fitted = FittedOrdinalClassification(self, corpus)
        fitted.facts["order of classes"] = " < ".join(fitted.label_names)
        return fitted


def _by_size(names: Sequence[str]) -> list[str] | None:
    """Return names that are finite and different numbers by their size; None for others."""
    try:
        numbers = {name: float(name) for name in names}
    except ValueError:
        return None
    if len(set(numbers.values())) < len(names) or not all(map(math.isfinite, numbers.values())):
        return None
    return sorted(names, key=numbers.__getitem__)


@final
class FittedOrdinalClassification(FittedTextClassification):
    """A task of classes with an order that has read its corpus."""

    def row_losses(self, logits: "Tensor", labels: "Tensor") -> "Tensor":
        """Return the loss of each row, shape (rows,)."""
        from nlp_transfer.tasks.ordinal_classification.losses import ordinal_loss

        return ordinal_loss(logits, labels, class_weights=self.weights)
