"""Compare the saved predictions of finished runs, a system for all runs that differ in their seed alone."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nlp_transfer.commands.finished_runs import FinishedRun, read_run
from nlp_transfer.errors import CheckpointError, ConfigError
from nlp_transfer.files import atomic_folder, write_json, write_text
from nlp_transfer.metrics.bootstrap import mean_and_deviation
from nlp_transfer.metrics.metric import Metric
from nlp_transfer.metrics.row_scores import RowScores
from nlp_transfer.metrics.significance import Difference, compare_systems
from nlp_transfer.metrics.table import METRICS
from nlp_transfer.reporting.config_record import config_differences
from nlp_transfer.reporting.html import page, section_html
from nlp_transfer.reporting.markdown import section_markdown
from nlp_transfer.reporting.predictions import PREDICTIONS, read_rows, truth_of
from nlp_transfer.tasks import TASKS
from nlp_transfer.tasks.blocks import Figure, Section, Table, Text
from nlp_transfer.tasks.charts import Intervals

_SEED = re.compile(r"([-_.](seed)?[-_.]?|seed)\d+$")

PAIR_COLUMNS = ["pair", "difference", "95 %", "p", "p, Holm"]
"""The headings of `Comparison.pair_rows`."""

ONE_SEED = "A system with one seed is one trained model: another seed may change the order."
"""Advice on a comparison in which a system has one seed."""


@dataclass(frozen=True)
class System:
    """Runs that differ in their seed alone, with the metric of each and their mean cost."""

    name: str
    runs: tuple[str, ...]
    scores: tuple[float, ...]
    seconds: float
    trained_parameters: int

    @property
    def mean(self) -> float:
        """Return the mean over seeds."""
        return float(np.mean(self.scores))


@dataclass(frozen=True)
class Comparison:
    """Hold the systems, the best first, and the difference of each pair of them."""

    where: str
    rows: int
    metric: Metric
    systems: tuple[System, ...]
    differences: tuple[Difference, ...]

    def section(self) -> Section:
        """Return the tables, and which run to take."""
        systems = f"{self.metric.title} on {self.rows:,} rows of {self.where}"
        tables = {systems: self._system_table(), "Differences in points": Table("", PAIR_COLUMNS, self.pair_rows())}
        blocks = [block for title, table in tables.items() for block in (Text(f"{title}:"), table)]
        return Section("Comparison", (*blocks, Text("\n\n".join(self.sentences())), self._figure()))

    def _figure(self) -> Figure:
        dots = {
            f"{one.second} - {one.first}": [round(100 * value, 3) for value in (one.difference, one.low, one.high)]
            for one in self.differences
        }
        listed = "; ".join(f"{pair} {dot[0]:+.1f} ({dot[1]:+.1f} to {dot[2]:+.1f})" for pair, dot in dots.items())
        return Figure(
            Intervals(f"points of {self.metric.title}", dots),
            f"Differences of {self.metric.title}: {listed}",
            f"Differences of {self.metric.title} on {self.where} with 95 % intervals; 0 is no difference.",
        )

    def _system_table(self) -> Table:
        rows = []
        for one in self.systems:
            mean, deviation, seeds = mean_and_deviation(one.scores)
            spread = "–" if deviation is None else f"{deviation:.4f}"
            cost = [f"{one.seconds:,.0f}", f"{one.trained_parameters:,}"]
            rows.append([one.name, f"{mean:.4f}", spread, str(seeds), *cost])
        return Table("", ["system", "mean", "deviation", "seeds", "seconds", "trained parameters"], rows)

    def pair_rows(self) -> list[list[str]]:
        """Return the cells of each pair, under `PAIR_COLUMNS`."""
        return [
            [
                f"{one.second} - {one.first}",
                f"{100 * one.difference:+.1f}",
                f"{100 * one.low:+.1f} to {100 * one.high:+.1f}",
                f"{one.p:.3f}",
                f"{one.adjusted:.3f}",
            ]
            for one in self.differences
        ]

    def sentences(self) -> list[str]:
        """Return what the differences mean, and which run to take by quality and by cost."""
        best, lines = self.systems[0], []
        lines += [self._sentence(one) for one in self.differences if best.name in (one.first, one.second)]
        lines += self.choice()
        if any(len(one.runs) == 1 for one in self.systems):
            lines.append(ONE_SEED)
        return lines

    def choice(self) -> list[str]:
        """Return which run to take by quality and by cost."""
        best, lines = self.systems[0], []
        equal = [one for one in self.systems if one is not best and not self._between(best, one).clear]
        cheaper = [one for one in equal if one.seconds < 0.9 * best.seconds - 0.5]
        best_run = best.runs[int(np.argmax(best.scores))]
        lines.append(f"By quality take {best.name} (its best run is {best_run}).")
        if cheaper:
            least = min(cheaper, key=lambda one: one.seconds)
            lines.append(
                f"By cost take {least.name}: {least.seconds:,.0f} s against {best.seconds:,.0f} s, and these rows do "
                "not tell the two apart."
            )
        elif equal:
            lines.append(f"These rows do not tell {best.name} apart from {', '.join(one.name for one in equal)}.")
        if cheaper:
            lines.append("Seconds are those of training; they are fewer where features of an earlier run were found.")
        return lines

    def _between(self, one: System, other: System) -> Difference:
        return next(pair for pair in self.differences if {pair.first, pair.second} == {one.name, other.name})

    def _sentence(self, one: Difference) -> str:
        better, worse = (one.second, one.first) if one.difference >= 0 else (one.first, one.second)
        low, high = sorted(100 * end * (1 if one.difference >= 0 else -1) for end in (one.low, one.high))
        verdict = "is better than" if one.clear else "is not clearly better than"
        return (
            f"{better} {verdict} {worse}: {abs(100 * one.difference):.1f} points of {self.metric.title}, 95 % interval "
            f"{low:+.1f} to {high:+.1f}. These rows show differences from about {(high - low) / 2:.1f} on."
        )


def compare_runs(folders: Sequence[str], domain: str = "source", split: str = "test") -> Comparison:
    """Compare finished runs that were scored on the same rows.

    Raises:
        CheckpointError: a run is not finished, has no predictions, or has other rows, labels or another task.
        ConfigError: a run is named twice, or all runs are one system.
    """
    if len({Path(name).resolve() for name in folders}) < len(folders):
        raise ConfigError(f"A run is named twice: {', '.join(folders)}. Name each once.")
    systems = _systems([read_run(folder) for folder in folders])
    if len(systems) < 2:
        raise ConfigError("The runs differ in their seed alone, so there is one system and nothing to compare.")
    return compare_named(systems, domain, split)


def compare_named(systems: Mapping[str, Sequence[FinishedRun]], domain: str, split: str) -> Comparison:
    """Compare systems, by name, of finished runs each; raises CheckpointError as `compare_runs` does."""
    runs = [run for own in systems.values() for run in own]
    grouped, start = {}, 0
    for name, own in systems.items():
        grouped[name] = list(range(start, start + len(own)))
        start += len(own)
    metric, scores, count = row_scores(runs, domain, split)
    observed = scores.observed()
    ranked = sorted((_system(name, own, runs, observed) for name, own in grouped.items()), key=lambda one: -one.mean)
    ordered = {one.name: grouped[one.name] for one in reversed(ranked)}  # the better one is the second of a pair
    return Comparison(f"{domain} {split}", count, metric, tuple(ranked), tuple(compare_systems(scores, ordered)))


def write_comparison(comparison: Comparison, place: Path) -> dict[str, str]:
    """Write compare.html, compare.md and compare.json into a new folder; return the paths by word."""
    record = {
        "where": comparison.where,
        "rows": comparison.rows,
        "metric": comparison.metric.name,
        "systems": [asdict(one) for one in comparison.systems],
        "differences": [asdict(one) for one in comparison.differences],
    }
    try:
        with atomic_folder(place) as folder:
            section = comparison.section()
            tables = tuple(block for block in section.blocks if not isinstance(block, Figure))
            write_text(folder / "compare.md", section_markdown(Section(section.title, tables), level=1))
            write_text(folder / "compare.html", page("Comparison", section_html(section)))
            write_json(folder / "compare.json", record)
    except OSError as error:
        raise CheckpointError(f"--output {place} cannot be written: {error.strerror or error}.") from error
    files = {"page": "compare.html", "report": "compare.md", "data": "compare.json"}
    return {word: str(place / name) for word, name in files.items()}


def row_scores(runs: Sequence[FinishedRun], domain: str, split: str) -> tuple[Metric, RowScores, int]:
    """Return the metric that runs are compared by, their rows, and the number of rows.

    Raises:
        CheckpointError: as `compare_runs` does.
    """
    rows = [_rows(run, domain, split) for run in runs]
    _check_comparable(runs, rows, f"{domain} {split}")
    task, order = TASKS[runs[0].task], [row["id"] for row in rows[0]]
    by_id = [{row["id"]: row for row in own} for own in rows]
    scores = task.row_scores([[own[one] for one in order] for own in by_id])
    return METRICS[task.primary_metric], scores, len(order)


def _rows(run: FinishedRun, domain: str, split: str) -> list[dict[str, Any]]:
    """Return the lines of predictions of one split."""
    path = run.folder / PREDICTIONS
    if not path.is_file():
        raise CheckpointError(f"{run.folder} has no {PREDICTIONS}, and a {run.task} has nothing to compare by.")
    read = read_rows(path, domain, split)
    if not read:
        raise CheckpointError(f"{path} has no rows of {domain} {split}. Name others with --domain and --split.")
    return read


def _check_comparable(runs: Sequence[FinishedRun], rows: Sequence[list[dict[str, Any]]], where: str) -> None:
    """Raise CheckpointError with everything that makes runs incomparable with the first."""
    problems, first = [], runs[0]
    for run, own in zip(runs[1:], rows[1:], strict=True):
        if run.task != first.task:
            problems.append(f"{run.folder} is a run of {run.task}, and {first.folder} of {first.task}.")
            continue
        ours, theirs = ({row["id"]: truth_of(row) for row in side} for side in (own, rows[0]))
        if ours.keys() != theirs.keys():
            only = sorted(map(str, ours.keys() ^ theirs.keys()))
            problems.append(
                f"{run.folder} was scored on other rows of {where} than {first.folder}: {len(ours):,} and "
                f"{len(theirs):,}, of which {len(only):,} are of one run alone, such as {only[0]}."
            )
        elif other := [row_id for row_id, truth in ours.items() if truth != theirs[row_id]]:
            problems.append(
                f"{run.folder} has other labels than {first.folder} for {len(other):,} rows of {where}, such as "
                f"{other[0]}: {ours[other[0]]!r} and {theirs[other[0]]!r}."
            )
    missing = sum(truth_of(row) is None for row in rows[0])
    if missing:
        problems.append(f"{missing:,} rows of {where} have no reference, and nothing to compare by.")
    if problems:
        raise CheckpointError(problems)


def _systems(runs: Sequence[FinishedRun]) -> dict[str, list[FinishedRun]]:
    """Return the runs of each system, by a name from their folders."""
    groups: list[list[FinishedRun]] = []
    for run in runs:
        same = next((own for own in groups if not _differences(own[0], run)), None)
        if same is None:
            groups.append([run])
        else:
            same.append(run)
    short = [_SEED.sub("", own[0].folder.resolve().name) for own in groups]
    whole = [own[0].folder.name for own in groups]
    names = short if all(short) and len(set(short)) == len(short) else whole
    names = names if len(set(names)) == len(names) else [str(own[0].folder) for own in groups]
    return dict(zip(names, groups, strict=True))


def _differences(one: FinishedRun, other: FinishedRun) -> list[str]:
    """Return the settings in which two runs differ, beside seeds and folders."""
    neutral = ("training.seed:", "training.data_seed:", "training.output_dir:", "training.run_name:", "source.draw:")
    found = config_differences(one.config, other.config)
    return [text for text in found if not text.startswith(neutral)]


def _system(name: str, own: Sequence[int], runs: Sequence[FinishedRun], observed: np.ndarray) -> System:
    costs = [runs[number].report.cost for number in own]
    return System(
        name,
        tuple(str(runs[number].folder) for number in own),
        tuple(float(observed[number]) for number in own),
        float(np.mean([cost.train_seconds or 0.0 for cost in costs])),
        costs[0].trainable_parameters,
    )
