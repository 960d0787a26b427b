"""Word the scores of one split as a sentence."""

from collections.abc import Iterator, Mapping, Sequence

from nlp_transfer.metrics.metric import Metric, Scores
from nlp_transfer.metrics.table import METRICS

MIN_ROWS = 30
"""Minimum number of rows, in all and of a class, for a claim that a system is better than another."""


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
    scores = next(iter(systems.values()))
    first, *more = (METRICS[name] for name in names)
    sentence = (
        f"On {scores['rows']:,} {unit} of {where} the model's {first.title} is {first.format(scores[first.name])}"
        f"{interval_text(first, scores)}"
    )
    named = [f"its {metric.title} {metric.format(scores[metric.name])}" for metric in more]
    sentence += "".join([*(f", {one}" for one in named[:-1]), *(f" and {one}" for one in named[-1:])])
    if ceiling in systems:
        sentence += f"; the {ceiling} has {first.format(systems[ceiling][first.name])}"
    sentences = [f"{sentence}."]
    few = f"{scores['rows']} {unit} are too few to tell " if scores["rows"] < MIN_ROWS else ""
    best = best_baseline(first, systems, ceiling)
    if best:
        unclear = f"{few}it apart from" if few else "There is no clear difference from"
        sentences.append(_verdict(first, scores, systems[best], best, unclear))
    if few and not (best and f"{first.name}_gain_low" in systems[best]):
        sentences.append(f"{few}systems apart.")
    return " ".join(sentences)


def interval_text(metric: Metric, scores: Scores) -> str:
    """Return the interval of a score in brackets; empty without an interval.

    Example:
        >>> interval_text(METRICS["macro_f1"], {"macro_f1_low": 0.5, "macro_f1_high": 0.75})
        ' (95 % interval 0.500 to 0.750)'
    """
    low, high = (scores.get(f"{metric.name}_{end}") for end in ("low", "high"))
    return "" if low is None else f" (95 % interval {metric.format(low)} to {metric.format(high)})"


def best_baseline(metric: Metric, systems: Mapping[str, Scores], ceiling: str = "") -> str | None:
    """Return the name of the baseline with the best score; None without one. The model is the first of the systems."""
    names = [name for name in list(systems)[1:] if name != ceiling]
    return max(names, key=lambda name: systems[name][metric.name], default=None)


def below_on_validation(
    metric: Metric, where: str, validation: Mapping[str, Scores], test: Mapping[str, Scores], ceiling: str = ""
) -> Iterator[str]:
    """Yield a sentence if the model is clearly below the best baseline on validation, and not on test.

    Example:
        >>> svm = {"macro_f1": 0.75, "macro_f1_gain_low": -0.5, "macro_f1_gain_high": -0.125}
        >>> validation = {"model": {"macro_f1": 0.5, "rows": 80}, "tfidf_svm": svm}
        >>> list(below_on_validation(METRICS["macro_f1"], "source validation", validation, {}))
        ['On source validation it is 25.0 points BELOW tfidf_svm (0.750): do not count on its score on test.']
    """
    gains = []
    for systems in (validation, test):
        best = best_baseline(metric, systems, ceiling)
        gains.append(_clear_gain(metric, next(iter(systems.values())), systems[best]) if best else 0.0)
    if gains[0] < 0 <= gains[1] and (best := best_baseline(metric, validation, ceiling)):
        theirs = metric.format(validation[best][metric.name])
        yield f"On {where} it is {-gains[0]:.1f} points BELOW {best} ({theirs}): do not count on its score on test."


def _clear_gain(metric: Metric, scores: Scores, other: Scores) -> float:
    """Return the gain over another system in points; 0 if its interval holds 0 or is unknown.

    A few rows can show a loss, and no gain.
    """
    low, high = (other.get(f"{metric.name}_gain_{end}", 0.0) for end in ("low", "high"))
    clear = high < 0 or (low > 0 and scores["rows"] >= MIN_ROWS)
    return 100 * (scores[metric.name] - other[metric.name]) if clear else 0.0


def _verdict(metric: Metric, scores: Scores, other: Scores, name: str, unclear: str) -> str:
    """Compare a score with that of the best baseline; it is above or below if the difference's interval excludes 0.

    `unclear` begins the sentence where it is neither.
    """
    baseline, theirs = f"the best baseline, {name}", metric.format(other[metric.name])
    ends = [other.get(f"{metric.name}_gain_{end}") for end in ("low", "high")]
    if ends[0] is None or ends[1] is None:
        return f"{baseline[0].upper()}{baseline[1:]}, has {theirs}; the interval of the difference is not known."
    gain, low, high = (round(100 * value, 1) + 0.0 for value in (scores[metric.name] - other[metric.name], *ends))
    interval = f"95 % interval of the difference {low:+.1f} to {high:+.1f}"
    if not (clear := _clear_gain(metric, scores, other)):
        return f"{unclear} {baseline} ({theirs}): {gain:+.1f} points, {interval}."
    side = "above" if clear > 0 else "BELOW"
    return f"This {metric.title} is {abs(clear):.1f} points {side} {baseline} ({theirs}; {interval})."
