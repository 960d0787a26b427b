"""Report the numbers of a regression: single numbers, predictions by their truth, and intervals."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from nlp_transfer.metrics.metric import Scores
from nlp_transfer.metrics.table import METRICS
from nlp_transfer.tasks.abstention import SAME_ROWS
from nlp_transfer.tasks.blocks import Alert, Block, Figure, Section, Table, Text
from nlp_transfer.tasks.charts import Points

MAX_POINTS = 1000
"""Maximum number of rows that a figure shows."""

_SHOWN = ("r2", "mae", "mse", "pearson", "spearman")


def value_table(systems: Mapping[str, Scores]) -> Table:
    """Return the scores of each number and system, the model first."""
    first = next(iter(systems.values()))
    titles = [METRICS[name].title for name in _SHOWN]
    columns, groups = ["number"] + titles * len(systems), [""] + [name for name in systems for _ in _SHOWN]
    rows = [
        [
            name,
            *(METRICS[one].format(system["per_value"][name][one]) for system in systems.values() for one in _SHOWN),
        ]
        for name in first["per_value"]
    ]
    return Table("per number", columns, rows, groups, splits=True)


def scatter(where: str, predicted: np.ndarray, references: np.ndarray, names: Sequence[str]) -> Iterator[Figure]:
    """Yield a figure of predicted and true numbers of evenly spaced rows, for each number."""
    rows = np.unique(np.linspace(0, len(references) - 1, min(MAX_POINTS, len(references))).astype(int))
    for place, name in enumerate(names):
        points = np.stack([references[rows, place], predicted[rows, place]], axis=1)
        errors = np.abs(predicted[:, place] - references[:, place])
        yield Figure(
            Points(f"true {name}", f"predicted {name}", {where: points.tolist()}),
            f"Predicted and true {name} of {where}: half of the errors are below {np.median(errors):.4g}, "
            f"one in ten above {np.quantile(errors, 0.9):.4g}",
            f"Predicted by true {name}, {len(rows):,} of {len(references):,} rows of {where}.",
        )


def interval_section(
    half_widths: np.ndarray | None,
    coverage: float | None,
    rows: str,
    names: Sequence[str],
    inside: Mapping[str, Sequence[float]],
) -> Section | None:
    """Return the section on intervals; None without.

    Args:
        rows: those that they were fitted on.
        inside: share of true numbers that are inside, by number, of each domain and split.
    """
    if half_widths is None or coverage is None:
        return None
    if not np.isfinite(half_widths).all():
        problem = f"A coverage of {coverage:g} takes more calibration rows than {rows}: every interval is unbounded."
        return Section("Intervals", (Text(problem), Alert(problem)))
    of_validation = f" {SAME_ROWS}" if rows.endswith(" validation") else ""
    listed = ", ".join(f"±{half:.4g} ({name})" for half, name in zip(half_widths, names, strict=True))
    each = "The true number is" if len(names) == 1 else "Each true number by itself is"
    blocks: list[Block] = [
        Text(
            f"Fitted on {rows}: {listed}. {each} inside with a probability of at least {coverage:g}, for "
            f"texts like these rows; on another domain there is no promise.{of_validation}"
        )
    ]
    if inside:
        titles = ["inside"] if len(names) == 1 else [f"{name} inside" for name in names]
        shares = [[name, *(f"{share:.1%}" for share in of)] for name, of in inside.items()]
        blocks.append(Table("", ["split", *titles], shares))
    return Section("Intervals", tuple(blocks))
