"""Some updates and evaluations of a run, timed: what an estimate (commands/estimating.py) is made of.

Two probes go through all that the run does, on few rows and more, with the lengths of the corpus. What is the same in
both (building, warming up) is taken as fixed, what grows is taken to grow with the tokens:

    seconds = fixed + slope · tokens

Updates are timed one by one; a later epoch costs what the second does, since the first may have to fill a cache.
"""

import copy
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from transformers import PrinterCallback, TrainerCallback
from transformers.trainer_utils import IntervalStrategy, SaveStrategy

from nlp_transfer.config.experiment import Experiment
from nlp_transfer.files import CACHE_VARIABLE
from nlp_transfer.methods.base import Context
from nlp_transfer.training import TransferTrainer
from nlp_transfer.training.extensions.pseudo_labels import PseudoLabels
from nlp_transfer.training.setup import RunData, build_trainer, load_model
from nlp_transfer.training.target_batches import DOMAIN, TARGET

PROBED_UPDATES = (1, 4)
"""Updates an epoch of the two probes, and batches of the two evaluations."""

PROBED_EPOCHS = 2
"""Epochs of a probe: the first may fill a cache that the second reads."""

PROBED_ROWS = 16
"""At least so many rows for each of `PROBED_UPDATES`, for methods that fit a head on them."""


@dataclass
class Probe:
    """What was measured on some rows.

    Args:
        tokens: of the training and validation rows.
        preparing: seconds before the first update.
        epochs: by epoch, (tokens, seconds) of each update.
        evaluation: (tokens, seconds) of the last evaluation.
        cache_bytes: what was written to the cache.
    """

    tokens: int
    preparing: float
    epochs: list[list[tuple[int, float]]]
    evaluation: tuple[int, float]
    cache_bytes: int


def probe_updates(
    config: Experiment, data: RunData, rows: int, epochs: float, folder: Path
) -> tuple[list[Probe], TransferTrainer, Context]:
    """Probe on `rows` of an update times `PROBED_UPDATES`; the last trainer is handed on."""
    probes = []
    for number, updates in enumerate(PROBED_UPDATES):
        most = updates * max(rows, PROBED_ROWS)
        some = {
            "train": spread_rows(data.encoded["source"]["train"], most),
            "validation": spread_rows(data.encoded["source"]["validation"], updates * PROBED_ROWS),
        }
        target = {name: spread_rows(split, most) for name, split in data.encoded.get("target", {}).items()}
        few = data._replace(encoded={"source": some, "target": target})
        place = folder / str(number)
        with cache_in(place / "cache"):
            loaded = load_model(config, data.task)
            started = time.perf_counter()
            probing = _probing(config, epochs)
            trainer, context = build_trainer(probing, few, loaded, place)
            probes.append(_probe(trainer, some, started, place / "cache"))
    return probes, trainer, context


def spread_rows(dataset: Dataset, count: int) -> Dataset:
    """About `count` rows whose lengths are spread as the dataset's, in a fixed random order."""
    order = np.argsort(np.asarray(dataset["length"]), kind="stable")
    count = min(count, len(order))
    chosen = order[((np.arange(count) + 0.5) * len(order) / count).astype(int)]
    return dataset.select(np.random.default_rng(0).permutation(chosen))


def interpolate(points: Sequence[tuple[int, float]], tokens: int) -> float:
    """What a quantity is at `tokens`, on the line through two points (tokens, quantity); it does not fall.

    >>> interpolate([(10, 3.0), (20, 4.0)], 100)
    12.0
    >>> interpolate([(10, 3.0), (20, 2.0)], 100)
    2.0
    """
    (few, less), (many, more) = points
    slope = max(0.0, (more - less) / (many - few)) if many > few else 0.0
    return more + slope * (tokens - many)


def seconds_a_token(probes: Sequence[Probe], epochs: float) -> float:
    """Seconds of all epochs for each token of the corpus; the probe's first update, which warms up, is left out."""
    rates = []
    for number, epoch in enumerate(probes[-1].epochs):
        timed = epoch[1:] if number == 0 and len(epoch) > 1 else epoch
        rates.append(sum(seconds for _, seconds in timed) / max(1, sum(tokens for tokens, _ in timed)))
    return min(epochs, 1.0) * rates[0] + max(epochs - 1.0, 0.0) * rates[-1]


