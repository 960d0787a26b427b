"""One experiment from end to end. Who has read this file has read the whole program.

config -> corpora -> task.encode -> task.build_model -> method.prepare -> trainer -> metrics -> report
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from accelerate import PartialState
from transformers.utils import logging as transformers_logging

from nlp_transfer.commands.push_run import PushSettings, check_push, push_after_run
from nlp_transfer.commands.search import SEARCH_FACT, choose, promote
from nlp_transfer.config.experiment import Experiment
from nlp_transfer.config.search_space import CANDIDATES
from nlp_transfer.data import Corpus
from nlp_transfer.errors import CheckpointError, NLPTransferError, PublishError
from nlp_transfer.files import write_text
from nlp_transfer.methods.base import ignore_message
from nlp_transfer.metrics.negative_transfer import SOURCE_ONLY
from nlp_transfer.models.families import count_parameters
from nlp_transfer.models.files.download import model_folder
from nlp_transfer.models.files.manifest import check_manifest, folder_fingerprint, has_manifest
from nlp_transfer.reporting.config_record import config_differences, leaves
from nlp_transfer.reporting.environment import hardware, peak_gpu_bytes, peak_memory_bytes
from nlp_transfer.reporting.log import JsonLinesLog
from nlp_transfer.reporting.report import CorpusFacts, Cost, Report
from nlp_transfer.reporting.run_facts import (
    describe_corpora,
    facts_of,
    metrics_of,
    parameter_summary,
    truncation_summary,
    unreadable_warnings,
)
from nlp_transfer.reporting.run_folder import (
    LOG,
    RunFolder,
    archive,
    check_results,
    check_run_folder,
    inspect,
    open_run_folder,
)
from nlp_transfer.reporting.run_results import PriorCorrection, RunContext, collect_results
from nlp_transfer.reporting.sections.adaptation import score_summary
from nlp_transfer.reporting.sections.label_shift import correct_prior
from nlp_transfer.reporting.yaml_text import to_yaml
from nlp_transfer.tasks import FittedClassification, FittedTask, saved_models
from nlp_transfer.training import TransferTrainer
from nlp_transfer.training.agreement import check_agreement
from nlp_transfer.training.runtime import deterministic, use_cores, use_float32
from nlp_transfer.training.scoring import score_model
from nlp_transfer.training.setup import build_trainer, load_data, load_model
from nlp_transfer.training.signals import StopSignals
from nlp_transfer.training.target_data import (
    Encoded,
    check_adaptation,
    evaluation_splits,
    source_only_config,
    target_method_names,
    target_rows,
    target_validation_rows,
    tokens_an_epoch,
)

UNTRAINED_BASELINE = "before training"
"""What the model as it came is called where it stands beside the trained one."""


def run(
    config: Experiment,
    *,
    resume: bool = False,
    archive_existing: bool = False,
    say: Callable[[str], None] = print,
    stop_signals: StopSignals | None = None,
    pushes: bool = True,
) -> Report | None:
    """Run one experiment. On several processes, all call it.

    Args:
        config: what to run.
        resume: go on with an unfinished run of the same configuration in `training.output_dir`; begin it, if there is
            none.
        archive_existing: rename what run is in the folder, once all is checked, and begin another.
        say: is told, on the main process, what the corpora hold, what will be trained, and where a run goes on.
        stop_signals: signals after which training saves and stops.
        pushes: whether `training.push_to_hub` counts; it does not for runs inside a run.

    Returns:
        The report, on the main process; None where the folder holds the finished run already and `resume` was given.

    Raises:
        ConfigError, DataError: before anything is written.
        CheckpointError: the folder holds another run, is in use, or cannot be written.
        TrainingError: the training went wrong in a way that no result could be believed.
        PublishError: before anything is read: the run is to be pushed, and will not be let in.
        RunInterrupted: one of the signals came; what was learned is saved.
    """
    folder, record, main = Path(str(config.training.output_dir)), config.record(), PartialState().is_main_process
    tell = say if main else ignore_message
    check_agreement({**leaves(record), "--resume": resume, "--archive_existing": archive_existing})
    found = RunFolder(folder, "empty") if archive_existing else check_run_folder(folder, record, resume=resume)
    if found.state == "finished":
        _check_finished(found)
        return None
    pushes = pushes and main and config.training.push_to_hub
    if pushes:  # now rather than after a night of training
        check_push(folder, config.training.hub_model_id, PushSettings.of(config))
    if changed := config_differences(found.record.get("config", record), record, without_effect=True):
        tell("\n  ".join(["Changed since the run began, without effect on its result (there -> now):", *changed]))
    transformers_logging.disable_progress_bar()  # its bars for each saved file; the run's own bars stay
    if config.training.device.type == "cpu":
        use_cores(config.training.cpu_threads)
    corpora, task, tokenizer, encoded = load_data(config)
    check_agreement(
        {f"the fingerprint of the {name} corpus": corpus.fingerprint[:12] for name, corpus in corpora.items()}
    )
    unreadable = unreadable_warnings(encoded, corpora, tokenizer)
    notes = [f"Warning: {warning}" for warning in unreadable]
    notes += [f"{name}: {value}" for name, value in truncation_summary(encoded).items()]
    notes += [f"{name}: {value}" for name, value in task.facts.items()]
    check_adaptation(config, task, encoded, tokenizer)
    target = target_rows(config, encoded, notes.append)
    loaded = load_model(config, task)
    notes += loaded.notes
    PartialState().wait_for_everyone()  # all have judged the folder before the first writes to it
    if main and archive_existing and (kept := archive(folder)):
        tell(f"The run that {folder} held is now {kept}.")
    opened = _open(folder, config, record, corpora, resume=resume) if main else None
    log = JsonLinesLog(folder / LOG) if main else None
    try:
        with deterministic(config.training.device, tell) as undetermined:
            tell("\n".join([*describe_corpora(corpora), *notes]))
            try:
                config, tried, beside = _run_inside(config, folder, tell, stop_signals)
                if tried or beside is not None:
                    loaded = load_model(config, task)  # its head's first weights are again those of the seed
                started = time.perf_counter()
                trainer, context = build_trainer(
                    config,
                    task,
                    tokenizer,
                    encoded["source"],
                    loaded,
                    folder,
                    log,
                    tell,
                    target,
                    target_validation_rows(config, encoded),
                )
            except NLPTransferError:
                if opened is not None and log is not None and opened.state == "empty" and not has_learned(folder):
                    log.close()
                    opened.discard()  # nothing was learned: leave the folder free
                raise
            trainer.stop_signals = stop_signals
            trained_parameters = count_parameters(trainer.accelerator.unwrap_model(trainer.model))
            tell(parameter_summary(config, *trained_parameters))
            prepared = time.perf_counter()
            trainer.train(resume_from_checkpoint=_latest_checkpoint(trainer, folder, tell))
            use_float32(trainer)
            trained = time.perf_counter()
            rows, correction = evaluation_splits(config, encoded), PriorCorrection()
            if config.prior_correction and isinstance(task, FittedClassification):
                correction = PriorCorrection(*correct_prior(trainer, task, rows, tell))
            scored = score_model(trainer, task, rows)
            evaluated = time.perf_counter()
            paths = {**saved_models.save_trained(trainer, tokenizer, folder, task), "log": str(folder / LOG)}
            learns_text = not config.task.classifies and not config.task.summarizes
            before = {UNTRAINED_BASELINE: _scored_before(trainer, config, task, rows)} if learns_text else {}
        if opened is None:
            return None
        judged = collect_results(
            RunContext(config, task, trainer, corpora, encoded, rows, scored, correction, beside), tell
        )
        report = Report(
            title=folder.name,
            task=config.task.name,
            model=loaded.origin,
            methods=tuple(method.name for method in config.methods),
            metrics=metrics_of(scored),
            corpora={domain: CorpusFacts.of(corpus) for domain, corpus in corpora.items()},
            cost=Cost(
                *trained_parameters,
                train_seconds=prepared - started + trainer.resume.seconds,
                evaluation_seconds=evaluated - trained,
                tokens_trained=round((trainer.state.epoch or 1.0) * tokens_an_epoch(context, adapts=trainer.adapts)),
                peak_memory_bytes=peak_memory_bytes(),
                peak_gpu_bytes=peak_gpu_bytes(),
                hardware=hardware(trainer.args),
            ),
            config=record,
            seeds=(config.training.seed,),
            baselines={**before, **judged.baselines},
            facts={**facts_of(loaded, encoded, trainer, context, undetermined), **task.facts, **tried, **judged.facts},
            thresholds=task.threshold_by_label() if isinstance(task, FittedClassification) else {},
            paths={**paths, **judged.paths},
            warnings=(*unreadable, *judged.warnings),
        ).write(folder)
        opened.finish()
        return _pushed(report, folder, config, corpora, tell) if pushes else report
    finally:
        if opened is not None and log is not None:
            log.close()
            opened.leave()


def _run_inside(
    config: Experiment, folder: Path, tell: Callable[[str], None], stop_signals: StopSignals | None
) -> tuple[Experiment, dict[str, Any], Experiment | None]:
    """The runs that come before, in folders inside the run's: the candidates to choose from, and the source alone.

    Returns:
        The configuration with what was chosen, facts of the choice, and the configuration of the run beside, if any.
    """
    tried: dict[str, Any] = {}
    inside = partial(run, resume=True, say=ignore_message, stop_signals=stop_signals, pushes=False)
    if config.search:
        choice = choose(config, folder, inside, tell)
        config, tried = choice.config, {SEARCH_FACT: choice.facts}
        if PartialState().is_main_process:
            promote(choice, folder)
        PartialState().wait_for_everyone()
    beside = source_only_config(config, folder)
    if beside is not None:
        if inspect(str(beside.training.output_dir)).state != "finished":
            tell(f"First without {target_method_names(config)}, to compare with: {beside.training.output_dir}")
        inside(beside)
        if PartialState().is_main_process:
            tell(f"Without {target_method_names(config)}: {score_summary(beside)}. Now with it.")
    return config, tried, beside


def _pushed(
    report: Report, folder: Path, config: Experiment, corpora: Mapping[str, Corpus], tell: Callable[[str], None]
) -> Report:
    """The report, with where the model is on the Hub, or why it is not."""
    try:
        pushed = push_after_run(folder, config, corpora, tell)
    except PublishError as error:
        return replace(report, unpushed=str(error))
    return replace(report, paths={**report.paths, "hub": f"{pushed.repo_url} at revision {pushed.oid}"})


def has_learned(folder: Path) -> bool:
    """Whether runs inside a run's folder have learned something that must not be lost."""
    return any((folder / name).exists() for name in (CANDIDATES, SOURCE_ONLY))


