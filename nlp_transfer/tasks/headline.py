"""Word the scores of one split as a sentence."""

from collections.abc import Mapping, Sequence

from nlp_transfer.metrics.metric import Metric, Scores
from nlp_transfer.metrics.table import METRICS

MIN_GAIN = 0.05
"""Minimum difference in points that is not called level: one decimal shows it."""


def compared_headline(
    where: str, unit: str, names: Sequence[str], systems: Mapping[str, Scores], ceiling: str = ""
) -> str:
    """Return a sentence with a model's scores and a comparison with the best baseline, by the first metric.

    Args:
        systems: scores by system, the model first.
        ceiling: baseline that knows the answer.

    Example:
        >>> compared_headline("source test", "rows", ["macro_f1"], {"model": {"rows": 8, "macro_f1": 0.5}})
        'On 8 rows of source test its macro-F1 is 0.500.'
    """
    (_, scores), *others = systems.items()
    first, *more = (METRICS[name] for name in names)
    sentence = (
        f"On {scores['rows']:,} {unit} of {where} its {first.title} is {first.format(scores[first.name])}"
        f"{interval_text(first, scores)}"
    )
    sentence += "".join(f" and its {metric.title} {metric.format(scores[metric.name])}" for metric in more)
    beaten = {name: one for name, one in others if name != ceiling}
    if beaten:
        best = max(beaten, key=lambda name: beaten[name][first.name])
        sentence += f"; that {first.title} is {_verdict(first, scores, beaten[best], best)}"
    if ceiling in systems:
        sentence += f"; the {ceiling} has {first.format(systems[ceiling][first.name])}"
    return sentence + "."


def interval_text(metric: Metric, scores: Scores) -> str:
    """Return the interval of a score in brackets; empty without an interval.

    Example:
        >>> interval_text(METRICS["macro_f1"], {"macro_f1_low": 0.5, "macro_f1_high": 0.75})
        ' (95 % interval 0.500 to 0.750)'
    """
    low, high = (scores.get(f"{metric.name}_{end}") for end in ("low", "high"))
    return "" if low is None else f" (95 % interval {metric.format(low)} to {metric.format(high)})"


def _verdict(metric: Metric, scores: Scores, other: Scores, name: str) -> str:
    """Compare a score with that of the best baseline, in points."""
    gain = 100 * (scores[metric.name] - other[metric.name])
    level = abs(gain) < MIN_GAIN
    verdict = "level with" if level else f"{abs(gain):.1f} points {'above' if gain > 0 else 'BELOW'}"
    paired = ""
    if f"{metric.name}_gain_low" in other:
        low, high = (100 * other[f"{metric.name}_gain_{end}"] for end in ("low", "high"))
        paired = f"; on the same documents {low:+.1f} to {high:+.1f}"
    return f"{verdict} the best baseline, {name} ({metric.format(other[metric.name])}{paired})"
