"""Read the numbers of a corpus, and write predicted ones."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nlp_transfer.data.corpus import VALUES
from nlp_transfer.errors import DataError

if TYPE_CHECKING:
    from datasets import Dataset


MAX_STEP = 0.01
"""Largest distance of neighbours in float32, in deviations of the training rows."""


def value_names(rows: "Dataset", names: Sequence[str] = (), where: str = "") -> list[str]:
    """Return the names of the numbers of a split, in the order of known `names`; empty without numbers.

    A single number may have another name. DataError names numbers that are others than those of the source.
    """
    if VALUES not in rows.column_names:
        return []
    own = list(rows.features[VALUES])
    if not names or len(own) == len(names) == 1:
        return own
    if set(own) != set(names):
        wanted = [name for name in names if name not in own] or names
        raise DataError(
            f"{where} has the numbers {', '.join(own)}; expected {', '.join(names)}, as in the source. Name the "
            f"others, as in `columns: {{THEIRS: value.{wanted[0]}}}`, or take no column for a number."
        )
    return list(names)


def value_array(rows: "Dataset", names: Sequence[str]) -> np.ndarray:
    """Return the numbers of a split by these of its names, shape (rows, numbers)."""
    return np.array([[row[name] for name in names] for row in rows[VALUES]], dtype=np.float64)


def check_precision(values: np.ndarray, names: Sequence[str], origin: str) -> None:
    """Raise DataError for numbers that differ by too little for a network, which computes in float32.

    Args:
        values: those of the training rows, shape (rows, numbers).
        origin: the corpus that they are of.
    """
    steps = np.spacing(np.abs(values).max(axis=0).astype(np.float32))
    for name, step, own in zip(names, steps, values.T, strict=True):
        if step > MAX_STEP * own.std():
            raise DataError(
                f"{origin}: the deviation of {name!r} is {own.std():.3g}, and float32, in which networks compute, "
                f"tells numbers of its size apart by {step:.3g}. Subtract a constant, such as {np.median(own):.10g}."
            )


def number_array(values: Sequence[Any]) -> np.ndarray:
    """Return the numbers of lines, or those of several names, shape (rows, numbers).

    Example:
        >>> number_array([{"price": 2.5, "days": 3.0}]).tolist()
        [[2.5, 3.0]]
    """
    return np.array([list(one.values()) if isinstance(one, Mapping) else [one] for one in values], dtype=np.float64)


def plain(numbers: Iterable[float], names: Sequence[str]) -> Any:
    """Return one number, or several by name, with as many digits as float32 tells apart; None for an infinite one.

    Example:
        >>> plain([1.5], ["price"]), plain([1.5, 2.0], ["price", "term"])
        (1.5, {'price': 1.5, 'term': 2.0})
    """
    values = [float(str(np.float32(number))) if math.isfinite(number) else None for number in numbers]
    return values[0] if len(names) == 1 else dict(zip(names, values, strict=True))


def prediction_rows(
    ids: Sequence[str],
    predicted: np.ndarray,
    references: np.ndarray | None,
    half_widths: np.ndarray | None,
    names: Sequence[str],
) -> Iterator[dict[str, Any]]:
    """Yield the lines of predictions, without `split` and `domain`."""
    for place, row_id in enumerate(ids):
        ends = (None, None) if half_widths is None else (predicted[place] - half_widths, predicted[place] + half_widths)
        yield {
            "id": row_id,
            "reference": None if references is None else plain(references[place], names),
            "predicted": plain(predicted[place], names),
            "low": None if ends[0] is None else plain(ends[0], names),
            "high": None if ends[1] is None else plain(ends[1], names),
        }


def widths_record(half_widths: np.ndarray | None) -> dict[str, Any]:
    """Return half the width of each interval as JSON holds it, null where it is unbounded; empty without intervals.

    Example:
        >>> widths_record(np.array([2.5, np.inf]))
        {'half_widths': [2.5, None]}
    """
    if half_widths is None:
        return {}
    return {"half_widths": [float(one) if np.isfinite(one) else None for one in half_widths]}
