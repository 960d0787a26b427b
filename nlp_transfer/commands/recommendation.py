"""Recommend how to train on a corpus: compare plans on validation rows within a budget of time."""

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from nlp_transfer.commands.finished_runs import read_run
from nlp_transfer.commands.plan_search import PlanSearch, SearchState, Tried
from nlp_transfer.commands.plans import text_baseline
from nlp_transfer.commands.run_comparison import row_scores
from nlp_transfer.config.experiment import Experiment, load_config
from nlp_transfer.errors import ConfigError, TrainingError, format_value
from nlp_transfer.files import write_text
from nlp_transfer.metrics.significance import Choice, choose_run
from nlp_transfer.metrics.table import METRICS
from nlp_transfer.models.outputs import Output
from nlp_transfer.progress import duration
from nlp_transfer.reporting.config_record import differing, to_yaml
from nlp_transfer.reporting.html import sections_page
from nlp_transfer.reporting.markdown import sections_markdown
from nlp_transfer.tasks.blocks import Block, Section, Table, Text
from nlp_transfer.training.signals import StopSignals

FILES = {"page": "recommendation.html", "report": "recommendation.md", "plan": "recommended.yaml"}
"""Names of the files, by the word that a command prints."""


@dataclass(frozen=True)
class Recommendation:
    """Hold the recommended experiment, with what was tried; it prints as Markdown.

    Args:
        experiment: the configuration with the plan; `nlp_transfer.run` runs it.
        plan: its name.
        choice: what to expect of it, on the validation rows.
        tried: the plans that were run.
        not_tried: reason by plan.
        baseline: score of the baseline on TF-IDF on the same rows, by the primary metric of the task.
        paths: of the files that were written, by word.
    """

    experiment: Experiment = field(repr=False)
    plan: str
    choice: Choice
    tried: tuple[Tried, ...] = field(repr=False)
    not_tried: dict[str, str]
    baseline: float | None = None
    sections: tuple[Section, ...] = field(default=(), repr=False)
    paths: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return sections_markdown("Recommendation", (), self.sections)

    def _repr_markdown_(self) -> str:
        """Return the recommendation for a notebook."""
        return str(self)


def recommend(
    config: Experiment,
    *,
    budget_minutes: float = 20.0,
    output: str = "runs/recommendation",
    resume: bool = False,
    stop_signals: StopSignals | None = None,
) -> Recommendation:
    """Compare plans on the validation rows of a corpus, and recommend one.

    Test rows and the target are not used. The score of a plan that is not trained to its end is what it has by then.

    Args:
        config: the experiment; its methods and learning rate are one of the plans.
        budget_minutes: time for all runs; the plan that is running is finished.
        output: a new folder for the runs, the page and recommended.yaml.
        resume: go on with a recommendation of the same configuration in `output`, or read it.
        stop_signals: signals after which training saves and stops.

    Raises:
        RunInterrupted: a signal came; `resume` goes on.
        ConfigError: the task has no classes, there is no budget, or the configuration searches or counts steps.
        DataError: the corpus cannot be read, or has no validation rows.
        CheckpointError: `output` holds something else.
        TrainingError: no plan could be trained.

    Example:
        >>> task, training = {"max_length": 32}, {"output_dir": "runs/chosen", "num_train_epochs": 1}
        >>> config = Experiment("encoder", "corpus", training, task=task)
        >>> found = recommend(config, budget_minutes=0.01, output="runs/plans")
        >>> found.plan, Path("runs/plans/recommended.yaml").exists()
        ('frozen_encoder', True)
    """
    _check(config, budget_minutes)
    state = SearchState.open(config, output, resume=resume)
    search = PlanSearch(config, state, 60 * budget_minutes, stop_signals)
    search.run()
    if not search.tried:
        raise TrainingError(["No plan could be trained.", *(f"{name}: {why}" for name, why in search.failed.items())])
    return _written(_recommendation(search), state.folder)


def _check(config: Experiment, budget_minutes: float) -> None:
    """Raise ConfigError with all that stands against a recommendation."""
    if not isinstance(config, Experiment):
        raise ConfigError(
            f"recommend was given {format_value(config)}; expected an Experiment: recommend(load_config('my.yaml'))."
        )
    problems = []
    if not config.task.provides >= {Output.LOGITS, Output.TOKENS}:
        problems.append(
            f"recommend needs a task with classes of texts, such as sequence_classification; got {config.task.name}."
        )
    if not 0 < budget_minutes < math.inf:
        problems.append(f"budget_minutes is {budget_minutes:g}; expected more than 0.")
    if config.search:
        problems.append("search chooses among values by itself. Leave it out: recommend compares plans.")
    if config.training.max_steps > 0:
        problems.append("training.max_steps is set, and recommend shortens epochs. Set training.num_train_epochs.")
    if not config.sources:
        problems.append("recommend compares plans on the source, and there is none. Name it with source: {path: …}.")
    if config.zero_shot:
        problems.append("source has descriptions alone, and no labelled rows to compare plans on.")
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        problems.append("recommend runs on one process. Start it without a launcher.")
    if problems:
        raise ConfigError(problems)


