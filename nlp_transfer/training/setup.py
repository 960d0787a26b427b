"""The parts of a run, built one after the other: corpora and encoded rows, the model, the trainer.

config -> corpora -> task.encode -> task.build_model -> method.prepare
"""

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import PartialState
from datasets import Dataset
from torch import Tensor
from transformers import PreTrainedTokenizerBase, ProgressCallback, set_seed

from nlp_transfer.config.experiment import Experiment
from nlp_transfer.data import Corpus, load_corpus
from nlp_transfer.data.merging import load_sources
from nlp_transfer.data.splits.exact_duplicates import copy_notes
from nlp_transfer.errors import CheckpointError, ConfigError, DataError
from nlp_transfer.methods.base import Context, check_all
from nlp_transfer.models.files.manifest import folder_fingerprint
from nlp_transfer.models.heads.masked_lm import load_masked_lm
from nlp_transfer.models.loading import LoadedModel, load_tokenizer
from nlp_transfer.reporting.log import JsonLinesLog
from nlp_transfer.reporting.run_folder import CHECKPOINTS
from nlp_transfer.reporting.sections.label_shift import check_correctable
from nlp_transfer.tasks import FittedAbstractiveSummarization, FittedClassification, FittedTask, saved_models
from nlp_transfer.tasks.saved_folder import folder_of, vocabulary_problem
from nlp_transfer.tasks.summarization.extractive_predictor import ranking
from nlp_transfer.training import Seq2SeqTransferArguments, Seq2SeqTransferTrainer, TransferTrainer
from nlp_transfer.training.extensions.activation_cache import store_for
from nlp_transfer.training.features import written_losses
from nlp_transfer.training.losses import update_mean
from nlp_transfer.training.progress import LogEntries, ProgressLines
from nlp_transfer.training.target_data import Encoded


def load_corpora(config: Experiment) -> tuple[dict[str, Corpus], FittedTask]:
    """The corpora by domain, and the task with its labels."""
    classifies, documents = config.task.classifies, config.task.summarizes
    corpora = {"source": load_sources(config.sources, labeled=classifies, trains=True, documents=documents)}
    task = config.task.bind(corpora["source"])
    if config.target is not None:
        names = task.label_names if isinstance(task, FittedClassification) else None
        labeled = None if classifies else False
        target = load_corpus(
            config.target, key="target", label_names=names, labeled=labeled, trains=False, documents=documents
        )
        copies = copy_notes(corpora["source"].splits["train"], target.splits, "the source's")
        corpora["target"] = replace(target, notes=(*target.notes, *copies))
    return corpora, task


def load_data(config: Experiment) -> tuple[dict[str, Corpus], FittedTask, PreTrainedTokenizerBase, Encoded]:
    """The corpora by domain, the task with its labels, the tokenizer, and the encoded rows."""
    with PartialState().main_process_first():  # the others read what the first has cached
        corpora, task = load_corpora(config)
        if "validation" not in (splits := corpora["source"].splits):
            raise DataError(
                f"{corpora['source'].origin}: the source has no validation split (splits found: {', '.join(splits)}), "
                "and a run chooses by one. Give source.path a folder with a dev file, or "
                "source.split.validation above 0."
            )
        if isinstance(task, FittedAbstractiveSummarization) and task.config.extractor is not None:
            attach_ranker(task, task.config.extractor, config.training.device)
        own = config.tokenizer in (None, config.model)  # revision and trust are said of the model, of nothing else
        tokenizer = load_tokenizer(
            config.tokenizer or config.model,
            revision=config.revision if own else None,
            trust_remote_code=config.trust_remote_code and own,
        )
        task.fit_tokenizer(corpora["source"], tokenizer)
        encoded = {domain: task.encode(corpus, tokenizer) for domain, corpus in corpora.items()}
        encoded["source"]["train"] = task.learned_rows(encoded["source"]["train"])
    if "target" in corpora and corpora["target"].label_column not in (None, corpora["source"].label_column):
        raise DataError(
            f"The target ({corpora['target'].origin}) has the column {corpora['target'].label_column!r} and the source "
            f"({corpora['source'].origin}) {corpora['source'].label_column!r}; both must hold one label a text, or "
            "both a list of them."
        )
    return corpora, task, tokenizer, encoded


def attach_ranker(task: FittedAbstractiveSummarization, extractor: str, device: torch.device) -> None:
    """Let a task read of long documents what an extractive summariser ranks highest; it is loaded where it is needed.

    Raises:
        ConfigError: it is no folder of one.
    """
    try:
        loaded = saved_models.load_extractive(extractor)
        task.ranked_by = folder_fingerprint(folder_of(extractor))
    except CheckpointError as error:
        raise ConfigError([f"task.extractor: {problem}" for problem in error.problems]) from error
    network: Any = loaded.model
    network.to(device)
    task.ranking = ranking(loaded)


def load_model(config: Experiment, task: FittedTask) -> LoadedModel:
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
    if config.prior_correction and isinstance(task, FittedClassification):
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
    config: Experiment,
    task: FittedTask,
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
    if problem := vocabulary_problem(loaded.model, tokenizer):
        raise ConfigError(f"model: {config.model}: {problem}")
    loss = task.loss if isinstance(task, FittedClassification) else None
    context = Context(
        train=source["train"],
        validation=source["validation"],
        collate=task.collator(tokenizer, compiled=config.training.torch_compile, seed=config.training.seed),
        loss=written_losses if config.task.writes else loss or _no_row_loss,
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
    arguments.push_to_hub = False  # the run pushes itself, what its folder holds in the end
    if config.task.writes:  # which takes long: while training only where a checkpoint is chosen by what is written
        by_loss = str(arguments.metric_for_best_model or "loss").removeprefix("eval_") == "loss"
        arguments = Seq2SeqTransferArguments.of(
            arguments, predict_with_generate=True, generate_in_evaluation=not by_loss
        )
    lengths = np.asarray(context.validation["length"])
    trainer_class: type[Any] = Seq2SeqTransferTrainer if config.task.writes else TransferTrainer
    trainer: TransferTrainer = trainer_class(
        loaded.model,
        arguments,
        context.collate,
        train_dataset=context.train,
        eval_dataset=context.validation.select(np.argsort(lengths, kind="stable")),
        processing_class=tokenizer,
        compute_loss_func=None if loss is None else update_mean(loss),
        compute_metrics=lambda output: scalars(
            task.metrics(output.predictions, output.label_ids, rows=trainer.scored_rows)
        ),
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


def scalars(metrics: Mapping[str, Any]) -> dict[str, float]:
    """The metrics that are single numbers, which is what a Trainer's log can hold."""
    return {name: value for name, value in metrics.items() if isinstance(value, int | float)}
