"""One experiment from end to end. Who has read this file has read the whole program.

config -> corpora -> task.encode -> task.build_model -> method.prepare -> trainer -> metrics -> report
"""

import copy
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from accelerate import PartialState
from datasets import Dataset
from torch import Tensor
from transformers import PreTrainedTokenizerBase, ProgressCallback, set_seed
from transformers.utils import logging as transformers_logging

from nlp_transfer import hub
from nlp_transfer.choosing import CANDIDATES, adopt, candidates, choose
from nlp_transfer.config import Config
from nlp_transfer.data import Corpus, describe, load_corpus
from nlp_transfer.data.duplicates import copied_from
from nlp_transfer.data.merging import load_sources
from nlp_transfer.errors import CheckpointError, ConfigError, DataError, NLPTransferError
from nlp_transfer.methods.base import Context, check_all, say_nothing
from nlp_transfer.models.families import count_parameters
from nlp_transfer.models.fetching import model_folder
from nlp_transfer.models.loading import LoadedModel, load_tokenizer
from nlp_transfer.models.manifest import check_manifest, folder_fingerprint, has_manifest
from nlp_transfer.models.masked_lm import load_masked_lm
from nlp_transfer.reporting.config_record import config_differences
from nlp_transfer.reporting.environment import peak_gpu_bytes, peak_memory_bytes
from nlp_transfer.reporting.files import write_text
from nlp_transfer.reporting.log import JsonLinesLog
from nlp_transfer.reporting.negative_transfer import SOURCE_ONLY
from nlp_transfer.reporting.predictions import PREDICTIONS, write_predictions
from nlp_transfer.reporting.report import METRICS, CorpusFacts, Cost, Report
from nlp_transfer.reporting.run_folder import (
    CHECKPOINTS,
    LOG,
    RunFolder,
    check_run_folder,
    open_run_folder,
    set_aside,
)
from nlp_transfer.reporting.scoring import Scored, prediction_rows, score_baselines, score_model, scores_by_source
from nlp_transfer.reporting.yaml_text import to_yaml
from nlp_transfer.target import (
    Encoded,
    check_adaptation,
    check_correctable,
    choices_by_labels,
    class_frequencies,
    compared,
    correct_prior,
    headline,
    held_out,
    judging_rows,
    names_of,
    pseudo_label_facts,
    source_only_config,
    target_rows,
    tokens_an_epoch,
)
from nlp_transfer.tasks import BoundClassification, BoundTask
from nlp_transfer.training import TransferTrainer
from nlp_transfer.training.activations import store_for
from nlp_transfer.training.determinism import deterministic
from nlp_transfer.training.losses import update_mean
from nlp_transfer.training.progress import LogEntries, ProgressLines
from nlp_transfer.training.signals import StopSignals
from nlp_transfer.training.threads import use_cores

BEFORE = "before training"
"""What the model as it came is called where it stands beside the trained one."""


