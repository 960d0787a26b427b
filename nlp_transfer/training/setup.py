"""Build the parts of a run: corpora and encoded rows, the model, the trainer.

config -> corpora -> task.encode -> task.build_model -> method.prepare
"""

import copy
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from accelerate import PartialState
from datasets import Dataset
from transformers import PreTrainedTokenizerBase, ProgressCallback, TrainerCallback, set_seed
from transformers.integrations import TensorBoardCallback

from nlp_transfer.data.corpus import Corpus
from nlp_transfer.data.encoding.tokens import forget_last_call
from nlp_transfer.data.loading import load_corpus
from nlp_transfer.data.merging import load_sources
from nlp_transfer.data.splits.exact_duplicates import copy_notes
from nlp_transfer.errors import CheckpointError, ConfigError, DataError
from nlp_transfer.methods.alignment import active_methods
from nlp_transfer.methods.base import check_all
from nlp_transfer.methods.context import Context
from nlp_transfer.models.heads.document_pooling import reads_windows
from nlp_transfer.models.heads.masked_lm import load_masked_lm
from nlp_transfer.models.loading import LoadedModel
from nlp_transfer.models.outputs import Output
from nlp_transfer.models.reference import ModelReference
from nlp_transfer.tasks import FittedTask
from nlp_transfer.tasks.saved_folder import vocabulary_problem
from nlp_transfer.training.arguments import Seq2SeqTransferArguments, TransferArguments
from nlp_transfer.training.experiment_parts import ExperimentParts
from nlp_transfer.training.extensions.activation_cache import store_for
from nlp_transfer.training.losses import update_mean
from nlp_transfer.training.progress import TENSORBOARD, ProgressLines
from nlp_transfer.training.runtime import uses_bf16
from nlp_transfer.training.seq2seq import Seq2SeqTransferTrainer
from nlp_transfer.training.target_checks import check_correctable
from nlp_transfer.training.target_data import (
    Encoded,
    adaptation_rows,
    target_validation_rows,
    training_rows,
)
from nlp_transfer.training.trainer import TransferTrainer
from nlp_transfer.training.without_source import NO_HEAD, check_without_source, classes_of_model
from nlp_transfer.training.without_validation import NOTE, UNCALIBRATED, validation_needs, without_evaluation

log = logging.getLogger(__name__)


class RunData(NamedTuple):
    """Hold what a run reads; `encoded` is {domain: {split: encoded rows}}."""

    corpora: dict[str, Corpus]
    task: FittedTask
    tokenizer: PreTrainedTokenizerBase
    encoded: Encoded

    @property
    def train_rows(self) -> int:
        """Return the number of rows that an epoch goes through, before they are encoded; see `training_rows`."""
        source = self.corpora.get("source")
        return len(self.training_rows) if source is None else len(source.splits["train"])

    @property
    def training_rows(self) -> Dataset:
        """Return the encoded rows that an epoch goes through: the source's or, without a source, the target's."""
        return training_rows(self.encoded)


def load_corpora(experiment: ExperimentParts) -> tuple[dict[str, Corpus], FittedTask]:
    """Load the corpora by domain, and fit the task to the source; without one, to the classes of the model."""
    labels, kind = experiment.task.columns
    corpora = {}
    if experiment.sources:
        source = load_sources(experiment.sources, labeled=labels, trains=True, kind=kind)
        corpora["source"] = experiment.task.prepared(source)
    learned = corpora.get("source") or classes_of_model(experiment.model_reference)
    task = experiment.task.fit(learned)
    if experiment.target is not None:
        names, labeled = (learned.label_names, None) if labels else (None, False)
        target = load_corpus(
            experiment.target, key="target", label_names=names, labeled=labeled, trains=False, kind=kind
        )
        if "source" in corpora:
            copies = copy_notes(corpora["source"].splits["train"], target.splits, "the source's training {noun}s")
            target = replace(target, notes=(*target.notes, *copies))
        corpora["target"] = target
    return corpora, task


