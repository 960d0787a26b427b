"""Run one experiment end to end. Start reading here.

corpora -> task.encode -> task.build_model -> trainer -> scores -> report

What an experiment asks for around a run (a search, the source-only baseline, a push) is in `commands/run.py`.
"""

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from accelerate import PartialState

from nlp_transfer.config.experiment import Experiment
from nlp_transfer.errors import NLPTransferError
from nlp_transfer.files import write_text
from nlp_transfer.methods.context import Context
from nlp_transfer.metrics.negative_transfer import CEILING, SOURCE_ONLY
from nlp_transfer.models.families import count_parameters
from nlp_transfer.models.files.download import model_folder
from nlp_transfer.models.files.manifest import folder_fingerprint
from nlp_transfer.reporting.config_record import config_differences, leaves, to_yaml
from nlp_transfer.reporting.environment import hardware, peak_gpu_bytes, peak_memory_bytes
from nlp_transfer.reporting.markdown import write_report
from nlp_transfer.reporting.predictions import write_predictions
from nlp_transfer.reporting.prepared_run import PreparedRun, prepare
from nlp_transfer.reporting.report import CorpusFacts, Cost, Report, SearchSummary
from nlp_transfer.reporting.run_context import PriorCorrection, RunContext, facts_of, metrics_of, prediction_rows
from nlp_transfer.reporting.run_folder import LOG, RunFolder, archive, check_run_folder, open_run_folder
from nlp_transfer.reporting.sections.adaptation import ceiling_scores, source_only_scores
from nlp_transfer.reporting.sections.before_training import scores_before
from nlp_transfer.reporting.sections.findings import findings
from nlp_transfer.reporting.sections.label_shift import correct_prior
from nlp_transfer.reporting.sections.source_domains import scores_by_source
from nlp_transfer.tasks.base import DomainPredictions
from nlp_transfer.tasks.blocks import Alert
from nlp_transfer.training.agreement import check_agreement
from nlp_transfer.training.experiment_parts import ExperimentParts
from nlp_transfer.training.model_saving import save_model
from nlp_transfer.training.runtime import deterministic, use_float32
from nlp_transfer.training.scoring import score_model
from nlp_transfer.training.setup import RunData, build_trainer, latest_checkpoint, load_model
from nlp_transfer.training.signals import StopSignals
from nlp_transfer.training.target_data import Encoded, evaluation_splits, tokens_an_epoch
from nlp_transfer.training.trainer import TransferTrainer
from nlp_transfer.training.weight_average import average_with_saved
from nlp_transfer.training.without_source import keep_confidence

log = logging.getLogger(__name__)

UNTRAINED_BASELINE = "before training"
"""The name of the untrained model among the baselines."""


@dataclass(frozen=True)
class Surroundings:
    """Hold what was done around a run: its configuration as given, the search, the reports of baselines.

    `average_with` is the model folder of the source-only baseline, if the mean of its and the run's weights is saved.
    """

    record: Mapping[str, Any]
    search: SearchSummary | None = None
    source_only: Report | None = None
    ceiling: Report | None = None
    average_with: Path | None = None


def run(experiment: Experiment, *, resume: bool = False, stop_signals: StopSignals | None = None) -> Report | None:
    """Train, evaluate and report one experiment, on each process; see `commands.run.run` for arguments and errors."""
    if (report := finished_report(experiment, resume=resume)) is not None:
        return report
    prepared = prepare(experiment)
    experiment = experiment.sized(prepared.data.train_rows)
    with open_folder(experiment, prepared, resume=resume) as folder:
        return train_and_report(experiment, prepared, folder, stop_signals=stop_signals)


def finished_report(experiment: Experiment, *, resume: bool, archive_existing: bool = False) -> Report | None:
    """Check that the experiment may use its folder, and return its report if the run is finished."""
    record = experiment.record()
    check_agreement({**leaves(record), "--resume": resume, "--archive_existing": archive_existing})
    if archive_existing:
        return None
    folder = check_run_folder(str(experiment.training.output_dir), record, resume=resume)
    if folder.state == "finished":
        return folder.report()
    if changed := config_differences(folder.record.get("config", record), record, without_effect=True):
        log.info("\n  ".join(["Changed since the run began, without effect on its result (there -> now):", *changed]))
    return None


