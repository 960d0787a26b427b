"""Save and load a trained model, with what it needs to predict as it did in its run.

The folder is a plain transformers one; that of an extractive summariser, the one network of our own, has a model type
of its own (models/heads/extractive_config.py), which `nlp_transfer.register_models` lets transformers know. What
transformers has no place for (the task, the length texts were cut to, the thresholds of a multi-label model, how a
summariser selects) stands in its config.json under one key, which transformers keeps and ignores.
"""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError

from nlp_transfer.errors import CheckpointError, ConfigError
from nlp_transfer.metrics.sentence_selection import SummaryLength
from nlp_transfer.models.config_values import label_problems
from nlp_transfer.models.files.manifest import MANIFEST, write_manifest
from nlp_transfer.models.files.validate import EXTRACTOR
from nlp_transfer.tasks import AbstractiveSummarization, ExtractiveSummarization, FittedAbstractiveSummarization
from nlp_transfer.tasks.saved_folder import CONFIG_KEY, find_folder, folder_of, read_network, saved_record
from nlp_transfer.tasks.summarization.abstractive import EXTRACT
from nlp_transfer.tasks.trained import TrainedAbstractiveSummarizer, TrainedClassifier, TrainedSummarizer

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from nlp_transfer.tasks import FittedTask
    from nlp_transfer.training import TransferTrainer

EXTRACTIVE_TASK, ABSTRACTIVE_TASK = ExtractiveSummarization.name, AbstractiveSummarization.name

UNLIMITED_TOKENS = 512
"""Where a text is cut if neither our record nor the model and its tokenizer set a limit."""


def save(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    folder: str | Path,
    *,
    record: dict[str, Any],
    cut_at: int | None,
) -> None:
    """Write weights (safetensors), config and tokenizer.

    Args:
        model: a plain transformers model.
        tokenizer: its tokenizer.
        folder: made where it is absent.
        record: the task's name and settings, which `load` reads.
        cut_at: tokens a text is cut to; the saved tokenizer truncates there. None leaves it as it is.
    """
    setattr(model.config, CONFIG_KEY, record)
    (Path(folder) / MANIFEST).unlink(missing_ok=True)  # of what the folder held before
    from nlp_transfer.models.heads.encoder_decoder import separate_weights
    from nlp_transfer.models.heads.masked_lm import inherited_pooler

    weights, more = separate_weights(model), inherited_pooler(model)
    if more:
        weights = {**(weights or model.state_dict()), **more}
    try:
        model.save_pretrained(folder, state_dict=weights)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(
            f"{folder} cannot be saved ({' '.join(str(error).split())[:200]}). Make room or mend the rights of the "
            "folder; --resume then goes on from the last checkpoint."
        ) from error
    kept = tokenizer.model_max_length
    tokenizer.model_max_length = kept if cut_at is None else cut_at
    try:
        tokenizer.save_pretrained(folder)
    finally:
        tokenizer.model_max_length = kept


def save_trained(
    trainer: "TransferTrainer", tokenizer: "PreTrainedTokenizerBase", folder: Path, task: "FittedTask"
) -> dict[str, str]:
    """Write a run's `model` folder, and `adapter` beside it where an adapter was trained. On all processes together.

    An adapter is merged into its encoder for `model`, so that this folder always loads as a plain model. Kinds that
    cannot be merged (prompts, Lily), and models that are sharded over processes, leave the adapter alone. Each folder
    gets a manifest.

    Returns:
        The paths by a word for each.
    """
    from peft import PeftModel

    from nlp_transfer.models.adapters import merge

    record = {"task": task.name, **task.settings()}
    model = trainer.accelerator.unwrap_model(trainer.model)
    paths = {"model": str(folder / "model")}
    if isinstance(model, PeftModel):
        paths["adapter"] = str(folder / "adapter")
        trainer.save_model(paths["adapter"])
        try:
            model = merge(model) if not (trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled) else None
        except ConfigError:  # the trained adapter is saved, and is all that there is
            model = None
    elif trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled:
        setattr(model.config, CONFIG_KEY, record)
        trainer.save_model(paths["model"])
        model = None
    if model is None:
        paths.pop("model" if "adapter" in paths else "", None)
    elif trainer.is_world_process_zero():
        save(model, tokenizer, paths["model"], record=record, cut_at=task.cut_at)
        if isinstance(task, FittedAbstractiveSummarization) and task.config.extractor is not None:
            shutil.copytree(folder_of(task.config.extractor), Path(paths["model"]) / EXTRACTOR, dirs_exist_ok=True)
    trainer.accelerator.wait_for_everyone()
    for written in paths.values() if trainer.is_world_process_zero() else ():
        (Path(written) / "training_args.bin").unlink(missing_ok=True)  # a pickle; nothing needs it here
        write_manifest(Path(written))
    return paths


