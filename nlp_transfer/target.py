"""What a run with a target domain does beside training: which target rows it may see, and whether adapting did harm."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from nlp_transfer.config import Config
from nlp_transfer.config_checks import needs_target
from nlp_transfer.errors import ConfigError, DataError
from nlp_transfer.methods import FullFineTuning, SelfTraining
from nlp_transfer.methods.base import Context, say_nothing
from nlp_transfer.metrics.label_free import LABEL_FREE, TARGET_MACRO_F1
from nlp_transfer.metrics.label_shift import above_chance, estimate_label_shift
from nlp_transfer.models.families import final_linear, logits_layer, plain_model
from nlp_transfer.reporting.negative_transfer import SOURCE_ONLY, Comparison, compare, read_predictions
from nlp_transfer.reporting.predictions import PREDICTIONS
from nlp_transfer.reporting.report import METRICS
from nlp_transfer.reporting.score_tables import number
from nlp_transfer.reporting.scoring import Scored, predict, scored_splits
from nlp_transfer.tasks import BoundClassification, BoundTask
from nlp_transfer.training import TransferTrainer
from nlp_transfer.training.hidden_tokens import masks_for
from nlp_transfer.training.selection import FEWEST_ROWS, label_free_metric
from nlp_transfer.training.sources import DISTANCE, SIZE
from nlp_transfer.training.target_rows import has_label, without_labels

Encoded = dict[str, dict[str, Dataset]]
"""{domain: {split: encoded rows}}"""


AT_CHANCE = (
    "on source validation the model does not tell the classes apart, so what it says of the target is no estimate"
)

FEW = 20
"""How often a target text may come in an epoch before a person should be told."""


def names_of(config: Config) -> str:
    """The methods that use the target, in words."""
    return " and ".join(method.name for method in config.methods if method.needs_target)


def source_only_config(config: Config, folder: Path) -> Config | None:
    """The same run without the methods that use the target, inside the run's folder; None where there is none."""
    if not config.source_only or not names_of(config):
        return None
    changes = {"metric_for_best_model": "macro_f1"} if _judged_by_labels(config) else {}
    if config.training.source_weights == DISTANCE:
        changes["source_weights"] = SIZE
    training = config.training.elsewhere(str(folder / SOURCE_ONLY), **changes)
    methods = tuple(method for method in config.methods if not method.needs_target) or (FullFineTuning(),)
    return replace(config, training=training, methods=methods, baselines=(), prior_correction=False)


def check_adaptation(config: Config, task: BoundTask, encoded: Encoded, tokenizer: PreTrainedTokenizerBase) -> None:
    """Find what would stop an adapting run later, when the run beside it has been trained.

    Raises:
        ConfigError: with every problem.
    """
    names = names_of(config)
    problems = []
    metric = label_free_metric(config.training)
    if metric and len(encoded["target"][seen_split(encoded["target"])]) < FEWEST_ROWS:
        problems.append(
            f"training.metric_for_best_model is {metric}, and the target has fewer than {FEWEST_ROWS} texts, which "
            "have no neighbours. Add texts, or choose by a metric of the source."
        )
    if _judged_by_labels(config):
        splits = encoded["target"]
        if "validation" not in splits or "labels" not in splits["validation"].column_names:
            problems.append(
                f"training.metric_for_best_model is {TARGET_MACRO_F1}, and the target has no validation split with "
                f"labels (splits found: {', '.join(splits)}). Give target.path a folder with train, dev and test "
                "files, or set target.split.method, for instance to near_duplicate, which makes splits of one file."
            )
    rows = judging_rows(config, encoded) if config.target_progress and not problems else None
    if rows is not None and "labels" not in rows.column_names:
        problems.append("target_progress scores the target by its labels, and it has none. Leave it out.")
    for method in config.methods:
        if (asked := method.hidden_tokens()) is not None:
            masks_for(method.name, tokenizer, asked.probability)
        if isinstance(method, SelfTraining) and config.training.max_steps <= 0:
            epochs = config.training.num_train_epochs
            if method.source_epochs >= epochs:
                problems.append(
                    f"self_training.source_epochs is {method.source_epochs} and training.num_train_epochs {epochs:g}, "
                    "so no pseudo-label would be given. Train longer."
                )
    if names and config.training.n_gpu > 1:
        problems.append(f"{names} cannot use several GPUs from one process. Start one process for each, by torchrun.")
    for variable, name in (("ACCELERATE_USE_FSDP", "FSDP"), ("ACCELERATE_USE_DEEPSPEED", "DeepSpeed")):
        if names and os.environ.get(variable, "false").lower() in ("1", "true"):
            problems.append(f"{names} cannot be used with {name}: each process must hold the whole model.")
    if problems:
        raise ConfigError(problems)


