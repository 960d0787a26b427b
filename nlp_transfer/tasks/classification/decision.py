"""Decide on the classes of texts by the logits of a classifier: which class, whether to abstain, and at what cost."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from nlp_transfer.data.encoding.token_frequencies import TokenFrequencies

PREDICT, ABSTAIN = "predict", "abstain"
"""The values of `decision`."""


@dataclass(frozen=True)
class Decision:
    """Decision of a classifier: which class, whether to abstain, which classes are possible, at what cost.

    Args:
        label_names: the classes in the order of their ids.
        multi_label: whether a text may have any number of labels.
        thresholds: minimum probability of each predicted label, shape (classes,); multi-label only.
        accept_from: confidence from which a prediction is accepted, infinite if none is; None never abstains.
        set_levels: probability from which a class is in the set of possible ones, shape (classes,); None without sets.
        costs: of each predicted class for each true one, shape (true, predicted); for multi-label that of each label
            missed and of each false alarm, shape (2,); None without costs.
        frequencies: of tokens in the texts that it was fitted on; None if they are not known.
        ordered: classes have an order, the lowest first, so that the median of their probabilities is predicted.

    Example:
        >>> decision = Decision.plain(["red", "blue"], multi_label=False)
        >>> decision.names_of(decision.choose(np.array([[0.25, 0.75]]))[0])
        'blue'
    """

    label_names: Sequence[str]
    multi_label: bool
    thresholds: np.ndarray
    accept_from: float | None = None
    set_levels: np.ndarray | None = None
    costs: np.ndarray | None = None
    frequencies: TokenFrequencies | None = None
    ordered: bool = False

    @property
    def primary_metric(self) -> str:
        """The metric that is shown first."""
        return "quadratic_kappa" if self.ordered else "macro_f1"

    @classmethod
    def plain(cls, label_names: Sequence[str], *, multi_label: bool) -> Self:
        """Return the decision for the most probable class, for multi-label for each label of at least 0.5."""
        return cls(label_names, multi_label, np.full(len(label_names), 0.5))

    @classmethod
    def from_record(cls, record: Mapping[str, Any], label_names: Sequence[str], *, multi_label: bool) -> Self:
        """Return the decision that `record` describes; raise ValueError if it is no record of these classes."""
        thresholds, levels, classes = record.get("thresholds", {}), record.get("set_levels"), len(label_names)
        accept, costs = record.get("accept_from", {"confidence": None}), record.get("costs")
        try:
            made = cls(
                label_names,
                multi_label,
                np.array([thresholds.get(name, 0.5) for name in label_names]),
                accept_from=math.inf if accept is None else accept["confidence"],
                set_levels=None if levels is None else np.array([float(levels[name]) for name in label_names]),
                costs=None if costs is None else np.array(costs, dtype=np.float64),
                frequencies=TokenFrequencies.from_record(record["texts"]) if "texts" in record else None,
                ordered=record.get("ordered") is True,
            )
        except KeyError as error:
            raise ValueError(f"{error} is missing in set_levels, accept_from or texts") from error
        except (AttributeError, TypeError) as error:
            raise ValueError(f"a value is not of its kind: {error}") from error
        if made.costs is not None and made.costs.shape != ((2,) if multi_label else (classes, classes)):
            raise ValueError(f"costs have the shape {made.costs.shape} for {classes} classes")
        shares = {"thresholds": made.thresholds, "set_levels": made.set_levels}
        for name, values in shares.items():
            if values is not None and not ((values >= 0) & (values <= 1)).all():
                raise ValueError(f"{name} holds {values.tolist()}; expected probabilities")
        if made.costs is not None and not (made.costs >= 0).all():
            raise ValueError(f"costs holds {made.costs.tolist()}; expected costs of 0 or more")
        return made

    def record(self) -> dict[str, Any]:
        """Return the decision as JSON holds it, without classes; see `from_record`."""
        record: dict[str, Any] = {"thresholds": self.threshold_by_label()}
        if self.accept_from is not None:
            finite = math.isfinite(self.accept_from)
            record["accept_from"] = {"confidence": self.accept_from} if finite else None
        if self.set_levels is not None:
            record["set_levels"] = dict(zip(self.label_names, self.set_levels.tolist(), strict=True))
        if self.costs is not None:
            record["costs"] = self.costs.tolist()
        if self.ordered:
            record["ordered"] = True
        if self.promises and self.frequencies is not None:
            record["texts"] = self.frequencies.record()
        return record

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """Return the softmax of logits, for multi-label the sigmoid; float64, shape (rows, classes)."""
        from scipy.special import expit, softmax

        logits = np.asarray(logits, dtype=np.float64)
        return expit(logits) if self.multi_label else softmax(logits, axis=-1)

    def choose(self, probabilities: np.ndarray) -> np.ndarray:
        """Return class ids of least expected cost or distance, (rows,); for multi-label 0 or 1, (rows, classes)."""
        if self.multi_label:
            return (probabilities >= self.thresholds).astype(int)
        if self.costs is not None:
            return (probabilities @ self.costs).argmin(axis=-1)
        if self.ordered:
            return (probabilities.cumsum(axis=-1)[..., :-1] < 0.5).sum(axis=-1)
        return probabilities.argmax(axis=-1)

    def plain_choice(self, probabilities: np.ndarray) -> np.ndarray:
        """Return what is chosen without thresholds and costs, in the form of `choose`."""
        return replace(self, thresholds=np.full(len(self.label_names), 0.5), costs=None).choose(probabilities)

    def sets(self, probabilities: np.ndarray) -> np.ndarray | None:
        """Return whether each class is in the set of possible ones, shape (rows, classes); None without sets.

        Of classes with an order, a set has all between its lowest and its highest.
        """
        if self.set_levels is None:
            return None
        inside = np.asarray(probabilities >= self.set_levels)
        if not self.ordered:
            return inside
        from_below, from_above = (np.maximum.accumulate(side, axis=-1) for side in (inside, inside[..., ::-1]))
        return np.asarray(from_below & from_above[..., ::-1])

    def accepts(self, probabilities: np.ndarray) -> np.ndarray | None:
        """Return whether each prediction is accepted, shape (rows,); None if the decision never abstains."""
        from nlp_transfer.metrics.probability_scores import confidences

        if self.accept_from is None:
            return None
        return np.asarray(confidences(probabilities, self.choose(probabilities)) >= self.accept_from)

    def expected_costs(self, probabilities: np.ndarray) -> np.ndarray | None:
        """Return the expected cost of each prediction, shape (rows,); None without costs."""
        if self.costs is None:
            return None
        choice = self.choose(probabilities)
        if self.multi_label:
            missed, false_alarm = self.costs
            return np.asarray(np.where(choice == 1, (1 - probabilities) * false_alarm, probabilities * missed).sum(1))
        return np.asarray((probabilities @ self.costs)[np.arange(len(choice)), choice])

    def row_costs(self, choice: np.ndarray, references: np.ndarray) -> np.ndarray | None:
        """Return the cost of each choice by its reference, shape (rows,); None without costs."""
        if self.costs is None:
            return None
        if self.multi_label:
            missed, false_alarm = self.costs
            return np.asarray(((references > choice) * missed + (choice > references) * false_alarm).sum(axis=1))
        return np.asarray(self.costs[references, choice])

    def names_of(self, choice: Any) -> str | list[str]:
        """Return the name of a class id; for multi-label the names of a row of zeros and ones."""
        return self.names_where(choice) if self.multi_label else self.label_names[int(choice)]

    def names_where(self, mask: np.ndarray) -> list[str]:
        """Return the names of the classes that a mask has, shape (classes,)."""
        return [self.label_names[i] for i in np.flatnonzero(mask).tolist()]

    def threshold_by_label(self) -> dict[str, float]:
        """Return the thresholds by label name; empty for single-label."""
        return dict(zip(self.label_names, self.thresholds.tolist(), strict=True)) if self.multi_label else {}

    @property
    def promises(self) -> bool:
        """True if the decision promises a precision or a coverage."""
        return self.accept_from is not None or self.set_levels is not None

    @property
    def row_keys(self) -> tuple[str, ...]:
        """The keys of a line of predictions, in their order."""
        parts = {"decision": self.accept_from, "set": self.set_levels, "expected_cost": self.costs}
        configured = [name for name, part in parts.items() if part is not None]
        return ("id", "split", "domain", "label", "predicted", *configured, "probabilities")

    def describe(self, probabilities: np.ndarray) -> Iterator[dict[str, Any]]:
        """Yield for each row the keys `predicted`, and `decision`, `set` and `expected_cost` if configured."""
        accepted, costs = self.accepts(probabilities), self.expected_costs(probabilities)
        sets = self.sets(probabilities)
        for i, choice in enumerate(self.choose(probabilities)):
            row: dict[str, Any] = {"predicted": self.names_of(choice)}
            if accepted is not None:
                row["decision"] = PREDICT if accepted[i] else ABSTAIN
            if sets is not None:
                row["set"] = self.names_where(sets[i])
            if costs is not None:
                row["expected_cost"] = round(float(costs[i]), 6)
            yield row

    def prediction_rows(
        self, ids: Iterable[str], references: np.ndarray | None, probabilities: np.ndarray
    ) -> Iterator[dict[str, Any]]:
        """Yield the lines of predictions, without `split` and `domain`; references are None without labels."""
        rows = zip(ids, self.describe(probabilities), probabilities.tolist(), strict=True)
        for place, (row_id, made, row) in enumerate(rows):
            yield {
                "id": row_id,
                "label": None if references is None else self.names_of(references[place]),
                **made,
                "probabilities": dict(zip(self.label_names, row, strict=True)),
            }

    def scores(self, probabilities: np.ndarray, references: np.ndarray, *, interval: bool) -> dict[str, Any]:
        """Return the metrics of classes and of probabilities; see `METRICS`."""
        from nlp_transfer.metrics.metric import ProbabilityRows
        from nlp_transfer.metrics.table import compute_scores

        choice, plain = self.choose(probabilities), self.plain_choice(probabilities)
        rows = ProbabilityRows(
            probabilities,
            references,
            choice,
            self.label_names,
            accepted=self.accepts(probabilities),
            plain=plain,
            sets=self.sets(probabilities),
            costs=self.row_costs(choice, references),
            plain_costs=self.row_costs(plain, references),
            interval=interval,
        )
        return {**self.choice_scores(choice, references, interval=interval), **compute_scores(rows)}

    def choice_scores(self, choice: np.ndarray, references: np.ndarray, *, interval: bool = True) -> dict[str, Any]:
        """Return the metrics of chosen classes, of this decision or of another system; see `METRICS`."""
        from nlp_transfer.metrics.metric import OrdinalRows
        from nlp_transfer.metrics.table import classification_metrics, compute_scores

        options = {"multi_label": self.multi_label, "interval": interval}
        scores = classification_metrics(choice, references, self.label_names, **options)
        return {**scores, **(compute_scores(OrdinalRows(choice, references, interval)) if self.ordered else {})}