Trained = TrainedClassifier | TrainedSummarizer | TrainedAbstractiveSummarizer


def load(name: str | Path, *, revision: str | None = None) -> Trained:
    """Load a classifier or a summariser from a run's folder, its `model` folder, or the Hub.

    Args:
        name: a run's output folder, a model folder, or a Hub id.
        revision: the Hub model's commit, tag or branch.

    Raises:
        CheckpointError: it is not there, is torn, not what its manifest says, or neither of the two.
    """
    if _task(find_folder(name, revision)[1]) in _SUMMARIZERS:
        return load_summarizer(name, revision=revision)
    return load_classifier(name, revision=revision)


def is_summarizer(name: str | Path) -> bool:
    """Whether a saved model summarises; False also where there is none, of which `load` complains."""
    try:
        return _task(find_folder(name, None)[1]) in _SUMMARIZERS
    except CheckpointError:
        return False


def load_classifier(name: str | Path, *, revision: str | None = None) -> TrainedClassifier:
    """Load a classifier.

    Any sequence classifier of transformers loads; without our own record, texts are cut at the tokenizer's limit and
    multi-label thresholds are 0.5.

    Args:
        name: a run's output folder, a model folder, or a Hub id.
        revision: the Hub model's commit, tag or branch.

    Raises:
        CheckpointError: it is not there, is torn, not what its manifest says, or no classifier.
    """
    from transformers import AutoModelForSequenceClassification

    from nlp_transfer.models.loading import max_positions

    folder, source = find_folder(name, revision)
    if _task(source) in _SUMMARIZERS:
        raise CheckpointError(
            f"{name} summarises documents, and a classifier is needed here. scripts/predict.py reads it."
        )
    if problems := list(label_problems(source)):
        raise CheckpointError(problems)
    model, tokenizer, info = read_network(name, folder, source, AutoModelForSequenceClassification, "classifier")
    missing = sorted(info["missing_keys"])
    if missing:
        raise CheckpointError(
            f"{name} is not a trained classifier: its weights lack {', '.join(missing[:4])}"
            f"{', …' if len(missing) > 4 else ''}. An encoder without a head must be trained first (scripts/train.py)."
        )
    multi_label = model.config.problem_type == "multi_label_classification"
    if model.config.problem_type == "regression" or (model.config.num_labels == 1 and not multi_label):
        raise CheckpointError(f"{name} is no classifier: it has one output, a number (regression).")
    if tokenizer.pad_token_id is None:
        raise CheckpointError(f"{name} has a tokenizer without padding token, so texts cannot be put into batches.")
    record = saved_record(source)
    labels = [model.config.id2label[i] for i in range(model.config.num_labels)]
    thresholds = record.get("thresholds", {})
    positions = max_positions(model.config) if hasattr(model.config, "max_position_embeddings") else None
    longest = min(tokenizer.model_max_length, positions or UNLIMITED_TOKENS)
    return TrainedClassifier(
        model=model.float().eval(),
        tokenizer=tokenizer,
        label_names=labels,
        multi_label=multi_label,
        max_length=int(record.get("max_length", longest)),
        thresholds=np.array([thresholds.get(label, 0.5) for label in labels]),
        origin=str(folder),
    )