def headline(config: Config) -> str:
    """What a finished run scored, in a few words."""
    metrics = json.loads((Path(str(config.training.output_dir)) / METRICS).read_text())
    key, words = ("macro_f1", "macro-F1") if config.task.classifies else ("rouge1", "ROUGE-1")
    parts = [
        f"{domain} {split} {words} {number(splits[split][key])}"
        for domain, splits in metrics.items()
        for split in [next((name for name in ("test", "validation") if name in splits), next(iter(splits), None))]
        if split is not None
    ]
    return ", ".join(parts)


def held_out(config: Config, encoded: Encoded) -> Encoded:
    """The splits that are scored: without the target's training rows, where a method learned from their labels."""
    if not any(method.needs_target_labels for method in config.methods):
        return encoded
    rest = {name: rows for name, rows in encoded["target"].items() if name != "train"}
    return {**encoded, "target": rest} if rest else {name: rows for name, rows in encoded.items() if name != "target"}


def compared(
    task: BoundClassification,
    scored: Mapping[str, Scored],
    alone: Path,
    uncorrected: Mapping[str, np.ndarray],
) -> Comparison:
    """Compare the model on the target's rows with the source-only run's.

    Args:
        task: knows what the logits mean.
        scored: the target's splits.
        alone: the folder of the source-only run.
        uncorrected: the splits' logits before `prior_correction`, which the source-only run is without; empty where
            nothing was corrected.
    """
    logits = [uncorrected.get(split, one.logits) for split, one in scored.items()]
    probabilities, predicted = read_predictions(alone / PREDICTIONS, "target", scored)
    labels = next(iter(scored.values())).labels
    return compare(
        task.probabilities(np.concatenate(logits)),
        probabilities,
        multi_label=task.multi_label,
        predicted=(task.predictions(logits[0]), predicted[: len(logits[0])]),
        labels=None if labels is None else labels.astype(int),
    )


def check_correctable(task: BoundClassification, model: PreTrainedModel) -> None:
    """Refuse `prior_correction` where it cannot be done.

    Raises:
        ConfigError: texts have several labels, or the layer that makes the logits has no bias.
    """
    if task.multi_label:
        raise ConfigError("prior_correction is for one label a text, and the source has several. Leave it out.")
    if final_linear(model)[1].bias is None:
        raise ConfigError(
            "prior_correction changes the bias of the model's last layer, and this one has none. Leave it out."
        )


def correct_prior(
    trainer: TransferTrainer, task: BoundClassification, encoded: Encoded, tell: Callable[[str], None]
) -> tuple[dict[str, str], dict[str, np.ndarray]]:
    """Let the model predict with the class frequencies that the target's texts seem to have.

    Temperature, biases and the ratio of frequencies go into the layer that makes the logits, so that whoever loads the
    model predicts so. A model that does not tell the source's classes apart is left as it is: what it says of the
    target is no estimate. On all processes together.

    Returns:
        Facts for the report: that it was done, and what the target's score was before, where it has labels. And the
        logits of the target's splits before, shape (rows, classes).
    """
    layer: Any = logits_layer(plain_model(trainer.accelerator.unwrap_model(trainer.model)))
    validation, labels = predict(trainer, encoded["source"]["validation"])
    assert labels is not None
    splits = scored_splits("target", encoded.get("target", {}))
    if not splits:
        return {"corrected": "no: the target has no rows that were not learned from"}, {}
    if not above_chance(validation, labels):
        tell(f"prior_correction: nothing is corrected: {AT_CHANCE}.")
        return {"corrected": f"no: {AT_CHANCE}"}, {}
    sides = [predict(trainer, encoded["target"][split]) for split in splits]
    shift = estimate_label_shift(validation, labels, np.concatenate([logits for logits, _ in sides]))
    with torch.no_grad():
        layer.weight.div_(shift.temperature)
        layer.bias.div_(shift.temperature).add_(torch.as_tensor(shift.corrections()).to(layer.bias))
    shares = ", ".join(
        f"{name} {shift.target[i]:.3f} ({shift.source[i]:.3f} before)"
        if shift.known[i]
        else f"{name} as before (source validation has no row of it)"
        for i, name in enumerate(task.label_names)
    )
    tell(f"prior_correction: the model now predicts with the frequencies that the target seems to have: {shares}.")
    facts = {"corrected": "the model predicts with the target's frequencies, on source texts too"}
    logits, known = sides[0]
    if known is not None:
        facts[f"target {splits[0]} macro-F1 before"] = number(task.metrics(logits, known)["macro_f1"])
    return facts, {split: logits for split, (logits, _) in zip(splits, sides, strict=True)}