def run(
    config: Config,
    *,
    resume: bool = False,
    new_run: bool = False,
    say: Callable[[str], None] = print,
    stop_signals: StopSignals | None = None,
) -> Report | None:
    """Run one experiment. On several processes, all call it.

    Args:
        config: what to run.
        resume: go on with an unfinished run of the same configuration in `training.output_dir`; begin it, if there is
            none.
        new_run: rename what run is in the folder, once all is checked, and begin another.
        say: is told, on the main process, what the corpora hold, what will be trained, and where a run goes on.
        stop_signals: signals after which training saves and stops.

    Returns:
        The report, on the main process; None where the folder holds the finished run already and `resume` was given.

    Raises:
        ConfigError, DataError: before anything is written.
        CheckpointError: the folder holds another run, is in use, or cannot be written.
        TrainingError: the training went wrong in a way that no result could be believed.
        RunInterrupted: one of the signals came; what was learned is saved.
    """
    folder, record, main = Path(str(config.training.output_dir)), config.record(), PartialState().is_main_process
    tell = say if main else say_nothing
    found = RunFolder(folder, "empty") if new_run else check_run_folder(folder, record, resume=resume)
    if found.state == "finished":
        _check_finished(folder)
        return None
    if changed := config_differences(found.record.get("config", record), record, without_effect=True):
        tell("\n  ".join(["Changed since the run began, without effect on its result (there -> now):", *changed]))
    transformers_logging.disable_progress_bar()  # its bars for each saved file; the run's own bars stay
    if config.training.device.type == "cpu":
        use_cores(config.training.cpu_threads)
    corpora, task, tokenizer, encoded = load_data(config)
    notes = [f"{name}: {value}" for name, value in cut_texts(encoded).items()]
    notes += [f"{name}: {value}" for name, value in task.facts.items()]
    check_adaptation(config, task, encoded, tokenizer)
    target = target_rows(config, encoded, notes.append)
    loaded = load_model(config, task)
    PartialState().wait_for_everyone()  # all have judged the folder before the first writes to it
    if main and new_run and (kept := set_aside(folder)):
        tell(f"The run that {folder} held is now {kept}.")
    opened = _open(folder, config, record, corpora, resume=resume) if main else None
    log = JsonLinesLog(folder / LOG) if main else None
    try:
        with deterministic(config.training.device, tell) as undetermined:
            tell("\n".join([*described(corpora), *notes]))
            tried: dict[str, Any] = {}
            try:
                if config.choose:
                    choice = choose(
                        config,
                        folder,
                        lambda one: run(one, resume=True, say=say_nothing, stop_signals=stop_signals),
                        tell,
                    )
                    config, tried = choice.config, {"candidates": choice.facts}
                    if main:
                        adopt(choice, folder)
                    PartialState().wait_for_everyone()
                    loaded = load_model(config, task)
                beside = source_only_config(config, folder)
                if beside is not None:
                    tell(f"First without {names_of(config)}, to compare with: {beside.training.output_dir}")
                    run(beside, resume=True, say=say_nothing, stop_signals=stop_signals)
                    if main:
                        tell(f"Without {names_of(config)}: {headline(beside)}. Now with it.")
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
                    judging_rows(config, encoded),
                )
            except NLPTransferError:
                if opened is not None and log is not None and opened.state == "empty" and not has_learned(folder):
                    log.close()
                    opened.discard()  # nothing was learned: leave the folder free
                raise
            trainer.stop_signals = stop_signals
            trained_parameters = count_parameters(trainer.accelerator.unwrap_model(trainer.model))
            tell(to_be_trained(config, *trained_parameters))
            prepared = time.perf_counter()
            trainer.train(resume_from_checkpoint=_going_on(trainer, folder, tell))
            trainer.use_float32()
            trained = time.perf_counter()
            rows, uncorrected = held_out(config, encoded), dict[str, str]()
            if config.prior_correction and isinstance(task, BoundClassification):
                uncorrected = correct_prior(trainer, task, rows)
            scored = score_model(trainer, task, rows)
            evaluated = time.perf_counter()
            paths = {**hub.save_trained(trainer, tokenizer, folder, task), "log": str(folder / LOG)}
            before = {} if config.task.classifies else {BEFORE: _scored_before(trainer, config, task, rows)}
        if opened is None:
            return None
        baselines: dict[str, Any] = before
        facts: dict[str, Any] = {}
        if isinstance(task, BoundClassification):
            write_predictions(folder / PREDICTIONS, prediction_rows(task, scored))
            paths["predictions"] = str(folder / PREDICTIONS)
            baselines = score_baselines(config.baselines, task, corpora, scored)
            if "target" in scored and not task.multi_label:
                facts["class frequencies"] = {**class_frequencies(task, scored), **uncorrected}
            if choices := choices_by_labels(config, trainer.state.log_history):
                facts["checkpoints"] = choices
            if by_source := scores_by_source(task, scored["source"], rows["source"]):
                facts["macro-F1 by source"] = by_source
            if pseudo := pseudo_label_facts(task, trainer, encoded):
                facts["pseudo-labels"] = pseudo
            if beside is not None and "target" in scored:
                alone = Path(str(beside.training.output_dir))
                baselines |= {SOURCE_ONLY: json.loads((alone / METRICS).read_text())}
                facts["adaptation"] = compared(task, scored["target"], alone, tell)
        report = Report(
            title=folder.name,
            task=config.task.name,
            model=loaded.origin,
            methods=tuple(method.name for method in config.methods),
            metrics=metrics_of(scored),
            corpora={domain: CorpusFacts.of(corpus) for domain, corpus in corpora.items()},
            cost=Cost(
                *trained_parameters,
                train_seconds=prepared - started + trainer.trained_seconds,
                evaluation_seconds=evaluated - trained,
                tokens_trained=round((trainer.state.epoch or 1.0) * tokens_an_epoch(context, adapts=trainer.adapts)),
                peak_memory_bytes=peak_memory_bytes(),
                peak_gpu_bytes=peak_gpu_bytes(),
            ),
            config=record,
            seeds=(config.training.seed,),
            baselines=baselines,
            facts={**facts_of(loaded, encoded, trainer, context, undetermined), **task.facts, **tried, **facts},
            thresholds=task.threshold_by_label() if isinstance(task, BoundClassification) else {},
            paths=paths,
        ).write(folder)
        opened.finish()
        return report
    finally:
        if opened is not None and log is not None:
            log.close()
            opened.leave()


