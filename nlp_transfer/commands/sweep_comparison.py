"""Compare the finished cells of a sweep, corpus by corpus, as `compare` does finished runs."""

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path

from nlp_transfer.commands.finished_runs import FinishedRun, read_run
from nlp_transfer.commands.run_comparison import ONE_SEED, PAIR_COLUMNS, Comparison, compare_named
from nlp_transfer.commands.sweep_runs import Sweep, draws
from nlp_transfer.commands.sweep_tables import CellResult
from nlp_transfer.errors import CheckpointError
from nlp_transfer.metrics.negative_transfer import CEILING
from nlp_transfer.reporting.predictions import PREDICTIONS
from nlp_transfer.tasks.blocks import Table

log = logging.getLogger(__name__)


def compare_cells(sweep: Sweep, results: Iterable[CellResult]) -> dict[str, Comparison]:
    """Return the comparison of the systems of each corpus that has two or more finished ones, by corpus.

    Stock runs and baselines leave no predictions, and ceilings may have other rows: they are not compared. A corpus
    whose systems are scored on different domains is compared by domain, and one with few-shot draws by the draws that
    all systems have.
    """
    groups: dict[tuple[str, str], dict[str, dict[int, FinishedRun]]] = {}
    drawn: set[str] = set()
    for result in results:
        tree = sweep.cells.get(result.cell, {})
        if not tree or tree.get("stock") or tree.get(CEILING):
            continue
        folder = Path(tree["training"]["output_dir"])
        if not (folder / PREDICTIONS).is_file():
            log.warning("%s has no predictions any more; it is left out of the comparison.", folder)
            continue
        systems = groups.setdefault((result.corpus, sweep.scored[result.cell]), {})
        systems.setdefault(result.system, {})[result.seed] = read_run(folder)
        if draws(tree):
            drawn.add(result.corpus)
    several = {corpus for corpus, _ in groups if sum(other == corpus for other, _ in groups) > 1}
    compared = {}
    for (corpus, domain), own in groups.items():
        systems = _with_common_draws(own) if corpus in drawn else own
        if len(systems) < 2:
            continue
        name = f"{corpus}, {domain}" if corpus in several else corpus
        split = dict(next(iter(next(iter(systems.values())).values())).report.headlines())[domain]
        try:
            compared[name] = compare_named({one: list(runs.values()) for one, runs in systems.items()}, domain, split)
        except CheckpointError as error:
            log.warning("%s is not compared: %s", name, error)
    return compared


def _with_common_draws(systems: dict[str, dict[int, FinishedRun]]) -> dict[str, dict[int, FinishedRun]]:
    """Return the runs whose training rows all systems have learned from; none if there are no such rows."""
    common = set.intersection(*map(set, systems.values()))
    if common != set.union(*map(set, systems.values())):
        log.warning("Compared are the draws that all systems have: %s.", ", ".join(map(str, sorted(common))) or "none")
    return {name: {seed: runs[seed] for seed in sorted(common)} for name, runs in systems.items()} if common else {}


def difference_table(compared: Mapping[str, Comparison]) -> Table:
    """Return the paired differences of all corpora in one table."""
    rows, rules = [], set()
    for corpus, one in compared.items():
        rows += [[corpus, *cells] for cells in one.pair_rows()]
        rules.add(len(rows) - 1)
    metrics = ", ".join(dict.fromkeys(one.metric.title for one in compared.values()))
    title = f"Paired differences in points of {metrics}"
    return Table(title, ["corpus", *PAIR_COLUMNS], rows, names=2, rules=frozenset(rules))


def choices(compared: Mapping[str, Comparison]) -> list[str]:
    """Return a line for each corpus on which system to take."""
    lines = [f"{corpus}: {' '.join(one.choice())}" for corpus, one in compared.items()]
    single = any(len(system.runs) == 1 for one in compared.values() for system in one.systems)
    return [*lines, ONE_SEED] if single else lines