def correction_warnings(
    task: BoundClassification, scored: Mapping[str, Scored], before: Mapping[str, np.ndarray]
) -> list[str]:
    """Whether `prior_correction` made the model worse on the target, by its labels.

    Args:
        task: scores.
        scored: the target's splits.
        before: their logits without the correction; empty where nothing was corrected.
    """
    found = []
    for split, logits in before.items():
        labels = scored[split].labels
        if labels is None:
            continue
        old, new = task.metrics(logits, labels)["macro_f1"], scored[split].metrics["macro_f1"]
        if new < old:
            found.append(
                f"prior_correction lowered the macro-F1 of target {split} from {number(old)} to {number(new)}, by its "
                "labels: its texts are not what the estimate takes them for. Train without it."
            )
    return found


def class_frequencies(task: BoundClassification, scored: Mapping[str, Mapping[str, Scored]]) -> dict[str, str]:
    """How frequent each class is in source validation, and seems to be in the target, as facts for the report.

    Args:
        task: with one label a text.
        scored: what the model said of both domains.
    """
    validation, sides = scored["source"]["validation"], list(scored["target"].values())
    assert validation.labels is not None
    shift = estimate_label_shift(validation.logits, validation.labels, np.concatenate([one.logits for one in sides]))
    known = [one.labels for one in sides if one.labels is not None]
    classes = len(task.label_names)
    shares = np.bincount(validation.labels, minlength=classes) / len(validation.labels)
    counts = np.bincount(np.concatenate(known), minlength=classes) if known else None
    useless = {} if above_chance(validation.logits, validation.labels) else {"no estimate": AT_CHANCE}
    return useless | {
        name: (
            f"{shares[i]:.3f} in source validation, about {shift.target[i]:.3f} in the target "
            f"(95 % {shift.interval[i, 0]:.3f} to {shift.interval[i, 1]:.3f})"
            if shift.known[i]
            else f"no row in source validation to go by; the model gives it {shift.target[i]:.3f} of the target"
        )
        + ("" if counts is None else f"; by its labels {counts[i] / counts.sum():.3f}")
        for i, name in enumerate(task.label_names)
    }


def pseudo_label_facts(task: BoundClassification, trainer: TransferTrainer, encoded: Encoded) -> dict[str, str]:
    """How many target texts had a pseudo-label in the last epoch, and how many of these are right, where labels say."""
    found = trainer.pseudo_labels
    if found is None:
        labelling = any(method.labels_target for method in trainer.methods)
        return {"texts": "none: training ended before the first epoch that gives them"} if labelling else {}
    made, names, labelled = found.numpy(), task.label_names, has_label(found).numpy()
    facts = {"texts": f"{int(labelled.sum()):,} of {len(made):,} in the last epoch"}
    rows = encoded["target"][seen_split(encoded["target"])]
    if "labels" in rows.column_names and labelled.any():
        # By label: whether a row got it, and whether it has it.
        known, ids = np.asarray(rows["labels"]), np.arange(len(names))
        given, true = (made == 1, known == 1) if task.multi_label else (made[:, None] == ids, known[:, None] == ids)
        right = "texts with all labels right, by the labels" if task.multi_label else "right, by the labels"
        facts[right] = f"{(given == true)[labelled].all(axis=1).mean():.3f}"
        facts |= {
            f"right of {name}": f"{true[given[:, i], i].mean():.3f} of {int(given[:, i].sum()):,}"
            for i, name in enumerate(names)
            if given[:, i].any()
        }
    return facts


def judging_rows(config: Config, encoded: Encoded) -> Dataset | None:
    """The target's rows that each evaluation scores by their labels, to choose a checkpoint by or for the log alone."""
    if _judged_by_labels(config):
        return encoded["target"]["validation"]
    if config.target_progress:
        splits = held_out(config, encoded)["target"]
        return splits[scored_splits("target", splits)[0]]
    return None