def has_learned(folder: Path) -> bool:
    """Whether runs inside a run's folder have learned something that must not be lost."""
    return any((folder / name).exists() for name in (CANDIDATES, SOURCE_ONLY))


def _scored_before(trainer: TransferTrainer, config: Config, task: BoundTask, encoded: Encoded) -> dict[str, Any]:
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


def metrics_of(scored: Mapping[str, Mapping[str, Scored]]) -> dict[str, dict[str, dict[str, Any]]]:
    """{domain: {split: metrics}} of the splits that have labels."""
    return {
        domain: {split: one.metrics for split, one in splits.items() if one.metrics}
        for domain, splits in scored.items()
    }


def facts_of(
    loaded: LoadedModel, encoded: "Encoded", trainer: TransferTrainer, context: Context, undetermined: list[str]
) -> dict[str, Any]:
    """What happened on the way that a reader of the report must know."""
    return {
        **dict.fromkeys(loaded.notes, True),
        **cut_texts(encoded),
        **trainer.guarded(),
        **trainer.speed_facts(),
        **({"operations without a deterministic form": undetermined} if undetermined else {}),
        **_brief(context.facts),
    }


def _check_finished(folder: Path) -> None:
    """Complain about a finished run whose model is gone or was changed; raises CheckpointError."""
    saved = [folder / name for name in ("model", "adapter") if (folder / name).is_dir()]
    if not saved:
        raise CheckpointError(
            f"{folder} holds this run, finished, but neither model/ nor adapter/. Put them back, or train again with "
            "--new_run, which keeps what is there under another name."
        )
    for place in saved:
        if has_manifest(place):
            check_manifest(place)


