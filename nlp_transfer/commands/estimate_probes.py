"""Time some updates of a run on a few of its rows, for an estimate (commands/estimate.py)."""

import copy
import math
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from transformers import PrinterCallback, TrainerCallback
from transformers.trainer_utils import IntervalStrategy, SaveStrategy

from nlp_transfer.config.experiment import Experiment
from nlp_transfer.files import CACHE_VARIABLE
from nlp_transfer.methods.context import Context
from nlp_transfer.training import TransferTrainer
from nlp_transfer.training.setup import RunData, build_trainer, load_model

PROBED_UPDATES = (1, 4)
"""Updates an epoch of the two probes, and batches of the two evaluations."""

PROBED_EPOCHS = 2
"""Epochs of a probe: the first may fill a cache that the second reads."""

PROBED_ROWS = 16
"""Minimum number of rows for each of `PROBED_UPDATES`, for methods that fit a head on them."""


@dataclass(frozen=True)
class Probe:
    """Measurements on some rows.

    Args:
        trainer: the trainer, trained.
        context: the context that its methods saw.
        tokens: of the training and validation rows.
        preparing: seconds before the first update.
        epochs: seconds of each update, by epoch.
        cache_bytes: bytes written to the cache.
    """

    trainer: TransferTrainer
    context: Context
    tokens: int
    preparing: float
    epochs: list[list[float]]
    cache_bytes: int


def probe(experiment: Experiment, data: RunData, updates: int, epochs: float, folder: Path) -> Probe:
    """Train on the rows of some updates, with an evaluation an epoch if the run evaluates."""
    rows = experiment.training.per_device_train_batch_size * experiment.training.gradient_accumulation_steps
    most = updates * max(rows, PROBED_ROWS)
    few = {
        domain: {name: spread_rows(split, most) for name, split in splits.items()}
        for domain, splits in data.encoded.items()
    }
    few["source"]["validation"] = spread_rows(data.encoded["source"]["validation"], updates * PROBED_ROWS)
    probed, training = copy.copy(experiment), copy.copy(experiment.training)
    training.num_train_epochs, training.max_steps = min(PROBED_EPOCHS, max(1, math.ceil(epochs))), -1
    training.save_strategy, training.logging_strategy = SaveStrategy.NO, IntervalStrategy.NO
    if training.eval_strategy != IntervalStrategy.NO:
        training.eval_strategy, training.eval_delay = IntervalStrategy.EPOCH, 0
    training.load_best_model_at_end, training.early_stopping_patience = False, None
    training.metric_for_best_model = None  # it would score rows of the target
    training.report_to, training.disable_tqdm, training.push_to_hub = [], True, False
    object.__setattr__(probed, "training", training)
    object.__setattr__(probed, "log_target_scores", False)
    with cache_in(folder / "cache"):
        loaded = load_model(probed, data.task)
        started = time.perf_counter()
        trainer, context = build_trainer(probed, data._replace(encoded=few), loaded, folder)
        timed = UpdateTimer()
        trainer.add_callback(timed)
        trainer.remove_callback(PrinterCallback)
        trainer.train()
        trainer.remove_callback(timed)
    ended = time.perf_counter() if timed.first is None else timed.first
    tokens = sum(sum(few["source"][split]["length"]) for split in ("train", "validation"))
    held = sum(file.stat().st_size for file in (folder / "cache").rglob("*") if file.is_file())
    return Probe(trainer, context, tokens, ended - started, timed.epochs, held)


class UpdateTimer(TrainerCallback):
    """Time each update; the first of an epoch from its first forward pass on."""

    def __init__(self) -> None:
        self.first: float | None = None
        self.epochs: list[list[float]] = []
        self._last: float | None = None

    def on_epoch_begin(self, *args: Any, **kwargs: Any) -> None:
        """Begin an epoch, before which methods may look at all rows."""
        self.epochs.append([])
        self._last = None

    def on_step_begin(self, *args: Any, **kwargs: Any) -> None:
        """Begin an update; a later one began where the one before ended."""
        self._last = self._last or time.perf_counter()
        self.first = self.first or self._last

    def on_step_end(self, *args: Any, **kwargs: Any) -> None:
        """End an update."""
        now = time.perf_counter()
        self.epochs[-1].append(now - (self._last or now))
        self._last = now


def spread_rows(dataset: Dataset, count: int) -> Dataset:
    """Return about `count` rows whose lengths are spread as the dataset's, in a fixed random order."""
    order = np.argsort(np.asarray(dataset["length"]), kind="stable")
    count = min(count, len(order))
    chosen = order[((np.arange(count) + 0.5) * len(order) / max(1, count)).astype(int)]
    return dataset.select(np.random.default_rng(0).permutation(chosen))


def interpolate(points: Sequence[tuple[int, float]], tokens: int) -> float:
    """Return a quantity at `tokens`, on the line through two points (tokens, quantity); it does not fall.

    Example:
        >>> interpolate([(10, 3.0), (20, 4.0)], 100)
        12.0
        >>> interpolate([(10, 3.0), (20, 2.0)], 100)
        2.0
    """
    (few, less), (many, more) = points
    slope = max(0.0, (more - less) / (many - few)) if many > few else 0.0
    return more + slope * (tokens - many)


def update_seconds(timed: Sequence[Sequence[float]], epochs: float) -> float:
    """Return the seconds of one update in each of some epochs, added up.

    The very first update, which warms up, is left out. Later epochs take as long as the second.

    Args:
        timed: seconds of each update, by epoch.
        epochs: the number of epochs.

    Example:
        >>> update_seconds([[99.0, 4.0, 6.0], [1.0, 1.0, 1.0]], epochs=4)
        8.0
    """
    first, last = timed[0][1:] or timed[0], timed[-1]
    return min(epochs, 1.0) * float(np.mean(first)) + max(epochs - 1.0, 0.0) * float(np.mean(last))


@contextmanager
def cache_in(folder: Path) -> Iterator[None]:
    """Cache into a folder."""
    before = os.environ.get(CACHE_VARIABLE)
    os.environ[CACHE_VARIABLE] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ[CACHE_VARIABLE]
        else:
            os.environ[CACHE_VARIABLE] = before
