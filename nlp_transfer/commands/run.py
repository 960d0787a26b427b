"""Run an experiment with all that it asks for: a search, the source-only baseline, the comparison with it, a push."""

import dataclasses
import logging
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from accelerate import PartialState

from nlp_transfer import runner
from nlp_transfer.commands.push_run import check_push, push_after_run
from nlp_transfer.commands.push_settings import PushSettings
from nlp_transfer.commands.search import promote, search_experiment
from nlp_transfer.config.experiment import Experiment
from nlp_transfer.config.run_defaults import AVERAGE
from nlp_transfer.data.corpus import Corpus
from nlp_transfer.errors import ConfigError, DataError, PublishError, format_value
from nlp_transfer.methods import FullFineTuning
from nlp_transfer.metrics.negative_transfer import CEILING, SOURCE_ONLY
from nlp_transfer.metrics.table import METRICS
from nlp_transfer.reporting.log import quiet
from nlp_transfer.reporting.prepared_run import prepare
from nlp_transfer.reporting.report import MODEL, Report
from nlp_transfer.reporting.run_folder import RunFolder, inspect
from nlp_transfer.reporting.sections.results import score_summary
from nlp_transfer.training.extensions.checkpoint_selection import label_free_metric
from nlp_transfer.training.recipe import source_only_arguments, source_only_methods
from nlp_transfer.training.setup import load_model
from nlp_transfer.training.signals import StopSignals
from nlp_transfer.training.source_weights import SIZE
from nlp_transfer.training.target_data import selects_by_target_labels, target_method_names

log = logging.getLogger(__name__)


def run(
    experiment: Experiment,
    *,
    resume: bool = False,
    archive_existing: bool = False,
    stop_signals: StopSignals | None = None,
) -> Report | None:
    """Search, train the source-only baseline, train, evaluate, compare and push, as the experiment asks.

    Args:
        experiment: the experiment.
        resume: continue an unfinished run of the same configuration, or read the report of a finished one.
        archive_existing: rename a run that the folder holds, once all is checked, and begin anew.
        stop_signals: signals after which training saves and stops.

    Raises:
        ConfigError, DataError: before anything is written.
        CheckpointError: the folder holds another run, is in use, or cannot be written.
        TrainingError: training failed in a way that no result could be believed.
        PublishError: before anything is read: the run is to be pushed, and will not be let in.
        RunInterrupted: a signal came; what was learned is saved.

    Example:
        >>> report = run(load_config("run.yaml", [("training.output_dir", "runs/again")]))
        >>> report.metrics["source"]["test"]["rows"]
        24
    """
    if not isinstance(experiment, Experiment):
        raise ConfigError(
            f"run was given {format_value(experiment)}; expected an Experiment: run(load_config('my.yaml')), or "
            "run(Experiment(model, source, TransferArguments('runs/first')))."
        )
    path = Path(str(experiment.training.output_dir))
    report = runner.finished_report(experiment, resume=resume, archive_existing=archive_existing)
    if report is not None:
        log.info("%s holds this run, finished. Nothing to do; its report is %s/report.html.", path, path)
        return report
    pushes = experiment.training.push_to_hub and PartialState().is_main_process
    if pushes:  # now rather than after a night of training
        settings, name = PushSettings.of(experiment), experiment.training.hub_model_id
        check_push(path, name, settings, experiment.training.hub_token)
    prepared = prepare(experiment)
    experiment = experiment.sized(prepared.data.train_rows)
    with runner.open_folder(experiment, prepared, resume=resume, archive_existing=archive_existing) as folder:
        around = runner.Surroundings(experiment.record())
        searches = bool(experiment.search)
        task = experiment.task
        if searches:
            experiment, around = _search(experiment, folder, around, stop_signals)
        without, ceiling = source_only_experiment(experiment), ceiling_experiment(experiment, prepared.data.corpora)
        if without is not None:
            source_only = _run_source_only(experiment, without, stop_signals)
            averaged = experiment.source_only_baseline == AVERAGE
            model = Path(str(without.training.output_dir)) / MODEL if averaged else None
            around = dataclasses.replace(around, source_only=source_only, average_with=model)
        if ceiling is not None:
            around = dataclasses.replace(around, ceiling=_run_ceiling(ceiling, stop_signals))
        if experiment.task != task:  # the search has chosen how texts are read
            prepared = prepare(experiment)
        elif searches or without is not None or ceiling is not None:
            # The head's initial weights are again those of the seed.
            loaded = load_model(experiment, prepared.data.task)
            prepared = dataclasses.replace(prepared, loaded=loaded)
        report = runner.train_and_report(experiment, prepared, folder, around=around, stop_signals=stop_signals)
    if report is None or not pushes:
        return report
    return _pushed(report, path, experiment, prepared.data.corpora)