def _scored_before(trainer: TransferTrainer, config: Experiment, task: FittedTask, encoded: Encoded) -> dict[str, Any]:
    """The metrics of the model as it came, on the rows that the trained one was scored on. On all processes together.

    A model that is sharded over processes has no place for a second one: nothing is scored.
    """
    if trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled:
        return {}
    trained: Any = trainer.model
    untrained: Any = load_model(config, task).model
    trainer.model = trainer.model_wrapped = untrained.to(config.training.device)
    try:
        return metrics_of(score_model(trainer, task, encoded))
    finally:
        trainer.model = trainer.model_wrapped = trained


def _check_finished(found: RunFolder) -> None:
    """Complain about a finished run whose model or results are gone or were changed; raises CheckpointError."""
    folder = found.path
    saved = [folder / name for name in ("model", "adapter") if (folder / name).is_dir()]
    if not saved:
        raise CheckpointError(
            f"{folder} holds this run, finished, but neither model/ nor adapter/. Put them back, or train again with "
            "--archive_existing, which keeps what is there under another name."
        )
    for place in saved:
        if has_manifest(place):
            check_manifest(place)
    check_results(found, complete=True)


def _open(
    folder: Path, config: Experiment, record: dict[str, Any], corpora: Mapping[str, Corpus], *, resume: bool
) -> RunFolder:
    """Enter the run's folder, alone."""
    opened = open_run_folder(
        folder,
        record,
        resume=resume,
        inputs={
            **{f"{domain} corpus": corpus.fingerprint for domain, corpus in corpora.items()},
            "model": folder_fingerprint(
                model_folder(config.model, revision=config.revision, trust_remote_code=config.trust_remote_code)
            ),
        },
    )
    write_text(folder / "config.yaml", to_yaml(record))
    return opened


def _latest_checkpoint(trainer: TransferTrainer, folder: Path, tell: Callable[[str], None]) -> str | None:
    """The checkpoint to go on from, None where there is none; says which it is, and which are not whole."""
    checkpoint, passed = trainer.resume.newest_checkpoint()
    if checkpoint is None and passed:
        raise CheckpointError(
            [
                *passed,
                f"{folder} has no whole checkpoint. --archive_existing starts anew, and keeps it under another name.",
            ]
        )
    for message in passed:
        tell(message)
    if checkpoint is None:
        return None
    tell(f"Going on from {checkpoint}.")
    return str(checkpoint)