@contextmanager
def open_folder(
    experiment: Experiment, prepared: PreparedRun, *, resume: bool, archive_existing: bool = False
) -> Iterator[RunFolder]:
    """Hold the experiment's run folder; on other processes than the main one nothing is written.

    A run that ends in an error before it has learned anything leaves the folder free.
    """
    path = Path(str(experiment.training.output_dir))
    PartialState().wait_for_everyone()  # all have checked the folder before the first writes to it
    if not PartialState().is_main_process:
        yield RunFolder(path, "empty")
        return
    if archive_existing and (kept := archive(path)):
        log.info("The run that %s held is now %s.", path, kept)
    record, code = experiment.record(), experiment.trust_remote_code
    model = model_folder(experiment.model, revision=experiment.revision, trust_remote_code=code)
    inputs = {f"{domain} corpus": corpus.fingerprint for domain, corpus in prepared.data.corpora.items()}
    inputs["model"] = folder_fingerprint(model)
    by_rows = {name: record["training"][name] for name in sorted(experiment.training.left_to_rows)}
    folder = open_run_folder(path, record, resume=resume, inputs=inputs, by_rows=by_rows)
    try:
        write_text(path / "config.yaml", to_yaml(record))
        log.info("\n".join(prepared.notes))
        yield folder
    except NLPTransferError:
        if folder.state == "empty" and not folder.has_learned():
            folder.discard()
        raise
    finally:
        folder.leave()


def train_and_report(
    experiment: Experiment,
    prepared: PreparedRun,
    folder: RunFolder,
    *,
    around: Surroundings | None = None,
    stop_signals: StopSignals | None = None,
) -> Report | None:
    """Train the prepared model, evaluate it, save it, and write the report; None on all but the main process."""
    around = around or Surroundings(experiment.record())
    trained = _train(experiment, prepared, folder, around, stop_signals)
    if not PartialState().is_main_process:
        return None
    report = write_report(_report(prepared, trained, around, folder.path.name), folder.path)
    folder.finish()
    return report


@dataclass(frozen=True)
class _TrainedRun:
    """Hold a trained, evaluated and saved run."""

    context: RunContext
    cost: Cost
    facts: dict[str, Any]
    paths: dict[str, str]


def _train(
    experiment: Experiment,
    prepared: PreparedRun,
    folder: RunFolder,
    around: Surroundings,
    stop_signals: StopSignals | None,
) -> _TrainedRun:
    """Train, evaluate and save. All processes call it."""
    data, task = prepared.data, prepared.data.task
    with deterministic(experiment.training.device):
        started = time.perf_counter()
        trainer, context = build_trainer(
            experiment, data, prepared.loaded, folder.checkpoints, callbacks=folder.callbacks()
        )
        trainer.stop_signals = stop_signals
        parameters = count_parameters(trainer.accelerator.unwrap_model(trainer.model))
        log.info(_parameter_summary(experiment, *parameters))
        building = time.perf_counter() - started + context.earlier_seconds
        trainer.train(resume_from_checkpoint=latest_checkpoint(trainer, folder.path))
        use_float32(trainer)
        trained = building + trainer.resume.seconds, time.perf_counter()
        rows = evaluation_splits(experiment, data.encoded)
        before = _predict_untrained(trainer, experiment, data, rows)
        if not experiment.sources:
            keep_confidence(trainer, rows["target"], before["target"])
        if around.average_with is not None:
            average_with_saved(trainer, task, rows, around.average_with)
        correction = correct_prior(trainer, task, rows) if experiment.prior_correction else PriorCorrection()
        scored = score_model(trainer, task, rows)
        cost = _cost(trainer, context if task.max_length else None, parameters, *trained)
        paths = {**save_model(trainer, task, data.tokenizer, folder.path), "log": str(folder.path / LOG)}
        facts = facts_of(prepared.loaded, data.encoded, trainer, context)
    made = RunContext(
        experiment,
        task,
        trainer,
        data.corpora,
        data.encoded,
        rows,
        scored,
        correction,
        around.source_only,
        before,
        around.ceiling,
        around.average_with is not None,
    )
    return _TrainedRun(made, cost, {**facts, **task.facts}, paths)


