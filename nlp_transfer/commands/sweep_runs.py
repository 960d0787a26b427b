"""Run a sweep: corpora x systems x seeds, each cell once, whatever interrupts it.

    output_dir: runs/sweep
    base: {model: …, training: {…}}  # then come a cell's corpus, its system, its seed
    corpora: {scicite: {source: {path: …}, task: {…}}, …}
    systems: {full: {methods: [full_fine_tuning]}, lora: {…}, stock: {stock: true, seeds: [0]}}
    seeds: [0, 1]

`stock: true` makes the cell a plain `transformers.Trainer` run of the same recipe, `ceiling: true` one that learns from
the target's labels and is scored on its test split; a system's own `seeds` are some of the sweep's. A corpus with
`shots` has another draw for each seed. `scored: target`, of the sweep or a system, compares scores on the target and
not on the source's test split. The baselines are scored in the first cell of each corpus, and of each draw. A finished
cell is a line of `results.jsonl`.
"""

import copy
import dataclasses
import logging
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from nlp_transfer.commands.run import in_target
from nlp_transfer.commands.sweep_tables import SCORES, Cell, CellResult, append_result, load_results
from nlp_transfer.config.experiment import Experiment, load_config
from nlp_transfer.config.parsing import merge_tree, read_yaml
from nlp_transfer.errors import CheckpointError, ConfigError, DataError, did_you_mean
from nlp_transfer.metrics.negative_transfer import CEILING
from nlp_transfer.models.outputs import Output
from nlp_transfer.reporting.config_record import config_differences
from nlp_transfer.reporting.log import quiet
from nlp_transfer.reporting.report import DOMAINS, Report
from nlp_transfer.tasks.base import Columns

log = logging.getLogger(__name__)

RESULTS = "results.jsonl"
"""The file of finished cells in a sweep's folder."""

_CONFIG = "config"
"""The detail of a result that a cell has and a baseline has not: what made it."""

_PARTS = ("corpora", "systems")
KEYS = ("output_dir", "base", *_PARTS, "seeds", "scored")


@dataclass(frozen=True)
class Sweep:
    """Hold a sweep: the configuration of each cell (`stock` in it marks a stock run), and the domain that is scored."""

    output_dir: Path
    cells: dict[Cell, dict[str, Any]]
    scored: dict[Cell, str]


def read_sweep(file: str | Path) -> Sweep:
    """Read a sweep file; raise ConfigError with every problem of every cell, each once."""
    tree = read_yaml(file)
    if problems := _file_problems(file, tree):
        raise ConfigError(problems)
    output_dir = Path(tree["output_dir"])
    cells: dict[Cell, dict[str, Any]] = {}
    scored: dict[Cell, str] = {}
    for seed, (corpus, about), (system, how) in product(tree["seeds"], *(tree[key].items() for key in _PARTS)):
        if seed not in how.get("seeds", tree["seeds"]):
            continue
        folder = output_dir / "cells" / f"{corpus}-{system}-{seed}"
        cell = copy.deepcopy(tree.get("base", {}))
        for part in (about, how, {"training": {"seed": seed, "output_dir": str(folder)}}):
            own = {key: value for key, value in part.items() if key not in ("seeds", "scored")}
            merge_tree(cell, copy.deepcopy(own))
        _draw_by_seed(cell, seed)
        cells[corpus, system, seed] = cell
        domain = how.get("scored", tree.get("scored", DOMAINS[0]))
        scored[corpus, system, seed] = DOMAINS[0] if how.get(CEILING) else domain
    for name, cell in cells.items():
        try:
            found = _cell_problems(_config(cell), scored[name], stock="stock" in cell)
        except ConfigError as error:
            found = error.problems
        problems += found
    if problems:
        raise ConfigError(problems)
    return Sweep(output_dir, cells, scored)


def _draw_by_seed(cell: dict[str, Any], seed: int) -> None:
    """Let each seed of a sweep have its own few-shot training rows, unless the draw is given."""
    for one in _few_shot_sources(cell):
        if one.get("draw") is None:
            one["draw"] = seed


def _few_shot_sources(tree: Mapping[str, Any]) -> list[dict[str, Any]]:
    source = tree.get("source")
    sources = source if isinstance(source, list) else [source]
    return [one for one in sources if isinstance(one, dict) and one.get("shots") is not None]