def load_summarizer(
    name: str | Path, *, revision: str | None = None
) -> TrainedSummarizer | TrainedAbstractiveSummarizer:
    """Load a summariser of either kind.

    Args:
        name: a run's output folder, a model folder, or a Hub id.
        revision: the Hub model's commit, tag or branch.

    Raises:
        CheckpointError: it is not there, is torn, not what its manifest says, or no summariser of this package.
    """
    loads = load_abstractive if _task(find_folder(name, revision)[1]) == ABSTRACTIVE_TASK else load_extractive
    return loads(name, revision=revision)


def load_extractive(name: str | Path, *, revision: str | None = None) -> TrainedSummarizer:
    """Load an extractive summariser; see `load_summarizer`."""
    from nlp_transfer.models.heads.extractive import AutoModelForExtractiveSummarization

    folder, source = find_folder(name, revision)
    settings = summarizer_settings(str(name), saved_record(source))
    model, tokenizer, info = read_network(name, folder, source, AutoModelForExtractiveSummarization, "summariser")
    if missing := sorted(info["missing_keys"]):
        raise CheckpointError(f"{name} is not a trained summariser: its weights lack {', '.join(missing[:4])}.")
    return TrainedSummarizer(model=model.float().eval(), tokenizer=tokenizer, origin=str(folder), **settings)


def load_abstractive(name: str | Path, *, revision: str | None = None) -> TrainedAbstractiveSummarizer:
    """Load a summariser that writes; see `load_summarizer`."""
    from transformers import AutoModelForSeq2SeqLM

    folder, source = find_folder(name, revision)
    settings = abstractive_settings(str(name), saved_record(source), source)
    model, tokenizer, info = read_network(name, folder, source, AutoModelForSeq2SeqLM, "summariser")
    if missing := sorted(info["missing_keys"]):
        raise CheckpointError(f"{name} is not a trained summariser: its weights lack {', '.join(missing[:4])}.")
    return TrainedAbstractiveSummarizer(model=model.float().eval(), tokenizer=tokenizer, origin=str(folder), **settings)


def summarizer_settings(name: str, record: Any) -> dict[str, Any]:
    """How a summariser reads and selects, as `TrainedSummarizer` takes it, from what `save` recorded.

    Raises:
        CheckpointError: it did not.
    """
    try:
        return {
            "budget": SummaryLength(str(record["length_unit"]), float(record["length"])),
            "max_length": int(record["max_length"]),
            "overlap": int(record["overlap"]),
            "block_trigrams": bool(record["block_trigrams"]),
        }
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"{name} is not a trained summariser: its config.json lacks how it reads and selects ({error}). Expected "
            "the folder of a run of extractive_summarization."
        ) from error


def abstractive_settings(name: str, record: Any, folder: Path) -> dict[str, Any]:
    """How a network that writes reads, as `TrainedAbstractiveSummarizer` takes it, from what `save` recorded.

    Args:
        name: what the model is called, for messages.
        record: of its config.
        folder: the model's, which may hold an extractor.

    Raises:
        CheckpointError: it did not, or the extractor is missing.
    """
    try:
        found = {
            "max_length": int(record["max_length"]),
            "max_summary_length": int(record["max_summary_length"]),
            "long_documents": str(record["long_documents"]),
            "prefix": str(record["prefix"]),
            "baseline_sentences": int(record["baseline_sentences"]),
            "extractor": None,
        }
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"{name} is not a trained summariser: its config.json lacks how it reads ({error}). Expected the folder of "
            "a run of abstractive_summarization."
        ) from error
    if found["long_documents"] == EXTRACT:
        if not (folder / EXTRACTOR).is_dir():
            raise CheckpointError(
                f"{name} reads what an extractive summariser picks, and its folder lacks {EXTRACTOR}/, which holds it. "
                "Copy it from the run, or push the run again."
            )
        found["extractor"] = load_extractive(folder / EXTRACTOR)
    return found


_SUMMARIZERS = (EXTRACTIVE_TASK, ABSTRACTIVE_TASK)


def _task(source: Path) -> Any:
    """The task that a folder was trained for."""
    return saved_record(source).get("task")
