"""Store a sweep's results, one cell (corpus x system x seed) a line of JSON, and tabulate their means.

A cell is written when it is finished, and synced; an interrupted sweep begins again with the cells that are not there.
A machine that dies may tear the last line: that cell is simply not there, and a message says so.
"""

import json
import logging
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from nlp_transfer.errors import CheckpointError
from nlp_transfer.files import to_json_value
from nlp_transfer.metrics.bootstrap import mean_and_deviation
from nlp_transfer.metrics.metric import UNDEFINED, number
from nlp_transfer.metrics.table import METRICS
from nlp_transfer.tasks.blocks import Table

log = logging.getLogger(__name__)

SCORES = {name: metric.title for name, metric in METRICS.items() if metric.compared}
"""The scores that a sweep compares, as far as a task has them, and what its table calls them."""

Cell = tuple[str, str, int]
"""(corpus, system, seed)"""


@dataclass(frozen=True)
class CellResult:
    """Describe one finished cell.

    Args:
        corpus: what was learnt.
        system: the method, or a baseline's name.
        seed: of training.
        scores: on test, by the names that metrics have; all cells of a sweep have the same ones.
        seconds: wall time of the cell.
        details: whatever else is worth keeping, in JSON's types.
    """

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
    """Read the finished cells in the order of the file; of a cell that is there twice, the last counts.

    Raises:
        CheckpointError: a line other than the last that is not a result, named by its number.
    """
    file = Path(path)
    try:
        lines = file.read_bytes().split(b"\n") if file.exists() else []
    except OSError as error:
        raise CheckpointError(f"{file} cannot be read ({error.strerror or error}).") from error
    found: dict[Cell, CellResult] = {}
    for index, line in enumerate(lines):
        if not line.strip():
            continue
        try:
            result = CellResult(**_as_now(json.loads(line)))
        except (ValueError, TypeError) as error:
            if index == len(lines) - 1:  # no line break follows: the write was cut off
                log.warning("%s: the last line was torn and is dropped; its cell runs again.", file)
                continue
            raise CheckpointError(
                f"{file}, line {index + 1}: not a sweep's result ({error}). Delete the line to run its cell again."
            ) from error
        found[result.cell] = result
    return found


def _as_now(line: dict[str, Any]) -> dict[str, Any]:
    """Return a line as it is written now: earlier ones had two scores by themselves."""
    if "scores" in line or not {"accuracy", "macro_f1"} <= set(line):
        return line
    scores = {name: line.pop(name) for name in ("accuracy", "macro_f1")}
    return {**line, "scores": scores}


def append_result(path: str | os.PathLike[str], result: CellResult) -> None:
    """Add one finished cell and sync it to disk; a torn last line gives way."""
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    line = json.dumps(to_json_value(asdict(result)), ensure_ascii=False, allow_nan=False).encode() + b"\n"
    with file.open("a+b") as out:
        out.seek(0)
        kept, _, tail = out.read().rpartition(b"\n")
        if tail:
            try:
                json.loads(tail)
                line = b"\n" + line  # whole, but for its line break
            except ValueError:
                out.truncate(len(kept) + 1 if kept else 0)
        out.write(line)
        out.flush()
        os.fsync(out.fileno())


def sweep_table(results: Iterable[CellResult], title: str = "Sweep") -> Table:
    """Tabulate mean ± standard deviation over seeds, one row a corpus and system, in their order."""
    groups: dict[str, dict[str, list[CellResult]]] = {}
    found: set[str] = set()
    for result in results:
        found.update(result.scores)
        groups.setdefault(result.corpus, {}).setdefault(result.system, []).append(result)
    rows, rules = [], set()
    for corpus, systems in groups.items():
        for system, cells in systems.items():
            scores = [
                _mean_and_spread([cell.scores[name] for cell in cells if name in cell.scores])
                for name in SCORES
                if name in found
            ]
            seconds, _, seeds = mean_and_deviation([cell.seconds for cell in cells])
            rows.append([corpus, system, *scores, str(seeds), f"{seconds:,.1f}"])
        rules.add(len(rows) - 1)
    shown = [title for name, title in SCORES.items() if name in found]
    columns = ["corpus", "system", *shown, "seeds", "seconds"]
    return Table(title, columns, rows, names=2, rules=frozenset(rules))


def _mean_and_spread(values: list[float]) -> str:
    if not values:
        return UNDEFINED
    mean, deviation, _ = mean_and_deviation(values)
    return number(mean) if deviation is None else f"{number(mean)} ± {number(deviation)}"
