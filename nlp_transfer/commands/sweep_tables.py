"""Store a sweep's results, one cell (corpus x system x seed) a line of JSON, and tabulate their means."""

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock

from nlp_transfer.errors import CheckpointError
from nlp_transfer.files import atomic_file, json_line
from nlp_transfer.metrics.bootstrap import mean_and_deviation, mean_interval
from nlp_transfer.metrics.metric import UNDEFINED, number
from nlp_transfer.metrics.table import METRICS
from nlp_transfer.tasks.blocks import Table

SCORES = {name: metric.title for name, metric in METRICS.items() if metric.compared}
"""The scores that a sweep compares, as far as a task has them, and their titles."""

Cell = tuple[str, str, int]
"""(corpus, system, seed)"""


@dataclass(frozen=True)
class CellResult:
    """Describe one finished cell, of a method or a baseline; details are in JSON's types."""

    corpus: str
    system: str
    seed: int
    scores: dict[str, float]
    seconds: float
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def cell(self) -> Cell:
        """Return the cell's key."""
        return self.corpus, self.system, self.seed


def load_results(path: str | os.PathLike[str]) -> dict[Cell, CellResult]:
    """Read the finished cells in the order of the file; of a cell that is there twice, the last counts."""
    file = Path(path)
    try:
        lines = file.read_bytes().splitlines() if file.exists() else []
    except OSError as error:
        raise CheckpointError(f"{file} cannot be read ({error.strerror or error}).") from error
    results: dict[Cell, CellResult] = {}
    for number_of_line, line in enumerate(lines, start=1):
        try:
            result = CellResult(**json.loads(line))
        except (ValueError, TypeError) as error:
            raise CheckpointError(
                f"{file}, line {number_of_line}: not a sweep's result ({error}). Delete the line to run its cell again."
            ) from error
        results[result.cell] = result
    return results


def append_result(path: str | os.PathLike[str], result: CellResult) -> None:
    """Add one finished cell; the file is replaced as a whole, so that no line is ever torn."""
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(file.with_name(f".{file.name}.lock")):  # another sweep may write the same file
        before = file.read_bytes() if file.exists() else b""
        with atomic_file(file) as out:
            out.write(before + json_line(asdict(result)))


def sweep_table(results: Iterable[CellResult], title: str = "Sweep") -> Table:
    """Tabulate mean ± standard deviation over seeds, or draws, one row a corpus and system, in their order.

    From three seeds on the 95 % interval of the mean stands beside it.
    """
    groups: dict[str, dict[str, list[CellResult]]] = {}
    for result in results:
        groups.setdefault(result.corpus, {}).setdefault(result.system, []).append(result)
    cells = [cell for systems in groups.values() for own in systems.values() for cell in own]
    headings = {name: heading for name, heading in SCORES.items() if any(name in cell.scores for cell in cells)}
    rows, rules = [], set()
    for corpus, systems in groups.items():
        for system, own in systems.items():
            scores = [_mean_and_spread([cell.scores[name] for cell in own if name in cell.scores]) for name in headings]
            seconds, _, seeds = mean_and_deviation([cell.seconds for cell in own])
            rows.append([corpus, system, *scores, str(seeds), f"{seconds:,.1f}"])
        rules.add(len(rows) - 1)
    columns = ["corpus", "system", *headings.values(), "seeds", "seconds"]
    title = f"{title}\nmeans and deviations over seeds, from three seeds on with the 95 % interval of the mean"
    return Table(title, columns, rows, names=2, rules=frozenset(rules))


def _mean_and_spread(values: list[float]) -> str:
    if not values:
        return UNDEFINED
    mean, deviation, _ = mean_and_deviation(values)
    spread = "" if deviation is None else f" ± {number(deviation)}"
    interval = mean_interval(values)
    return f"{number(mean)}{spread}" + ("" if interval is None else f" ({number(interval[0])}–{number(interval[1])})")