def _recommendation(search: PlanSearch) -> Recommendation:
    """Return the best of all that was tried, with its sections."""
    config, tried = search.config, tuple(search.tried.values())
    runs = [read_run(one.folder) for one in tried]
    _, scores, rows = row_scores(runs, "source", "validation")
    choice = choose_run(scores)
    name = tried[choice.run].name
    training = search.plans[name].training.with_output_dir(str(config.training.output_dir))
    theirs = ("source", "target", "baselines", "prior_correction", "source_only_baseline")
    kept = {key: getattr(config, key) for key in theirs}
    experiment = replace(search.plans[name], training=training, **kept)
    not_tried = {plan: "no time within the budget" for plan in search.plans if plan not in search.tried} | search.failed
    baselines = [
        scores["source"]["validation"][config.task.primary_metric]
        for run in runs
        for system, scores in run.report.baselines.items()
        if system == text_baseline(config)
    ]
    found = Recommendation(experiment, name, choice, tried, not_tried, baselines[0] if baselines else None)
    lead, table = Text(" ".join(_sentences(found, rows, search.spent))), _table(found)
    reasons = "\n".join(["Without a score:\n", *(f"- {plan}: {why}" for plan, why in not_tried.items())])
    blocks: tuple[Block, ...] = (lead, table, *([Text(reasons)] if not_tried else []))
    return replace(found, sections=(Section("Plans", blocks),))


def _metric(found: Recommendation) -> str:
    return METRICS[found.experiment.task.primary_metric].title


def _sentences(found: Recommendation, rows: int, spent: float) -> Iterator[str]:
    choice, best = found.choice, found.tried[found.choice.run]
    yield (
        f"Take **{found.plan}**: expected {_metric(found)} {choice.expected:.3f} (95 % interval {choice.low:.3f} to "
        f"{choice.high:.3f}) by {rows:,} validation rows, corrected for having been chosen on them."
    )
    if len(found.tried) == 1:
        yield "It was compared with no other plan: give more minutes."
    else:
        yield f"It is the best in {choice.shares[choice.run]:.0%} of the resamples of these rows."
    if found.baseline is not None:
        warning = " No plan is better than it." if found.baseline >= max(one.score for one in found.tried) else ""
        yield f"The baseline {text_baseline(found.experiment)} has {found.baseline:.3f} on them.{warning}"
    equals = [found.tried[number] for number in choice.equals()]
    cheaper = [one for one in equals if one.whole and one.seconds < best.seconds / 2]
    if cheaper:
        least = min(cheaper, key=lambda one: one.seconds)
        yield f"Not clearly worse and cheaper: {least.name}, in {duration(least.seconds)}."
    if not best.whole:
        yield f"It was trained for {best.epochs:.3g} of {best.of:g} epochs; the whole plan may do better."
    elif short := [one.name for one in found.tried if not one.whole]:
        yield f"Not trained to their end, and perhaps better with more time: {'; '.join(short)}."
    if not _is_in_files(found.experiment):
        yield "The corpus is in memory: nlp_transfer.run(found.experiment) trains the plan."
    yield f"All runs took {duration(spent)}. Points: the 95 % interval of the difference from the recommended plan."


def _table(found: Recommendation) -> Table:
    """Return the plans that were tried, the best first; the interval of one that is not clearly worse includes 0."""
    choice, rows = found.choice, []
    verdicts = {choice.run: "recommended", **dict.fromkeys(choice.equals(), "not clearly worse")}
    points = choice.points()
    for number, one in sorted(enumerate(found.tried), key=lambda entry: -entry[1].score):
        epochs = "–" if one.epochs is None else f"{one.epochs:.2g} of {one.of:g}"
        cells = [epochs, f"{one.score:.3f}", points[number], f"{choice.shares[number]:.0%}", duration(one.seconds)]
        rows.append([one.name, verdicts.get(number, "worse"), *cells])
    columns = ["plan", "verdict", "epochs", _metric(found), "points, 95 %", "best in", "time"]
    return Table("Plans on the validation rows", columns, rows, names=2)


def _written(found: Recommendation, folder: Path) -> Recommendation:
    """Write the page, its text and the plan."""
    texts = {"page": sections_page("Recommendation", (), found.sections), "report": str(found)}
    if _is_in_files(found.experiment):
        expected = f"# {found.plan}: expected {_metric(found)} {found.choice.expected:.3f} on validation\n"
        texts["plan"] = expected + to_yaml(_short_record(found.experiment))
    for word, text in texts.items():
        write_text(folder / FILES[word], text)
    return replace(found, paths={word: str(folder / FILES[word]) for word in texts})


def _short_record(experiment: Experiment) -> dict[str, Any]:
    """Return the tree of an experiment without the settings that are defaults."""
    record = experiment.record()
    kept: dict[str, Any] = {key: record[key] for key in ("model", "source", "target", "methods") if key in record}
    kept |= {"task": {"name": record["task"]["name"]}, "training": {"output_dir": experiment.training.output_dir}}
    given = differing(record, load_config(tree=kept).record())
    return {**kept, **given, **{key: kept[key] | given.get(key, {}) for key in ("task", "training")}}


def _is_in_files(experiment: Experiment) -> bool:
    """Return True if a YAML file can name all corpora: none is in memory."""
    corpora = [*experiment.sources, *([experiment.target] if experiment.target is not None else [])]
    return all(corpus.data is None for corpus in corpora)
