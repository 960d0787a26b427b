"""Make the figures of a classifier from its scores and probabilities."""

from collections.abc import Mapping, Sequence

import numpy as np

from nlp_transfer.metrics.metric import Scores, number
from nlp_transfer.metrics.probability_scores import bins_of, claims, confidence_and_correctness, risk_coverage_curve
from nlp_transfer.tasks.blocks import Figure, Table
from nlp_transfer.tasks.charts import Bars, Curves, Grid, Intervals, Points

BAR_CLASSES = 40
"""Maximum number of classes that have a bar."""

MIN_ROWS = 20
"""Minimum number of scored texts of which a figure tells anything."""

CURVE_POINTS = 200
"""Maximum number of points of a curve."""


def class_bars(scores: Scores) -> Figure:
    """Return the F1 of each class with its support; of many classes those of the lowest F1."""
    classes = scores["per_class"]
    shown, caption = list(classes), "The F1 of each class, with the number of its rows."
    if len(classes) > BAR_CLASSES:
        known = [name for name in classes if classes[name]["f1"] is not None]
        shown = sorted(known, key=lambda name: float(classes[name]["f1"]))[:BAR_CLASSES]
        caption = f"The {len(shown)} classes of the lowest F1 out of {len(classes):,}, with the number of their rows."
    chart = Bars(
        "F1",
        {name: classes[name]["f1"] for name in shown},
        {name: f"{classes[name]['support']:,}" for name in shown},
    )
    return Figure(chart, f"F1 by class: {_range(chart.bars)}", caption)


def confusion_grid(scores: Scores, table: Table) -> Figure:
    """Return the confusion matrix that a table has, in colours."""
    counts = scores["confusion_matrix"]
    right = sum(row[place] for place, row in enumerate(counts))
    return Figure(
        Grid("predicted", "true", list(table.columns[1:]), counts),
        f"Confusion matrix: {right:,} of {sum(map(sum, counts)):,} rows are on its diagonal",
        "The darker a cell, the larger its share of the rows of the true class.",
    )


def confidence_figures(
    probabilities: np.ndarray, plain: np.ndarray, labels: np.ndarray, lengths: np.ndarray | None, where: str
) -> list[Figure]:
    """Return the figures of how right a model is by its confidence and by the length of rows; few rows have none.

    Args:
        probabilities: of the classes, shape (rows, classes).
        plain: predictions without thresholds and costs: class ids, (rows,), or zeros and ones, (rows, classes).
        labels: the truth in the same form.
        lengths: tokens of each row, shape (rows,); None if they are not known.
    """
    if len(labels) < MIN_ROWS:
        return []
    sure, right = confidence_and_correctness(probabilities, labels, plain)
    claimed, came_true = claims(probabilities, labels, plain)
    made = [reliability(claimed.ravel(), came_true.ravel(), where), risk_coverage(sure, right, where)]
    return made if lengths is None else [*made, accuracy_by_length(lengths, right, where)]


def reliability(confidence: np.ndarray, right: np.ndarray, where: str) -> Figure:
    """Return the share of right predictions by the model's confidence, in the bins of the calibration error.

    Args:
        confidence: probability of each prediction, shape (rows,).
        right: whether it is the label, shape (rows,).
    """
    place = bins_of(confidence)
    bins = [place == number for number in np.unique(place)]
    points = [[round(float(confidence[one].mean()), 4), round(float(right[one].mean()), 4)] for one in bins]
    sizes = [int(one.sum()) for one in bins]
    gap = sum(abs(x - y) * size for (x, y), size in zip(points, sizes, strict=True)) / len(confidence)
    return Figure(
        Curves("confidence", "share right", {"model": points}, diagonal="calibrated"),
        f"Reliability diagram of {where}: {_span(points, 'share right')}; mean distance from the diagonal {gap:.3f}",
        f"Reliability of {where}: {len(bins)} bins of {min(sizes):,} to {max(sizes):,} predictions. Below the diagonal "
        f"the model is too sure of itself. The mean distance from it is {gap:.3f}.",
    )


