"""Configure the decision of a classifier, and fit it on rows that the model has not learned from."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from nlp_transfer.errors import CheckedArguments, ConfigError, did_you_mean
from nlp_transfer.tasks.abstention import CALIBRATIONS, Abstention, check_shares
from nlp_transfer.tasks.classification.decision import Decision

MISSED, FALSE_ALARM = "missed", "false_alarm"
"""Keys of the costs of several labels a text."""

USELESS = 0.8
"""Mean share of the classes from which sets are called useless."""


@dataclass(frozen=True)
class PredictionSets(CheckedArguments):
    """Settings for sets of possible classes.

    Args:
        coverage: minimum probability with which the true class is in the set, such as 0.9; null makes no sets.
        per_class: keep that for each class, also for rare ones, not only on average over texts.
    """

    coverage: float | None = None
    per_class: bool = True

    def __post_init__(self) -> None:
        """Check the values."""
        check_shares("sets", coverage=self.coverage)


@dataclass(frozen=True)
class DecisionSettings(CheckedArguments):
    """Settings for what is made of a classifier's logits, fitted on source validation.

    Args:
        calibration: `temperature` divides logits by one number, for several labels a text each label is scaled by
            Platt's method; `none` leaves them.
        abstain: mark texts on which the model is not sure enough.
        sets: give the set of possible classes of each text.
        costs: predict at the least expected cost: {true class: {predicted class: cost}}, where what is not named costs
            0 if right and 1 if wrong (of classes with an order, the distance); for several labels a text {missed: cost,
            false_alarm: cost}.

    Example:
        >>> DecisionSettings(abstain=Abstention(precision=0.95)).abstain.confidence
        0.95
    """

    calibration: Literal["temperature", "none"] = "temperature"
    abstain: Abstention = field(default_factory=Abstention)
    sets: PredictionSets = field(default_factory=PredictionSets)
    costs: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the values."""
        problems = []
        if self.calibration not in CALIBRATIONS:
            problems.append(f"task.decision.calibration: {did_you_mean('value', self.calibration, CALIBRATIONS)}")
        problems += [
            f"{path} is {cost!r}; expected a cost of 0 or more."
            for path, cost in _leaves(self.costs, "task.decision.costs")
            if isinstance(cost, bool) or not isinstance(cost, int | float) or not 0 <= cost < math.inf
        ]
        if self.costs and self.abstain.precision is not None:
            problems.append(
                "task.decision has both abstain.precision and costs: one promises that predictions are right, and the "
                "other makes wrong ones on purpose. Leave one out."
            )
        if problems:
            raise ConfigError(problems)

    @property
    def promised(self) -> list[str]:
        """Return the settings that are fitted on rows which training does not learn from."""
        given = {"abstain.precision": self.abstain.precision, "sets.coverage": self.sets.coverage}
        return [f"task.decision.{name}" for name, value in given.items() if value is not None]

    def cost_array(self, label_names: Sequence[str], *, multi_label: bool, ordered: bool = False) -> np.ndarray | None:
        """Return the costs as `Decision` has them; raise ConfigError where they do not fit the classes.

        What is not named costs the distance in classes if they are `ordered`, else 1.
        """
        if not self.costs:
            return None
        if multi_label:
            if set(self.costs) != {MISSED, FALSE_ALARM} or any(isinstance(c, Mapping) for c in self.costs.values()):
                raise ConfigError(
                    f"task.decision.costs has {', '.join(self.costs)}; a text may have several labels: expected "
                    f"{{{MISSED}: cost, {FALSE_ALARM}: cost}}."
                )
            return np.array([self.costs[MISSED], self.costs[FALSE_ALARM]], dtype=np.float64)
        places = np.arange(len(label_names), dtype=np.float64)
        distances = np.abs(places[:, None] - places)
        costs, problems = distances if ordered else (distances > 0).astype(np.float64), []
        for true, row in self.costs.items():
            if not isinstance(row, Mapping):
                raise ConfigError(
                    f"task.decision.costs.{true} is {row!r}; expected {{predicted class: cost}} for each true class, "
                    "since a text has one label."
                )
            for predicted, cost in row.items():
                unknown = [name for name in (true, predicted) if name not in label_names]
                problems += [f"task.decision.costs: {did_you_mean('class', str(n), label_names)}" for n in unknown]
                if not unknown:
                    costs[label_names.index(true), label_names.index(predicted)] = cost
        if problems:
            raise ConfigError(problems)
        return costs