def source_only_experiment(experiment: Experiment) -> Experiment | None:
    """Return the experiment of the source-only baseline, inside the run's folder; None if none is asked for."""
    if not (experiment.source_only_baseline and experiment.sources and target_method_names(experiment)):
        return None
    folder = Path(str(experiment.training.output_dir)) / SOURCE_ONLY
    return _baseline(experiment, folder, by_own=selects_by_target_labels(experiment))


def ceiling_experiment(experiment: Experiment, corpora: Mapping[str, Corpus]) -> Experiment | None:
    """Return the experiment that learns from the target's labels, inside the run's folder; None if not asked for.

    Raises:
        DataError: the target has no training and test splits with labels.
    """
    if not experiment.ceiling_baseline or experiment.target is None:
        return None
    target = corpora["target"]
    labelled = [name for name, rows in target.splits.items() if target.label_column in rows.column_names]
    if not {"train", "test"} <= set(labelled):
        raise DataError(
            f"{target.origin}: ceiling_baseline learns from the target's training split and is scored on its test "
            f"split; splits with labels: {', '.join(labelled) or 'none'}. Give target.path a folder with train and "
            "test files, set target.split.method: near_duplicate, or leave ceiling_baseline out."
        )
    names = experiment.target.label_names or target.label_names
    named = dataclasses.replace(experiment, target=dataclasses.replace(experiment.target, label_names=names))
    return in_target(named, Path(str(experiment.training.output_dir)) / CEILING)


def in_target(experiment: Experiment, folder: Path) -> Experiment:
    """Return the experiment that learns from the target's labels in place of the source's."""
    by_own = bool(label_free_metric(experiment.training)) or selects_by_target_labels(experiment)
    learned = {"source": experiment.target, "target": None, "log_target_scores": False}
    training = experiment.training.with_output_dir(str(folder), source_weights=SIZE)  # there is one source now
    return _baseline(dataclasses.replace(experiment, training=training), folder, by_own=by_own, **learned)


def _baseline(experiment: Experiment, folder: Path, *, by_own: bool, **changes: Any) -> Experiment:
    """Return the experiment of a baseline; `by_own` selects checkpoints by the metric of its own validation rows."""
    metric = {"metric_for_best_model": experiment.task.primary_metric} if by_own else {}
    return dataclasses.replace(
        experiment,
        training=source_only_arguments(experiment.training, folder, **metric),
        methods=source_only_methods(experiment.methods) or (FullFineTuning(),),
        baselines=(),
        prior_correction=False,
        ceiling_baseline=False,
        **changes,
    )


def _search(
    experiment: Experiment, folder: RunFolder, around: runner.Surroundings, stop_signals: StopSignals | None
) -> tuple[Experiment, runner.Surroundings]:
    """Run the candidates; the run goes on as the best of them."""
    chosen, candidate, summary = search_experiment(experiment, partial(_run_inside, stop_signals=stop_signals))
    if PartialState().is_main_process:
        promote(candidate, folder.path)
    PartialState().wait_for_everyone()
    return chosen, dataclasses.replace(around, search=summary)


def _run_source_only(experiment: Experiment, baseline: Experiment, stop_signals: StopSignals | None) -> Report | None:
    """Run the source-only baseline, unless it is finished."""
    methods, place = target_method_names(experiment), baseline.training.output_dir
    if inspect(str(place)).state != "finished":
        log.info("First without %s, to compare with: %s", methods, place)
    report = _run_inside(baseline, stop_signals=stop_signals)
    if report is not None:
        log.info("Without %s: %s.", methods, score_summary(report))
    return report


def _run_ceiling(baseline: Experiment, stop_signals: StopSignals | None) -> Report | None:
    """Run the ceiling, unless it is finished."""
    log.info("With the target's labels, to compare with: %s", baseline.training.output_dir)
    report = _run_inside(baseline, stop_signals=stop_signals)
    if report is not None:
        metric = METRICS[baseline.task.primary_metric]
        score = metric.format(report.metrics["source"]["test"][metric.name])
        log.info("With the target's labels: target test %s %s.", metric.title, score)
    return report


def _run_inside(experiment: Experiment, *, stop_signals: StopSignals | None) -> Report | None:
    """Run a candidate or the baseline, without progress messages."""
    with quiet():
        return runner.run(experiment, resume=True, stop_signals=stop_signals)


def _pushed(report: Report, folder: Path, experiment: Experiment, corpora: Mapping[str, Corpus]) -> Report:
    """Push the model; return the report with its place on the Hub, or why it is not there."""
    try:
        pushed = push_after_run(folder, experiment, corpora)
    except PublishError as error:
        return dataclasses.replace(report, unpushed=str(error))
    return dataclasses.replace(report, paths={**report.paths, "hub": f"{pushed.repo_url} at revision {pushed.oid}"})