def _cost(
    trainer: TransferTrainer, context: Context | None, parameters: tuple[int, int], seconds: float, ended: float
) -> Cost:
    """Return what a run took that has trained for so many seconds, until `ended`, and is scored now.

    Without the context, as of images, no tokens are counted.
    """
    tokens = 0.0 if context is None else tokens_an_epoch(context, adapts=trainer.adapts)
    return Cost(
        *parameters,
        train_seconds=seconds,
        evaluation_seconds=time.perf_counter() - ended,
        tokens_trained=round((trainer.state.epoch or 1.0) * tokens),
        peak_memory_bytes=peak_memory_bytes(),
        peak_gpu_bytes=peak_gpu_bytes(),
        hardware=hardware(trainer.args),
    )


def _parameter_summary(experiment: Experiment, trainable: int, total: int) -> str:
    """Return the methods, how many parameters they train, and in what precision."""
    methods = ", ".join(method.name for method in experiment.methods)
    precision = "bf16" if experiment.training.bf16 else "fp16" if experiment.training.fp16 else "fp32"
    share = f"{trainable:,} of {total:,} parameters ({trainable / total:.2%})"
    return f"{methods}: trains {share}, in {precision} on {experiment.training.device.type}."


def _report(prepared: PreparedRun, trained: _TrainedRun, around: Surroundings, title: str) -> Report:
    """Write the predictions, score the baselines, compare, and put the report together."""
    run, paths = trained.context, dict(trained.paths)
    experiment, task = run.experiment, run.task
    if task.row_keys:
        write_predictions(run.predictions, prediction_rows(run), task.row_keys)
        paths["predictions"] = str(run.predictions)
    baselines = {UNTRAINED_BASELINE: scores_before(run)} if _looks_before(experiment) else {}
    baselines |= task.baselines(experiment.baseline_names, run.corpora, run.scored, run.rows)
    if run.source_only is not None:
        baselines[SOURCE_ONLY] = source_only_scores(run)
    if run.ceiling is not None:
        baselines[CEILING] = ceiling_scores(run)
    sections = findings(run)
    warnings = [block.text for section in sections for block in section.blocks if isinstance(block, Alert)]
    for warning in warnings:
        log.info(warning)
    return Report(
        title=title,
        task=experiment.task.name,
        model=prepared.loaded.origin,
        methods=tuple(method.name for method in experiment.methods),
        metrics=metrics_of(run.scored),
        corpora={domain: CorpusFacts.of(corpus) for domain, corpus in run.corpora.items()},
        cost=trained.cost,
        config=dict(around.record),
        seed=experiment.training.seed,
        baselines=baselines,
        facts=trained.facts,
        findings=sections,
        source_scores=scores_by_source(run),
        search=around.search,
        thresholds=task.threshold_by_label(),
        paths=paths,
        warnings=(*prepared.warnings, *warnings),
    )


def _looks_before(experiment: ExperimentParts) -> bool:
    """Return whether the model before training is scored, too."""
    return experiment.task.scores_untrained or not experiment.sources


def _predict_untrained(
    trainer: TransferTrainer, experiment: Experiment, data: RunData, rows: Encoded
) -> DomainPredictions:
    """Return the predictions of the untrained model, where the task or a run without a source compares with it.

    All processes call it. A model that is sharded over processes has no place for a second one: nothing is predicted.
    """
    if not _looks_before(experiment) or trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled:
        return {}
    trained: Any = trainer.model
    untrained: Any = load_model(experiment, data.task).model
    trainer.model = trainer.model_wrapped = untrained.to(experiment.training.device)
    try:
        return score_model(trainer, data.task, rows)
    finally:
        trainer.model = trainer.model_wrapped = trained