def choices_by_labels(config: Config, history: Sequence[Mapping[str, float]], *, multi_label: bool) -> dict[str, str]:
    """What each way of choosing a checkpoint would have taken, by the target's labels, as facts for the report.

    Args:
        config: says by what it was chosen, and whether the target was scored in each evaluation at all.
        history: the log's entries.
        multi_label: whether a text may have several labels, which are those of 0.5 and more here: thresholds are tuned
            at the end.
    """
    if not config.target_progress:
        return {}
    judged = f"eval_{TARGET_MACRO_F1}"
    evaluations = [entry for entry in history if judged in entry]
    if not evaluations:
        return {}
    best = max(evaluations, key=lambda entry: entry[judged])
    score = "macro-F1 with thresholds of 0.5" if multi_label else "macro-F1"
    facts = {"best by the target's labels": f"{score} {number(best[judged])} at step {best['step']}"}
    chosen = str(config.training.metric_for_best_model or "loss").removeprefix("eval_")
    greater = {chosen: bool(config.training.greater_is_better), "macro_f1": True}
    greater |= {name: one.greater_is_better for name, one in LABEL_FREE.items()}
    for name, is_greater in greater.items():
        if all(f"eval_{name}" in entry for entry in evaluations) and name != TARGET_MACRO_F1:
            taken = (max if is_greater else min)(evaluations, key=lambda entry: entry[f"eval_{name}"])
            whose = " (the source's)" if not name.startswith("target_") else ""
            facts[f"by {name}{whose}"] = f"{score} {number(taken[judged])} at step {taken['step']}"
    return facts


def _judged_by_labels(config: Config) -> bool:
    return str(config.training.metric_for_best_model or "").removeprefix("eval_") == TARGET_MACRO_F1


def seen_split(splits: Mapping[str, Dataset]) -> str:
    """The target's split whose texts training sees without labels."""
    return next(name for name in ("unlabeled", "train", *splits) if name in splits)


def target_rows(config: Config, encoded: Encoded, tell: Callable[[str], None] = say_nothing) -> Dataset | None:
    """The target rows that training sees: without labels, unless a method asks for them; None if none sees any.

    They are the split `unlabeled`, else `train`, else all that a target of one file has. Where labels are asked for,
    they are `train`, so that what is scored at the end was not learned from.

    Args:
        config: says which methods there are, and what chooses checkpoints.
        encoded: with the domain `target`, where one of them needs it.
        tell: is told what they are.

    Raises:
        DataError: labels are asked for, and the target has no training split with labels.
    """
    if not needs_target(config.methods, config.training):
        return None
    splits = encoded["target"]
    asking = [method.name for method in config.methods if method.needs_target_labels]
    if asking:
        if "train" not in splits or "labels" not in splits["train"].column_names:
            raise DataError(
                f"{' and '.join(asking)} learns from labelled target rows, and the target has no training split with "
                f"labels (splits found: {', '.join(splits)}). Give target.path a folder with train and test files, or "
                "set target.split.method, for instance to near_duplicate, which makes splits of one file."
            )
        rest = " Its split unlabeled is not used." if "unlabeled" in splits else ""
        tell(f"{len(splits['train']):,} target rows of split train are learned from, with their labels.{rest}")
        return splits["train"]
    split = seen_split(splits)
    which = f"of split {split}" if split in ("unlabeled", "train") else "(all of its one file)"
    turns = len(encoded["source"]["train"]) / max(1, len(splits[split]))
    few = f" They are few: each comes {turns:.0f} times an epoch." if turns > FEW else ""
    unit = "rows of target text" if not config.task.classifies and not config.task.summarizes else "target texts"
    use = "are seen in training," if names_of(config) else "are looked at, not learned from,"
    tell(f"{len(splits[split]):,} {unit} {which} {use} without labels.{few if names_of(config) else ''}")
    return without_labels(splits[split])


def tokens_an_epoch(context: Context, *, adapts: bool) -> float:
    """Tokens that training computes in an epoch: of the source rows, and, where it adapts, of as many target rows."""
    tokens = float(sum(context.train["length"]))
    if adapts and context.target is not None:
        tokens += len(context.train) * float(np.mean(context.target["length"]))
    return tokens
