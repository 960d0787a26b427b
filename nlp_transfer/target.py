"""What a run with a target domain does beside training: which target rows it may see, and whether adapting did harm."""

import copy
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from datasets import Dataset

from nlp_transfer.config import Config, needs_target
from nlp_transfer.errors import DataError
from nlp_transfer.methods import FullFineTuning
from nlp_transfer.methods.base import Context, say_nothing
from nlp_transfer.reporting.negative_transfer import SOURCE_ONLY, compare, read_probabilities
from nlp_transfer.reporting.predictions import PREDICTIONS
from nlp_transfer.reporting.report import METRICS
from nlp_transfer.reporting.scoring import Scored
from nlp_transfer.tasks import BoundTask
from nlp_transfer.training.target_rows import without_labels

Encoded = dict[str, dict[str, Dataset]]
"""{domain: {split: encoded rows}}"""


def names_of(config: Config) -> str:
    """The methods that use the target, in words."""
    return " and ".join(method.name for method in config.methods if method.needs_target)


def source_only_config(config: Config, folder: Path) -> Config | None:
    """The same run without the methods that use the target, inside the run's folder; None where there is none."""
    if not config.source_only or not names_of(config):
        return None
    training = copy.copy(config.training)
    training.output_dir = str(folder / SOURCE_ONLY)
    methods = tuple(method for method in config.methods if not method.needs_target) or (FullFineTuning(),)
    return replace(config, training=training, methods=methods, baselines=())


def compared(task: BoundTask, scored: Mapping[str, Scored], alone: Path, tell: Callable[[str], None]) -> dict[str, str]:
    """Compare the model on the target's rows with the source-only run's, and warn where that seems better.

    Args:
        task: knows what the logits mean.
        scored: the target's splits.
        alone: the folder of the source-only run.
        tell: is told the warning.

    Returns:
        Facts for the report.
    """
    probabilities = np.concatenate([task.probabilities(one.logits) for one in scored.values()])
    split, one = next(iter(scored.items()))
    metrics = None
    if one.metrics:
        metrics = (one.metrics, json.loads((alone / METRICS).read_text())["target"][split])
    found = compare(
        probabilities,
        read_probabilities(alone / PREDICTIONS, "target"),
        multi_label=task.multi_label,
        metrics=metrics,
    )
    if found.warns:
        tell(found.warning(str(alone)))
    return found.facts()


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
    if not needs_target(config.methods, str(config.training.metric_for_best_model or "")):
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
        tell(f"{len(splits['train']):,} target rows of split train are learned from, with their labels.")
        return splits["train"]
    split = next(name for name in ("unlabeled", "train", *splits) if name in splits)
    tell(f"{len(splits[split]):,} target texts of split {split} are seen in training, without labels.")
    return without_labels(splits[split])


def tokens_an_epoch(context: Context, *, adapts: bool) -> float:
    """Tokens that training computes in an epoch: of the source rows, and, where it adapts, of as many target rows."""
    tokens = float(sum(context.train["length"]))
    if adapts and context.target is not None:
        tokens += len(context.train) * float(np.mean(context.target["length"]))
    return tokens
