"""Define a metric: its name, its direction, how it is computed and how it is shown."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

Scores = Mapping[str, Any]
"""The metrics of one split by name; `rows` is their number."""

UNDEFINED = "–"
"""The text of a score that does not exist, such as that of a class that occurs nowhere."""


def number(score: float | None) -> str:
    """Format a score with three decimals.

    Example:
        >>> number(0.12345), number(None)
        ('0.123', '–')
    """
    return UNDEFINED if score is None else f"{score:.3f}"


def perplexity(score: float | None) -> str:
    """Format a perplexity: two decimals below 1,000.

    Example:
        >>> perplexity(12.345), perplexity(12345.6)
        ('12.35', '12,346')
    """
    return UNDEFINED if score is None else f"{score:,.2f}" if score < 1000 else f"{score:,.0f}"


def percent(score: float | None) -> str:
    """Format a share as a percentage.

    Example:
        >>> percent(0.125)
        '12%'
    """
    return UNDEFINED if score is None else f"{score:.0%}"


@dataclass(frozen=True)
class Extract:
    """Selected sentences of a document, and the sentences that should be selected.

    Args:
        taken: numbers of the selected sentences.
        labels: 1 for each sentence of the document that belongs into an extract, 0 for others.
        scores: of each sentence; higher is better.
    """

    taken: Sequence[int]
    labels: Sequence[int]
    scores: Sequence[float]


@dataclass(frozen=True)
class ClassificationRows:
    """The rows that classification metrics are computed of.

    Args:
        predictions: class ids, shape (rows,), or 0/1, shape (rows, classes).
        references: the truth in the same form.
    """

    predictions: Any
    references: Any
    label_names: Sequence[str]
    multi_label: bool


@dataclass(frozen=True)
class ProbabilityRows:
    """The rows that metrics of probabilities, and of decisions made by them, are computed of.

    Args:
        probabilities: shape (rows, classes).
        references: class ids, shape (rows,), or 0/1, shape (rows, classes).
        predictions: the decisions in the same form.
        label_names: the classes in the order of their ids.
        accepted: whether the decision did not abstain, shape (rows,); None if it never does.
        plain: the predictions without thresholds and costs, in the same form; None is the most probable class, of
            several labels those of at least 0.5.
        sets: whether each class is in the row's set, shape (rows, classes); None without sets.
        costs: of each decision, shape (rows,); None without costs.
        plain_costs: of the predictions without costs, shape (rows,).
    """

    probabilities: "np.ndarray"
    references: "np.ndarray"
    predictions: "np.ndarray"
    label_names: Sequence[str]
    accepted: "np.ndarray | None" = None
    plain: "np.ndarray | None" = None
    sets: "np.ndarray | None" = None
    costs: "np.ndarray | None" = None
    plain_costs: "np.ndarray | None" = None
    interval: bool = False


@dataclass(frozen=True)
class OrdinalRows:
    """The rows that metrics of classes with an order are computed of, with 95 % bootstrap intervals if `interval`.

    Args:
        predictions: class ids, from the lowest class, shape (rows,).
        references: the truth in the same form.
    """

    predictions: "np.ndarray"
    references: "np.ndarray"
    interval: bool = False


@dataclass(frozen=True)
class RegressionRows:
    """The rows that metrics of predicted numbers are computed of, with 95 % bootstrap intervals if `interval`.

    Args:
        predictions: shape (rows, numbers).
        references: the truth in the same form.
        names: of the numbers.
        half_widths: of the intervals around predictions, shape (numbers,); None without.
    """

    predictions: "np.ndarray"
    references: "np.ndarray"
    names: Sequence[str]
    half_widths: "np.ndarray | None" = None
    interval: bool = False


@dataclass(frozen=True)
class TokenRows:
    """The rows that metrics of masked tokens are computed of, with 95 % bootstrap intervals if `interval`.

    Args:
        sums: sum of the losses of masked tokens, their number, and how many were guessed right, shape (rows, 3).
    """

    sums: "np.ndarray"
    interval: bool = False
    seed: int = 0


@dataclass(frozen=True)
class SummaryRows:
    """The documents that metrics of summaries are computed of.

    Args:
        references: the sentences of each reference; None where there are none.
        extracts: of summaries whose sentences are the document's, where labels are known.
        checked: count numbers, dates, amounts, references, citations and names that the document lacks.
        bertscore: the folder of an encoder for BERTScore.
    """

    summaries: Sequence[Sequence[str]]
    documents: Sequence[str]
    references: Sequence[Sequence[str]] | None
    extracts: "Sequence[Extract] | None" = None
    interval: bool = False
    checked: bool = False
    bertscore: Path | None = None


@dataclass(frozen=True)
class EntityRows:
    """The texts that metrics of entities are computed of.

    Args:
        predictions: the entities of each text, in order: first character, the character after the last, class.
        references: the truth in the same form.
        known: the mentions of the training texts, folded; None if they are not known.
        tags_right: number of tokens with the right tag, and of all; None if it is not known.
        probabilities: of the predictions, in their order; None if they are not known.
        accept_from: probability from which predictions are accepted; None if all are.
        interval: add the 95 % bootstrap interval of F1, over texts.
    """

    texts: Sequence[str]
    predictions: "Sequence[Sequence[Entity]]"
    references: "Sequence[Sequence[Entity]]"
    label_names: Sequence[str]
    known: frozenset[str] | None = None
    tags_right: tuple[int, int] | None = None
    probabilities: Sequence[Sequence[float]] | None = None
    accept_from: float | None = None
    interval: bool = False


Entity = tuple[int, int, str]
"""First character, the character after the last, class."""


@dataclass(frozen=True)
class TargetRows:
    """The probabilities of a target's rows, shape (rows, classes), that scores without labels are computed of."""

    probabilities: "np.ndarray"
    multi_label: bool