class _Timed(TrainerCallback):
    """When each update ended, and how many tokens it had."""

    def __init__(self, trainer: TransferTrainer) -> None:
        self._sample = trainer.get_batch_samples
        trainer.get_batch_samples = self._counted  # type: ignore[method-assign]  # the trainer goes with the probe
        labelling = [one for one in trainer.extensions if isinstance(one, PseudoLabels)]
        for one in labelling:
            one.begin_epoch = partial(self._labelled, one.begin_epoch)  # type: ignore[method-assign]
        self.first: float | None = None
        self.last = self.evaluating = 0.0
        self.tokens = 0
        self.epochs: list[list[tuple[int, float]]] = []

    def on_epoch_begin(self, *args: Any, **kwargs: Any) -> None:
        self.epochs.append([])
        self.last = time.perf_counter()

    def on_step_begin(self, *args: Any, **kwargs: Any) -> None:
        if self.first is None:
            self.first = self.last = time.perf_counter()

    def _counted(self, *args: Any, **kwargs: Any) -> Any:
        batches, items = self._sample(*args, **kwargs)
        masks = [batch["attention_mask"] for batch in batches]
        if DOMAIN in batches[0]:  # seconds go by the source's tokens; those of the target come along
            masks = [mask[batch[DOMAIN] != TARGET] for mask, batch in zip(masks, batches, strict=True)]
        self.tokens = int(sum(mask.sum() for mask in masks))
        return batches, items

    def _labelled(self, label: Callable[[int], None], epoch: int) -> None:
        """Leave labelling out of the update's time: it goes by the target's texts."""
        started = time.perf_counter()
        label(epoch)
        self.last += time.perf_counter() - started

    def on_step_end(self, *args: Any, **kwargs: Any) -> None:
        now = time.perf_counter()
        self.epochs[-1].append((self.tokens, now - self.last))
        self.last = now

    def on_evaluate(self, *args: Any, **kwargs: Any) -> None:
        self.evaluating = time.perf_counter() - self.last


def _probing(config: Experiment, epochs: float) -> Experiment:
    """The configuration with few epochs, each evaluated where the run evaluates at all, and nothing saved or logged."""
    probing, training = copy.copy(config), copy.copy(config.training)
    training.num_train_epochs, training.max_steps = min(PROBED_EPOCHS, max(1, math.ceil(epochs))), -1
    training.save_strategy, training.logging_strategy = SaveStrategy.NO, IntervalStrategy.NO
    if training.eval_strategy != IntervalStrategy.NO:
        training.eval_strategy, training.eval_delay = IntervalStrategy.EPOCH, 0
    training.load_best_model_at_end, training.early_stopping_patience = False, None
    training.metric_for_best_model = None  # scores of the target would be computed, of more rows than validation has
    training.report_to, training.disable_tqdm, training.push_to_hub = [], True, False
    object.__setattr__(probing, "training", training)
    object.__setattr__(probing, "log_target_scores", False)
    return probing


def _probe(trainer: TransferTrainer, some: Mapping[str, Dataset], started: float, cache: Path) -> Probe:
    timed = _Timed(trainer)
    trainer.add_callback(timed)
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    ended = timed.first if timed.first is not None else time.perf_counter()
    held = sum(file.stat().st_size for file in cache.rglob("*") if file.is_file())
    tokens = {name: sum(part["length"]) for name, part in some.items()}
    evaluation = (tokens["validation"], timed.evaluating)
    return Probe(sum(tokens.values()), ended - started, timed.epochs, evaluation, held)


@contextmanager
def cache_in(folder: Path) -> Iterator[None]:
    """What is cached inside goes to this folder."""
    before = os.environ.get(CACHE_VARIABLE)
    os.environ[CACHE_VARIABLE] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ[CACHE_VARIABLE]
        else:
            os.environ[CACHE_VARIABLE] = before