def _file_problems(file: str | Path, tree: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with the parts of a sweep file, one message each."""
    problems = [f"{file}: {did_you_mean('key', key, KEYS)}" for key in tree if key not in KEYS]
    for key, kind in (("output_dir", str), ("corpora", dict), ("systems", dict), ("seeds", list)):
        if not isinstance(tree.get(key), kind) or not tree[key]:
            problems.append(f"{file}: {key} is {tree.get(key)!r}; expected a {kind.__name__} that is not empty.")
    if problems:
        return problems
    seeds = tree["seeds"]
    if len(set(map(str, seeds))) < len(seeds):
        problems.append(f"{file}: seeds is {seeds}; expected each once, since the same seed is the same run.")
    parts = {f"{key}.{name}": part for key in _PARTS for name, part in tree[key].items()}
    for where, part in parts.items():
        if not isinstance(part, dict):
            problems.append(f"{file}: {where} is {part!r}; expected keys of a configuration.")
            continue
        own = part.get("seeds", seeds)
        if not (isinstance(own, list) and own and all(seed in seeds for seed in own)):
            expected = f"expected a list of some of the sweep's seeds, {seeds}."
            problems.append(f"{file}: {where}.seeds is {own!r}; {expected}")
    for where, part in {"": tree, **parts}.items():
        if isinstance(part, Mapping) and part.get("scored", DOMAINS[0]) not in DOMAINS:
            key = f"{where}.scored".removeprefix(".")
            problems.append(f"{file}: {key} is {part['scored']!r}; expected {' or '.join(DOMAINS)}.")
    return problems


def _cell_problems(config: Experiment, scored: str, *, stock: bool) -> list[str]:
    """Return why a run has no score that a sweep could compare."""
    problems = []
    if config.task.columns == Columns():
        problems.append(f"task is {config.task.name}: a sweep compares scores of labels or summaries. Run it alone.")
    elif stock and not config.task.provides >= {Output.LOGITS, Output.TOKENS}:
        problems.append(f"task is {config.task.name}: a stock run classifies texts. Leave stock out.")
    if scored == "source" and (config.zero_shot or not config.sources):
        found = "source has descriptions alone, and" if config.zero_shot else "There is no source, and there are"
        problems.append(f"{found} no rows to score. Set scored: target.")
    if scored == "target" and config.target is None:
        problems.append("scored is target, and a cell has no target. Name it with target: {path: …}.")
    return problems


def results_of(sweep: Sweep) -> list[CellResult]:
    """Return the finished cells that the sweep names and its corpora's baselines, in the order of their file."""
    file = sweep.output_dir / RESULTS
    corpora, found = {corpus for corpus, _, _ in sweep.cells}, list(load_results(file).values())
    own = [
        result
        for result in found
        if result.cell in sweep.cells or (result.corpus in corpora and _CONFIG not in result.details)
    ]
    if left := len(found) - len(own):
        log.info(f"{file}: {left} result{'' if left == 1 else 's'} of cells that the sweep does not name, not counted.")
    return own


def run_sweep(sweep: Sweep) -> list[CellResult]:
    """Run the cells that are not finished, from their last checkpoint; return `results_of` the sweep."""
    file = sweep.output_dir / RESULTS
    done = load_results(file)
    for number, (cell, tree) in enumerate(sweep.cells.items(), start=1):
        corpus, system, seed = cell
        where = f"[{number}/{len(sweep.cells)}] {corpus} · {system} · seed {seed}"
        if cell in done:
            _check_same_recipe(file, done[cell], tree)
            log.info("%s: finished before", where)
            continue
        log.info("%s: begins", where)
        config = _config(tree)
        record = config.record()
        if cell != _scores_baselines(sweep, cell):
            config = dataclasses.replace(config, baselines=())
        folder = Path(str(config.training.output_dir))
        run_one = _run_stock if tree.get("stock") else _run_cell
        for found in run_one(config, cell, sweep.scored[cell]):
            made_by = {_CONFIG: record} if found.cell == cell else {}
            result = dataclasses.replace(found, details={**found.details, **made_by})
            append_result(file, result)
            done[result.cell] = result
            scores = ", ".join(f"{SCORES[name]} {score:.4f}" for name, score in result.scores.items())
            log.info("%s: %s %s, %.0f s", where, result.system, scores, result.seconds)
        shutil.rmtree(folder / "checkpoints", ignore_errors=True)
    return results_of(sweep)


def _scores_baselines(sweep: Sweep, cell: Cell) -> Cell | None:
    """Return the cell that scores the baselines of another's rows: the first with these that is no stock run."""
    own = (
        one
        for one, tree in sweep.cells.items()
        if one[0] == cell[0]
        and not (tree.get("stock") or tree.get(CEILING))
        and draws(tree) == draws(sweep.cells[cell])
    )
    return next(own, None)


def draws(tree: Mapping[str, Any]) -> list[Any]:
    """Return the draw of few-shot training rows of each source; empty where all rows are learned from."""
    return [one.get("draw") for one in _few_shot_sources(tree)]


def _check_same_recipe(file: Path, result: CellResult, tree: Mapping[str, Any]) -> None:
    """Check that a finished cell was made by the same configuration."""
    if different := config_differences(result.details.get(_CONFIG, {}), _config(tree).record()):
        what = "".join(f"\n  {line}" for line in different)
        raise CheckpointError(
            f"{file} has a result for {' · '.join(map(str, result.cell))} from another configuration. Choose another "
            f"output_dir, or delete its line to run the cell again. What differs (there -> now):{what}"
        )


def _config(tree: Mapping[str, Any]) -> Experiment:
    config = load_config(tree={key: value for key, value in tree.items() if key not in ("stock", CEILING)})
    return in_target(config, Path(str(config.training.output_dir))) if tree.get(CEILING) else config


def _run_cell(config: Experiment, cell: Cell, domain: str) -> Iterator[CellResult]:
    from nlp_transfer.commands.run import run

    started = time.perf_counter()
    with quiet():
        report = run(config, resume=True)
    assert report is not None, "a sweep has one process"
    corpus, system, seed = cell
    split = _scored_split(report, domain)
    scores = _compared(report.metrics[domain][split])
    details = {
        "train_seconds": report.cost.train_seconds,
        "trainable_parameters": report.cost.trainable_parameters,
        "validation": _compared(report.metrics["source"].get("validation", {})),
        "report": report.paths["report"],
    }
    seconds = time.perf_counter() - started
    yield CellResult(corpus, system, seed, scores, seconds, details)
    drawn = any(one.shots is not None for one in config.sources)
    for name, domains in report.baselines.items():
        yield CellResult(corpus, name, seed if drawn else 0, _compared(domains[domain][split]), 0.0)


def _compared(scores: Mapping[str, Any]) -> dict[str, float]:
    """Return the scores that a sweep compares."""
    return {name: scores[name] for name in SCORES if name in scores}


def _scored_split(report: Report, domain: str) -> str:
    """Return the split of the domain that a report judges by; raises DataError if none has labels."""
    splits = dict(report.headlines())
    if domain not in splits:
        raise DataError(
            f"The {domain} has no labels, so that a sweep cannot score it: {report.corpora[domain].origin}."
        )
    return splits[domain]


def _run_stock(config: Experiment, cell: Cell, domain: str) -> Iterator[CellResult]:
    from transformers import TrainingArguments

    from nlp_transfer.models.files.download import model_folder
    from nlp_transfer.training.scoring import predict, scored_splits
    from nlp_transfer.training.setup import load_data, scalars
    from nlp_transfer.training.stock import load_stock_model, stock_trainer, stock_values

    started = time.perf_counter()
    data = load_data(config)
    config, (_, task, tokenizer, encoded) = config.sized(data.train_rows), data
    model = load_stock_model(
        model_folder(config.model, revision=config.revision),
        len(task.label_names),
        multi_label=task.multi_label,
        seed=config.training.seed,
    )
    trainer = stock_trainer(
        model,
        TrainingArguments(**stock_values(config.training)),
        encoded["source"],
        tokenizer,
        compute_metrics=lambda output: scalars(task.score(output.predictions, output.label_ids)),
    )
    before = time.perf_counter()
    trainer.train()
    train_seconds = time.perf_counter() - before
    split = scored_splits(domain, encoded[domain])[-1]
    logits, labels = predict(trainer, encoded[domain][split])
    if labels is None:
        raise DataError(f"The {domain}'s {split} split has no labels, so that a sweep cannot score it.")
    scores = task.score(logits, labels)
    corpus, system, seed = cell
    seconds, details = time.perf_counter() - started, {"train_seconds": train_seconds}
    yield CellResult(corpus, system, seed, _compared(scores), seconds, details)
