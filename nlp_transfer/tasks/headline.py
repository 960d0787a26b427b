"""Word the scores of one split as a sentence."""

from collections.abc import Mapping, Sequence

from nlp_transfer.metrics.metric import Metric, Scores
from nlp_transfer.metrics.table import METRICS

MIN_ROWS = 30
"""Minimum number of rows, in all and of a class, whose scores are compared without a caveat."""


def compared_headline(
    where: str, unit: str, names: Sequence[str], systems: Mapping[str, Scores], ceiling: str = ""
) -> str:
    """Return sentences with a model's scores and a comparison with the best baseline, by the first metric.

    Args:
        systems: scores by system, the model first.
        ceiling: baseline that knows the answer.

    Example:
        >>> compared_headline("source test", "rows", ["macro_f1"], {"model": {"rows": 800, "macro_f1": 0.5}})
        "On 800 rows of source test the model's macro-F1 is 0.500."
    """
    (_, scores), *others = systems.items()
    first, *more = (METRICS[name] for name in names)
    sentence = (
        f"On {scores['rows']:,} {unit} of {where} the model's {first.title} is {first.format(scores[first.name])}"
        f"{interval_text(first, scores)}"
    )
    sentence += "".join(f" and its {metric.title} {metric.format(scores[metric.name])}" for metric in more)
    if ceiling in systems:
        sentence += f"; the {ceiling} has {first.format(systems[ceiling][first.name])}"
    sentences = [f"{sentence}."]
    beaten = {name: one for name, one in others if name != ceiling}
    if beaten:
        best = max(beaten, key=lambda name: beaten[name][first.name])
        sentences.append(_verdict(first, scores, beaten[best], best))
    if scores["rows"] < MIN_ROWS:
        sentences.append(f"{scores['rows']} {unit} are too few to tell systems apart.")
    return " ".join(sentences)


def interval_text(metric: Metric, scores: Scores) -> str:
    """Return the interval of a score in brackets; empty without an interval.

    Example:
        >>> interval_text(METRICS["macro_f1"], {"macro_f1_low": 0.5, "macro_f1_high": 0.75})
        ' (95 % interval 0.500 to 0.750)'
    """
    low, high = (scores.get(f"{metric.name}_{end}") for end in ("low", "high"))
    return "" if low is None else f" (95 % interval {metric.format(low)} to {metric.format(high)})"


def _verdict(metric: Metric, scores: Scores, other: Scores, name: str) -> str:
    """Compare a score with that of the best baseline; it is above or below if the difference's interval excludes 0."""
    baseline, theirs = f"the best baseline, {name}", metric.format(other[metric.name])
    ends = [other.get(f"{metric.name}_gain_{end}") for end in ("low", "high")]
    if ends[0] is None or ends[1] is None:
        return f"{baseline[0].upper()}{baseline[1:]}, has {theirs}; the interval of the difference is not known."
    gain, low, high = (100 * value for value in (scores[metric.name] - other[metric.name], *ends))
    interval = f"95 % interval of the difference {low:+.1f} to {high:+.1f}"
    if low <= 0 <= high or scores["rows"] < MIN_ROWS:
        return f"There is no clear difference from {baseline} ({theirs}): {gain:+.1f} points, {interval}."
    side = "above" if gain > 0 else "BELOW"
    return f"This {metric.title} is {abs(gain):.1f} points {side} {baseline} ({theirs}; {interval})."