def _open(
    folder: Path, config: Config, record: dict[str, Any], corpora: Mapping[str, Corpus], *, resume: bool
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


def _going_on(trainer: TransferTrainer, folder: Path, tell: Callable[[str], None]) -> str | None:
    """The checkpoint to go on from, None where there is none; says which it is, and which are not whole."""
    checkpoint, passed = trainer.newest_checkpoint()
    if checkpoint is None and passed:
        raise CheckpointError(
            [*passed, f"{folder} has no whole checkpoint. --new_run starts anew, and keeps it under another name."]
        )
    for message in passed:
        tell(message)
    if checkpoint is None:
        return None
    tell(f"Going on from {checkpoint}.")
    return str(checkpoint)


def load_data(config: Config) -> tuple[dict[str, Corpus], BoundTask, PreTrainedTokenizerBase, Encoded]:
    """The corpora by domain, the task with its labels, the tokenizer, and the encoded rows."""
    with PartialState().main_process_first():  # the others read what the first has cached
        classifies = config.task.classifies
        corpora = {"source": load_sources(config.sources, labeled=classifies, trains=True)}
        task = config.task.bind(corpora["source"])
        if config.target is not None:
            names = task.label_names if isinstance(task, BoundClassification) else None
            labeled = None if classifies else False
            target = load_corpus(config.target, key="target", label_names=names, labeled=labeled, trains=False)
            copies = copied_from(corpora["source"].splits["train"], target.splits, "the source's")
            corpora["target"] = replace(target, notes=(*target.notes, *copies))
        own = config.tokenizer in (None, config.model)  # revision and trust are said of the model, of nothing else
        tokenizer = load_tokenizer(
            config.tokenizer or config.model,
            revision=config.revision if own else None,
            trust_remote_code=config.trust_remote_code and own,
        )
        task.fit_tokenizer(corpora["source"], tokenizer)
        encoded = {domain: task.encode(corpus, tokenizer) for domain, corpus in corpora.items()}
    if "target" in corpora and corpora["target"].label_column not in (None, corpora["source"].label_column):
        raise DataError(
            f"The target has the column {corpora['target'].label_column!r} and the source "
            f"{corpora['source'].label_column!r}; both must hold one label a text, or both a list of them."
        )
    return corpora, task, tokenizer, encoded


def load_model(config: Config, task: BoundTask) -> LoadedModel:
    """The encoder with a new head; the head's first weights depend on `training.seed`.

    Raises:
        ConfigError: it cannot be loaded, or lacks what the methods need.
    """
    set_seed(config.training.seed)
    loaded = task.build_model(
        config.model,
        revision=config.revision,
        trust_remote_code=config.trust_remote_code,
        attention_dropout=config.attention_dropout,
    )
    check_all(config.methods, loaded.model)
    if config.prior_correction and isinstance(task, BoundClassification):
        check_correctable(task, loaded.model)
    extra = sum(method.extra_tokens() for method in config.methods)
    if extra and loaded.max_positions is not None and task.max_length + extra > loaded.max_positions:
        raise ConfigError(
            f"task.max_length is {task.max_length} and {extra} virtual tokens are put before each text, but "
            f"{config.model} reads at most {loaded.max_positions} tokens. Set task.max_length to "
            f"{loaded.max_positions - extra} or less."
        )
    return loaded


def build_trainer(
    config: Config,
    task: BoundTask,
    tokenizer: PreTrainedTokenizerBase,
    source: Mapping[str, Dataset],
    loaded: LoadedModel,
    folder: Path,
    log: JsonLinesLog | None,
    tell: Callable[[str], None],
    target: Dataset | None = None,
    target_validation: Dataset | None = None,
) -> tuple[TransferTrainer, Context]:
    """The trainer with the methods applied, its checkpoints in the run's folder, and the context that they saw."""
    loss = task.loss if isinstance(task, BoundClassification) else None
    context = Context(
        train=source["train"],
        validation=source["validation"],
        collate=task.collator(tokenizer, compiled=config.training.torch_compile, seed=config.training.seed),
        loss=loss or _no_row_loss,
        score=lambda logits, labels: task.metrics(logits.numpy(), labels.numpy())["macro_f1"],
        new_parameters=loaded.new_parameters,
        seed=config.training.seed,
        activations=store_for(config.training),
        say=tell,
        target=target,
        target_validation=target_validation,
        masked_lm=lambda: (
            load_masked_lm(
                config.model,
                revision=config.revision,
                trust_remote_code=config.trust_remote_code,
                attention_dropout=None,
            ).model
        ),
    )
    if config.training.torch_compile and config.training.device.type == "cpu":
        tell(
            "training.torch_compile: on a CPU it gained a few per cent on long texts and cost several times on short "
            "ones where it was tried, and padding stays in the layers. --estimate tells what it does here, and without."
        )
    arguments = copy.copy(config.training)
    arguments.output_dir = str(folder / CHECKPOINTS)
    lengths = np.asarray(context.validation["length"])
    trainer = TransferTrainer(
        loaded.model,
        arguments,
        context.collate,
        train_dataset=context.train,
        eval_dataset=context.validation.select(np.argsort(lengths, kind="stable")),
        processing_class=tokenizer,
        compute_loss_func=None if loss is None else update_mean(loss),
        compute_metrics=lambda output: scalars(task.metrics(output.predictions, output.label_ids)),
        methods=config.methods,
        context=context,
    )
    if not arguments.disable_tqdm:
        trainer.remove_callback(ProgressCallback)
        trainer.add_callback(ProgressLines)
    if log is not None:
        trainer.add_callback(LogEntries(log.write, log.restart))
    return trainer, context


def _no_row_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """What methods get that ask for the loss of a row where the task has none; the configuration refuses them."""
    raise ConfigError("This task has no loss of a row.")


def _brief(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The methods' facts with lists of all that was tried as their number."""
    return {
        name: {key: len(value) if key == "candidates" else value for key, value in fact.items()}
        if isinstance(fact, dict)
        else fact
        for name, fact in facts.items()
    }


def cut_texts(encoded: Encoded) -> dict[str, str]:
    """How many texts were longer than the task's length, as facts for the report; nothing where none was."""
    facts = {}
    for domain, splits in encoded.items():
        rows = sum(len(dataset) for dataset in splits.values())
        cut = sum(int(np.sum(rows["truncated"])) for rows in splits.values() if "truncated" in rows.column_names)
        if cut:
            facts[f"{domain} texts cut at the task's length"] = f"{cut:,} of {rows:,} ({cut / rows:.0%})"
    return facts


def described(corpora: Mapping[str, Corpus]) -> list[str]:
    """What each domain's corpus holds, line by line."""
    return [
        line for domain, corpus in corpora.items() for line in (f"{domain}:", *(f"  {x}" for x in describe(corpus)))
    ]


def to_be_trained(config: Config, trainable: int, total: int) -> str:
    """The methods, how many parameters they train, and in what precision."""
    methods = ", ".join(method.name for method in config.methods)
    precision = "bf16" if config.training.bf16 else "fp16" if config.training.fp16 else "fp32"
    share = f"{trainable:,} of {total:,} parameters ({trainable / total:.2%})"
    return f"{methods}: trains {share}, in {precision} on {config.training.device.type}."


def scalars(metrics: Mapping[str, Any]) -> dict[str, float]:
    """The metrics that are single numbers, which is what a Trainer's log can hold."""
    return {name: value for name, value in metrics.items() if isinstance(value, int | float)}


DRY_RUN_EXAMPLES = 10


def dry_run(config: Config) -> str:
    """Check all that can be checked without training or fitting anything, and show what the model would see.

    Nothing is written but the cache of encoded rows.

    Returns:
        The corpora, ten encoded examples, and what would be trained, as text.

    Raises:
        ConfigError, DataError, CheckpointError: as `run` would.
    """
    folder = Path(str(config.training.output_dir))
    state = check_run_folder(folder, config.record(), resume=True).state
    corpora, task, tokenizer, encoded = load_data(config)
    loaded = load_model(config, task)
    lines = described(corpora)
    lines += [f"{name}: {value}" for name, value in cut_texts(encoded).items()]
    check_adaptation(config, task, encoded, tokenizer)
    target_rows(config, encoded, lines.append)
    train = encoded["source"]["train"]
    lines += [f"{name}: {value}" for name, value in task.facts.items()]
    lines.append(f"\nThe first {min(DRY_RUN_EXAMPLES, len(train))} encoded training examples:")
    for row in train.select(range(min(DRY_RUN_EXAMPLES, len(train)))):
        learned, text = task.example(row, tokenizer)
        shown = text if len(text) <= 160 else f"{text[:120]} … {text[-39:]}"
        lines.append(f"  {row['id']}  {row['length']} tokens  {learned}\n    {shown}")
    trained = ", ".join(method.name for method in config.methods)
    lines.append(
        f"\nModel: {loaded.origin}, {count_parameters(loaded.model)[1]:,} parameters. It has all that {trained} needs."
    )
    if config.choose:
        lines.append("Candidates, of which the run chooses one:")
        lines += [f"  {words}" for words, _ in candidates(config, folder)]
    lines.append(f"Output folder: {folder} ({state}). Nothing was trained.")
    return "\n".join(lines)