@dataclass(frozen=True)
class WeightedRows:
    """The source rows that a target's risk is estimated from.

    Args:
        losses: shape (rows,).
        weights: density of each row in the target over that in the source, shape (rows,).
    """

    losses: "np.ndarray"
    weights: "np.ndarray"


@dataclass(frozen=True)
class Metric:
    """One number that predictions are scored by. Tables, card, log and checkpoint selection read these fields.

    Args:
        name: the key in `metrics.json` and in the log.
        greater_is_better: its direction; None for a number without one, which chooses no checkpoint.
        compute: returns numbers by name; metrics that share a computation name the same function.
        rows: the type of the rows that it is computed of.
        title: its name in sentences.
        heading: (group, column) in tables of results; None leaves it out.
        table: the number of the table that it stands in, where a task has several.
        in_terminal: whether a terminal shows it, too.
        has_interval: whether `…_low` and `…_high` may be known.
        format: turns the number into text.
        logged: whether the line of an evaluation shows it.
        compared: whether tables of several runs show it.
        replaces: a metric that it stands for in tables where both are known.
        requires: a metric without which tables leave it out.

    Example:
        >>> Metric("always_one", True, lambda rows: {"always_one": 1.0}, TokenRows, "constant").name
        'always_one'
    """

    name: str
    greater_is_better: bool | None
    compute: Callable[[Any], Mapping[str, Any]]
    rows: type
    title: str
    heading: tuple[str, str] | None = None
    table: int = 0
    in_terminal: bool = True
    has_interval: bool = False
    format: Callable[[float | None], str] = number
    logged: bool = False
    compared: bool = False
    replaces: str | None = None
    requires: str | None = None

    def better(self, scores: Scores, others: Scores) -> bool:
        """Return whether some scores are better than others; False where either lacks the metric.

        Example:
            >>> Metric("loss", False, lambda rows: {}, TokenRows, "loss").better({"loss": 1.0}, {"loss": 2.0})
            True
        """
        one, other = scores.get(self.name), others.get(self.name)
        if one is None or other is None or self.greater_is_better is None:
            return False
        return bool(one > other if self.greater_is_better else one < other)