def load_data(experiment: ExperimentParts) -> RunData:
    """Load the corpora and the tokenizer, fit the task, and encode the rows."""
    with PartialState().main_process_first():  # the others read what the first has cached
        corpora, task = load_corpora(experiment)
        if "source" in corpora:
            corpora["source"] = _checked_source(experiment, task, corpora["source"])
        else:
            check_without_source(experiment, task)
        task.load_ranker(experiment.training.device)
        own = experiment.tokenizer in (None, experiment.model)  # revision and trust are the model's
        reference = experiment.model_reference if own else ModelReference(str(experiment.tokenizer))
        tokenizer = task.load_tokenizer(reference)
        forget_last_call(tokenizer)  # what its maker left in the file, too
        if "source" in corpora:
            task.fit_tokenizer(corpora["source"], tokenizer)
        encoded: Encoded = {"source": {}, **{domain: task.encode(one, tokenizer) for domain, one in corpora.items()}}
        if "source" in corpora:
            encoded["source"]["train"] = task.learned_rows(encoded["source"]["train"])
    _check_label_columns(corpora)
    return RunData(corpora, task, tokenizer, encoded)


def _checked_source(experiment: ExperimentParts, task: FittedTask, source: Corpus) -> Corpus:
    """Return the source, with notes where it has no validation split; raise DataError where one is needed."""
    if "validation" in (splits := source.splits):
        return source
    if needs := [*validation_needs(experiment, task, splits)]:
        raise DataError(
            f"{source.origin}: the source has no validation split (splits found: {', '.join(splits)}), which is needed "
            f"for {', '.join(needs)}. Give source.path a folder with a dev file, or source.split.validation above 0; "
            "or leave these settings out."
        )
    notes = [NOTE, *([] if "calibration" in splits or not task.label_names else [UNCALIBRATED])]
    return replace(source, notes=(*source.notes, *notes))


def _check_label_columns(corpora: Mapping[str, Corpus]) -> None:
    """Raise DataError where one domain has one label a text and the other several."""
    if "source" not in corpora and corpora["target"].multi_label:
        raise DataError(
            f"The target ({corpora['target'].origin}) has lists of labels (column labels), and the model gives each "
            "text one class. Name a column of single labels: target.columns: {theirs: label}, or none."
        )
    known = {domain: corpus for domain, corpus in corpora.items() if corpus.label_column is not None}
    if len({corpus.label_column for corpus in known.values()}) > 1:
        source, target = known["source"], known["target"]
        raise DataError(
            f"The target ({target.origin}) has the column {target.label_column!r} and the source ({source.origin}) "
            f"{source.label_column!r}; both must hold one label a text, or both a list of them."
        )


def load_model(experiment: ExperimentParts, task: FittedTask) -> LoadedModel:
    """Load the encoder with a new head, whose initial weights depend on `training.seed`; raise ConfigError."""
    set_seed(experiment.training.seed)
    loaded = task.build_model(experiment.model_reference)
    check_all(experiment.methods, loaded.model)
    if experiment.prior_correction:
        check_correctable(task, loaded.model)
    extra = sum(method.reserved_positions for method in experiment.methods)
    if not experiment.sources and loaded.new_parameters:
        raise ConfigError(f"model: {experiment.model} {NO_HEAD}")
    if extra and loaded.max_positions is not None and task.max_length + extra > loaded.max_positions:
        raise ConfigError(
            f"{extra} virtual tokens are put before each text, but {experiment.model} reads {loaded.max_positions} "
            f"tokens. Set task.max_length to {loaded.max_positions - extra} or less."
        )
    return loaded


def build_trainer(
    experiment: ExperimentParts,
    data: RunData,
    loaded: LoadedModel,
    output_dir: Path,
    *,
    callbacks: Sequence[TrainerCallback] = (),
) -> tuple[TransferTrainer, Context]:
    """Build a run's trainer with its methods applied; return it and the context that the methods saw."""
    task, tokenizer, generates = data.task, data.tokenizer, Output.GENERATION in experiment.task.provides
    if problem := vocabulary_problem(loaded.model, tokenizer):
        raise ConfigError(f"model: {experiment.model}: {problem}")
    context = replace(_context(experiment, data, loaded), folder=output_dir)
    arguments = _trainer_arguments(experiment, output_dir)
    if not len(context.validation):
        arguments = without_evaluation(arguments)
        if not active_methods(experiment.methods):
            context = replace(context, target=None)  # which evaluations alone would look at
    lengths, validated = np.asarray(context.validation["length"]), len(context.validation) > 0
    of_texts = experiment.task.provides & {Output.LOGITS, Output.NUMBERS}
    trainer_class: type[Any] = Seq2SeqTransferTrainer if generates else TransferTrainer
    trainer: TransferTrainer = trainer_class(
        loaded.model,
        arguments,
        context.collate,
        train_dataset=context.train,
        eval_dataset=context.validation.select(np.argsort(lengths, kind="stable")) if validated else None,
        processing_class=tokenizer,
        compute_loss_func=update_mean(task.row_losses) if of_texts else None,
        compute_metrics=lambda output: scalars(
            task.score(output.predictions, output.label_ids, rows=trainer.scored_rows)
        ),
        methods=experiment.methods,
        context=context,
    )
    if reads_windows(loaded.model):
        _check_windows(trainer)
        network: Any = loaded.model
        network.tokens_at_once = arguments.max_tokens_per_forward
    if not arguments.disable_tqdm:
        trainer.remove_callback(ProgressCallback)
        trainer.add_callback(ProgressLines)
    place_tensorboard(trainer.callback_handler.callbacks, output_dir.parent / TENSORBOARD)
    for callback in callbacks:
        trainer.add_callback(callback)
    return trainer, context