def with_thresholds(decision: Decision, logits: np.ndarray, labels: np.ndarray, *, tuned: bool) -> Decision:
    """Return a decision on several labels with thresholds of least expected cost, else `tuned` to the F1 of each."""
    from nlp_transfer.metrics.thresholds import tune_thresholds

    if not decision.multi_label:
        return decision
    if decision.costs is not None:
        missed, false_alarm = decision.costs
        level = false_alarm / (missed + false_alarm) if missed + false_alarm else 0.5
        return replace(decision, thresholds=np.full(len(decision.label_names), level))
    return replace(decision, thresholds=tune_thresholds(decision.probabilities(logits), labels)) if tuned else decision


def fit_decision(
    settings: DecisionSettings, decision: Decision, logits: np.ndarray, labels: np.ndarray
) -> tuple[Decision, list[str]]:
    """Return a decision with abstention and sets fitted, and a sentence for each promise that cannot be kept.

    Args:
        decision: with thresholds and costs.
        logits: calibrated without the row itself, shape (rows, classes).
        labels: class ids, shape (rows,), or zeros and ones, shape (rows, classes).
    """
    probabilities, problems = decision.probabilities(logits), []
    abstain, sets = settings.abstain, settings.sets
    if abstain.precision is not None:
        decision, problem = _with_abstention(abstain, decision, probabilities, labels)
        problems += problem
    if sets.coverage is not None:
        from nlp_transfer.metrics.conformal import set_levels

        levels = set_levels(probabilities, labels, sets.coverage, per_class=sets.per_class)
        decision = replace(decision, set_levels=levels)
        problems += [*_uncovered(sets, decision, labels), *_useless(decision.sets(probabilities))]
    return decision, problems


def _with_abstention(
    abstain: Abstention, decision: Decision, probabilities: np.ndarray, labels: np.ndarray
) -> tuple[Decision, list[str]]:
    from nlp_transfer.metrics.probability_scores import confidences
    from nlp_transfer.metrics.selective import acceptance_level, rows_needed

    assert abstain.precision is not None
    choice = decision.choose(probabilities)
    right = (choice == labels).reshape(len(labels), -1).all(axis=1)
    level = acceptance_level(confidences(probabilities, choice), right, abstain.precision, abstain.confidence)
    decision = replace(decision, accept_from=math.inf if level is None else level)
    if level is not None:
        return decision, []
    needed = rows_needed(abstain.precision, abstain.confidence)
    return decision, [
        f"No confidence gives a precision of {abstain.precision:g} that {len(labels):,} calibration rows can promise "
        f"(it takes at least {needed:,} sure rows that are all right): every text is marked {'abstain'!r}."
    ]


def _uncovered(sets: PredictionSets, decision: Decision, labels: np.ndarray) -> list[str]:
    """Return a sentence on the classes that are in every set, since their calibration rows are too few."""
    from nlp_transfer.metrics.conformal import rows_needed

    assert sets.coverage is not None and decision.set_levels is not None
    counts = labels.sum(axis=0) if labels.ndim == 2 else np.bincount(labels, minlength=len(decision.label_names))
    needed = rows_needed(sets.coverage)
    counts = counts if sets.per_class else np.full(len(counts), counts.sum())
    few = [f"{name} ({int(counts[i])})" for i, name in enumerate(decision.label_names) if counts[i] < needed]
    if not few:
        return []
    return [
        f"A coverage of {sets.coverage:g} takes at least {needed} calibration rows of a class; fewer are of "
        f"{', '.join(few)}: every set holds {'it' if len(few) == 1 else 'them'}."
    ]


def _useless(inside: np.ndarray | None) -> Iterator[str]:
    """Yield a sentence where sets leave out hardly any class; see `Decision.sets`."""
    assert inside is not None
    classes, size = inside.shape[1], float(inside.sum(axis=1).mean())
    if size > USELESS * classes:
        yield f"Sets have {size:.2f} of {classes} classes on average: they leave out hardly any, and so are useless."


def _leaves(costs: Mapping[str, Any], path: str) -> Iterator[tuple[str, Any]]:
    for name, value in costs.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{path}.{name}")
        else:
            yield f"{path}.{name}", value