def risk_coverage(confidence: np.ndarray, right: np.ndarray, where: str) -> Figure:
    """Return the share of wrong predictions among the surest ones, by how many are answered.

    Predictions of equal confidence are answered together.
    """
    shares, risks = risk_coverage_curve(confidence, ~right)
    shown = np.linspace(0, len(shares) - 1, min(CURVE_POINTS, len(shares))).round().astype(int)
    points = [[round(float(shares[i]), 4), round(float(risks[i]), 4)] for i in shown]
    halfway = float(np.interp(0.5, shares, risks))
    return Figure(
        Curves("coverage", "risk", {"model": points}),
        f"Risk and coverage of {where}: {risks[-1]:.3f} of all predictions are wrong, {halfway:.3f} of the surest half",
        f"Risk and coverage of {where}: the share of wrong predictions where only the surest are answered.",
    )


def accuracy_by_length(lengths: np.ndarray, right: np.ndarray, where: str) -> Figure:
    """Return the share of right predictions by quarters of the rows, the shortest first; ties together."""
    quarter = np.searchsorted(np.quantile(lengths, [0.25, 0.5, 0.75], method="inverted_cdf"), lengths)
    dots = {}
    for own in (quarter == place for place in np.unique(quarter)):
        low, high = lengths[own].min(), lengths[own].max()
        name = f"{low:,} to {high:,} tokens" if low < high else f"{low:,} tokens"
        dots[name] = wilson_interval(int(right[own].sum()), int(own.sum()))
    values = {name: dot[0] for name, dot in dots.items()}
    return Figure(
        Intervals("share right", dots),
        f"Share right by length, {where}: {_range(values)}",
        f"Length, {where}: about a quarter of the rows each, tokens before any cut, 95 % intervals (Wilson).",
    )


def scores_by_frequency(frequency: Mapping[str, int], scores: Scores, where: str) -> Figure:
    """Return the F1 of each class by its number of training rows: a bar each for few classes, else a point each."""
    f1 = {name: one["f1"] for name, one in scores["per_class"].items()}
    order = sorted(f1, key=lambda name: -frequency[name])
    known = [name for name in order if f1[name] is not None]
    chart: Bars | Points = Bars("F1", {name: f1[name] for name in order}, {name: f"{frequency[name]:,}" for name in f1})
    how = "classes by their number of training rows, in brackets"
    if len(order) > BAR_CLASSES // 2:
        points = [[max(frequency[name], 0.5), round(float(f1[name]), 4)] for name in known]
        chart = Points("training rows", "F1", {"classes": points}, log_x=True)
        how = "each point is a class"
    ends = "; ".join(
        f"{name} ({frequency[name]:,}) {number(f1[name])}" for name in dict.fromkeys([order[0], order[-1]])
    )
    return Figure(chart, f"F1 by class frequency in training, {where}: {ends}", f"Class frequency, {where}: {how}.")


def wilson_interval(successes: int, rows: int) -> list[float]:
    """Return a share with its 95 % interval (Wilson 1927), rounded to 4 decimals.

    Example:
        >>> wilson_interval(8, 10)
        [0.8, 0.4902, 0.9433]
    """
    share, z = successes / rows, 1.959964
    middle = (share + z * z / (2 * rows)) / (1 + z * z / rows)
    half = z / (1 + z * z / rows) * np.sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows))
    return [round(float(value), 4) for value in (share, middle - half, middle + half)]


def _range(values: Mapping[str, float | None]) -> str:
    """Describe the lowest and the highest of some numbers."""
    known = {name: value for name, value in values.items() if value is not None}
    if not known:
        return "none is known"
    low, high = min(known, key=known.__getitem__), max(known, key=known.__getitem__)
    return f"lowest {low} {number(known[low])}, highest {high} {number(known[high])}"


def _span(points: Sequence[Sequence[float]], name: str) -> str:
    (low, at_low), (high, at_high) = points[0], points[-1]
    return f"{name} {at_low:.3f} at confidence {low:.3f} and {at_high:.3f} at {high:.3f}"