def _check_windows(trainer: TransferTrainer) -> None:
    """Raise ConfigError for what cannot train a network that computes its windows twice."""
    sharded = trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled
    for given, name in ((sharded, "FSDP or DeepSpeed"), (trainer.args.torch_compile, "training.torch_compile")):
        if given:
            raise ConfigError(
                f"task.long_documents: windows does not go with {name}. Start without it (one process or several), or "
                "set task.long_documents: truncate."
            )


def place_tensorboard(callbacks: Sequence[TrainerCallback], folder: Path) -> None:
    """Let TensorBoard's files go to a folder, unless the environment (TENSORBOARD_LOGGING_DIR) names another."""
    for callback in callbacks:
        if isinstance(callback, TensorBoardCallback):
            callback.logging_dir = callback.logging_dir or str(folder)


def _context(experiment: ExperimentParts, data: RunData, loaded: LoadedModel) -> Context:
    """Return what the methods may look at."""
    task, source, training = data.task, data.encoded["source"], experiment.training
    train = data.training_rows
    target = adaptation_rows(experiment, data.encoded).rows if source else train
    return Context(
        train=train,
        validation=source.get("validation", train.select([])),
        collate=task.collator(data.tokenizer, compiled=training.torch_compile, seed=training.seed),
        loss=task.row_losses,
        score=lambda logits, labels: task.score(logits.numpy(), labels.numpy())[task.primary_metric],
        new_parameters=loaded.new_parameters,
        seed=training.seed,
        bf16=training.bf16 or (training.precision is None and uses_bf16("auto", training.device.type)),
        activations=store_for(training),
        target=target,
        target_validation=target_validation_rows(experiment, data.encoded),
        masked_lm=lambda: load_masked_lm(replace(experiment.model_reference, attention_dropout=None)).model,
    )


def _trainer_arguments(experiment: ExperimentParts, output_dir: Path) -> TransferArguments:
    """Return the training arguments of the run's trainer."""
    arguments = copy.copy(experiment.training)
    arguments.output_dir = str(output_dir)
    arguments.push_to_hub = False  # the run pushes itself, what its folder holds in the end
    if Output.GENERATION in experiment.task.provides:  # slow, so only where generated text selects the checkpoint
        by_loss = str(arguments.metric_for_best_model or "loss").removeprefix("eval_") == "loss"
        return Seq2SeqTransferArguments.of(arguments, predict_with_generate=True, generate_in_evaluation=not by_loss)
    return arguments


def scalars(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Return the metrics that are single numbers, which a Trainer's log can hold."""
    return {name: value for name, value in metrics.items() if isinstance(value, int | float)}


def latest_checkpoint(trainer: TransferTrainer, folder: Path) -> str | None:
    """Return the newest whole checkpoint of a run, None if there is none; raise CheckpointError if all are torn."""
    checkpoint, torn = trainer.resume.newest_checkpoint()
    if checkpoint is None and torn:
        anew = "--archive_existing (archive_existing=True) starts anew and keeps it under another name."
        advice = f"{folder} has no whole checkpoint. {anew}"
        raise CheckpointError([*torn, advice])
    for message in [*torn, *([f"Going on from {checkpoint}."] if checkpoint else [])]:
        log.info(message)
    return str(checkpoint) if checkpoint else None
