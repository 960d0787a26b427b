"""What a run will take on this machine, from a few of its updates.

Two probes go through all that the run does, on few rows and more, with the lengths of the corpus. What is the same in
both (building, warming up) is taken as fixed, what grows is taken to grow with the tokens:

    seconds = fixed + slope · tokens

Updates are timed one by one; a later epoch costs what the second does, since the first may have to fill a cache.
Nothing is written but the cache of encoded rows, and a temporary folder that goes with the estimate.
"""

import copy
import math
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from torch import nn
from transformers import PreTrainedTokenizerBase, PrinterCallback, TrainerCallback
from transformers.trainer_utils import IntervalStrategy, SaveStrategy
from transformers.utils import logging as transformers_logging

from nlp_transfer.building import build_trainer, load_data, load_model
from nlp_transfer.config import Config, candidate_configs
from nlp_transfer.data.cache import CACHE_VARIABLE
from nlp_transfer.errors import ConfigError
from nlp_transfer.methods.base import Context, say_nothing
from nlp_transfer.models.families import encoder_layers, plain_model
from nlp_transfer.models.flops import forward_flops, training_flops
from nlp_transfer.reporting.environment import peak_gpu_bytes, peak_memory_bytes
from nlp_transfer.reporting.estimates import Estimate
from nlp_transfer.reporting.scoring import scored_splits
from nlp_transfer.target import Encoded, source_only_config, target_rows, tokens_an_epoch
from nlp_transfer.tasks import BoundTask
from nlp_transfer.training import TransferTrainer
from nlp_transfer.training.activations import FACT as ACTIVATIONS_FACT
from nlp_transfer.training.determinism import deterministic
from nlp_transfer.training.target_rows import DOMAIN, TARGET
from nlp_transfer.training.threads import use_cores

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


def estimate(config: Config, say: Callable[[str], None] = print) -> Estimate:
    """Probe a run on this machine.

    Args:
        config: the run.
        say: is told that the probing begins.

    Raises:
        ConfigError: as `run` would, or it was started on several processes.
        DataError: as `run` would.
    """
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    if processes > 1:
        raise ConfigError(
            f"--estimate probes one process, and was started on {processes}. Start it without a launcher; on n "
            "processes that do not share their cores an epoch takes about one n-th of the time."
        )
    say("Timing some updates and evaluations …")
    transformers_logging.disable_progress_bar()
    training = config.training
    device = training.device.type
    if device == "cpu":
        device = f"{use_cores(training.cpu_threads)} CPU threads"
    elif device == "cuda":
        device = torch.cuda.get_device_name(training.device)
    _, task, tokenizer, encoded = load_data(config)
    train, validation = encoded["source"]["train"], encoded["source"]["validation"]
    rows = training.per_device_train_batch_size * training.gradient_accumulation_steps
    updates = max(1, len(train) // rows) if training.dataloader_drop_last else math.ceil(len(train) / rows)
    epochs = training.max_steps / updates if training.max_steps > 0 else training.num_train_epochs
    tokens = sum(train["length"])
    with (
        tempfile.TemporaryDirectory(prefix="estimate-") as temporary,
        deterministic(training.device, say_nothing),  # as a run computes; it has its price
    ):
        probes, trainer, context = _probes(config, task, tokenizer, encoded, rows, epochs, Path(temporary))
        whole = tokens + sum(validation["length"])
        seconds = {"Preparing": along([(probe.tokens, probe.preparing) for probe in probes], whole)}
        trains = all(method.trains for method in config.methods)
        written = [*map(len, train["labels"])] if config.task.writes else None
        flops = 0 if trains else forward_flops(_model(trainer), [*train["length"], *validation["length"]])
        with_target = tokens_an_epoch(context, adapts=trainer.adapts) / sum(context.train["length"])
        if trains:
            once = _passed_over(trainer, context.facts) * forward_flops(_model(trainer), train["length"], written)
            epoch = training_flops(_model(trainer), train["length"], written)
            flops = round(with_target * (epoch * epochs - once * max(0.0, epochs - 1.0)))
            seconds["Training"] = tokens * seconds_a_token(probes, epochs)
            seconds |= _between(trainer, probes, config, updates, epochs, validation, Path(temporary))
            with _cache_in(Path(temporary) / "memory"):
                _fill_memory(trainer, config, train, updates, epochs)
        seconds["Final scoring"] = _scoring(trainer, encoded)
        if source_only_config(config, Path(temporary)) is not None:
            saved = seconds.get("Training", 0.0) * (1 - 1 / with_target)
            seconds["Source-only, beside"] = sum(seconds.values()) - saved
        if others := len(candidate_configs(config)) - 1 if config.choose else 0:
            seconds[f"Other candidates, {others}"] = others * sum(seconds.values())
    precision = "bf16" if training.bf16 else "fp16" if training.fp16 else "fp32"
    return Estimate(
        device=f"{device}, {precision}",
        texts=len(train),
        tokens=round(with_target * tokens * epochs) if trains else tokens,
        flops=flops,
        epochs=epochs if trains else 1,
        seconds=seconds,
        peak_memory_bytes=peak_memory_bytes(),
        peak_gpu_bytes=peak_gpu_bytes(),
        cache_bytes=round(along([(probe.tokens, float(probe.cache_bytes)) for probe in probes], whole)),
        early_stopping=training.early_stopping_patience is not None,
    )


def _probes(
    config: Config,
    task: BoundTask,
    tokenizer: PreTrainedTokenizerBase,
    encoded: Encoded,
    rows: int,
    epochs: float,
    folder: Path,
) -> tuple[list[Probe], TransferTrainer, Context]:
    """Probe on `rows` of an update times `PROBED_UPDATES`; the last trainer is handed on."""
    probes, source, target = [], encoded["source"], target_rows(config, encoded)
    for number, updates in enumerate(PROBED_UPDATES):
        seen = None if target is None else spread_rows(target, updates * max(rows, PROBED_ROWS))
        some = {
            "train": spread_rows(source["train"], updates * max(rows, PROBED_ROWS)),
            "validation": spread_rows(source["validation"], updates * PROBED_ROWS),
        }
        place = folder / str(number)
        with _cache_in(place / "cache"):
            loaded = load_model(config, task)
            started = time.perf_counter()
            probing = _probing(config, epochs)
            trainer, context = build_trainer(probing, task, tokenizer, some, loaded, place, None, say_nothing, seen)
            probes.append(_probe(trainer, some, started, place / "cache"))
    return probes, trainer, context


def spread_rows(dataset: Dataset, count: int) -> Dataset:
    """About `count` rows whose lengths are spread as the dataset's, in a fixed random order."""
    order = np.argsort(np.asarray(dataset["length"]), kind="stable")
    count = min(count, len(order))
    chosen = order[((np.arange(count) + 0.5) * len(order) / count).astype(int)]
    return dataset.select(np.random.default_rng(0).permutation(chosen))


def along(points: Sequence[tuple[int, float]], tokens: int) -> float:
    """What a quantity is at `tokens`, on the line through two points (tokens, quantity); it does not fall.

    >>> along([(10, 3.0), (20, 4.0)], 100), along([(10, 3.0), (20, 2.0)], 100), along([(10, 3.0), (10, 2.0)], 100)
    (12.0, 2.0, 2.0)
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


def largest_batch(lengths: np.ndarray, rows: int, batches: int, *, grouped: bool, seed: int = 0) -> list[int]:
    """The rows of the batch with most tokens among as many random ones as a run has.

    Args:
        lengths: tokens of each row.
        rows: of a batch.
        batches: of the whole run.
        grouped: whether batches hold rows of similar length: then it is that of the longest.
        seed: of the random batches.
    """
    if grouped or len(lengths) <= rows:
        chosen: list[int] = np.argsort(-lengths, kind="stable")[:rows].tolist()
        return chosen
    random = np.random.default_rng(seed)
    epochs = max(1, round(batches * rows / len(lengths)))
    largest: tuple[int, list[int]] = (-1, [])
    for _ in range(epochs):
        order = random.permutation(len(lengths))
        for start in range(0, len(order) - rows + 1, rows):
            batch = order[start : start + rows]
            largest = max(largest, (int(lengths[batch].sum()), batch.tolist()))
    return largest[1]


class _Timed(TrainerCallback):
    """When each update ended, and how many tokens it had."""

    def __init__(self, trainer: TransferTrainer) -> None:
        self._sample = trainer.get_batch_samples
        trainer.get_batch_samples = self._counted  # type: ignore[method-assign]  # the trainer goes with the probe
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

    def on_step_end(self, *args: Any, **kwargs: Any) -> None:
        now = time.perf_counter()
        self.epochs[-1].append((self.tokens, now - self.last))
        self.last = now

    def on_evaluate(self, *args: Any, **kwargs: Any) -> None:
        self.evaluating = time.perf_counter() - self.last


def _probing(config: Config, epochs: float) -> Config:
    """The configuration with few epochs, each evaluated where the run evaluates at all, and nothing saved or logged."""
    probing, training = copy.copy(config), copy.copy(config.training)
    training.num_train_epochs, training.max_steps = min(PROBED_EPOCHS, max(1, math.ceil(epochs))), -1
    training.save_strategy, training.logging_strategy = SaveStrategy.NO, IntervalStrategy.NO
    if training.eval_strategy != IntervalStrategy.NO:
        training.eval_strategy, training.eval_delay = IntervalStrategy.EPOCH, 0
    training.load_best_model_at_end, training.early_stopping_patience = False, None
    training.report_to, training.disable_tqdm, training.push_to_hub = [], True, False
    object.__setattr__(probing, "training", training)
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


def _between(
    trainer: TransferTrainer,
    probes: Sequence[Probe],
    config: Config,
    updates: int,
    epochs: float,
    validation: Dataset,
    folder: Path,
) -> dict[str, float]:
    """Seconds of evaluating and saving while training goes on."""
    training, found = config.training, {}
    evaluations = _times(training.eval_strategy, training.eval_steps, updates, epochs)
    if evaluations:
        found["Evaluating meanwhile"] = evaluations * along(
            [probe.evaluation for probe in probes], sum(validation["length"])
        )
    saves = _times(training.save_strategy, training.save_steps, updates, epochs)
    if saves:
        trainer.args.output_dir = str(folder / "saved")
        started = time.perf_counter()
        trainer._save_checkpoint(_model(trainer), None)
        found["Saving meanwhile"] = saves * (time.perf_counter() - started)
    return found


def _passed_over(trainer: TransferTrainer, facts: Mapping[str, Any]) -> float:
    """The share of the encoder's layers that is computed once and read from the cache from then on."""
    kept = facts.get(ACTIVATIONS_FACT, {})
    if not kept.get("used"):
        return 0.0
    return float(min(kept["layers_passed_over"]) / len(encoder_layers(plain_model(_model(trainer)))))


def _model(trainer: TransferTrainer) -> nn.Module:
    assert isinstance(trainer.model, nn.Module)
    return trainer.model


def _times(strategy: Any, steps: float | None, updates: int, epochs: float) -> int:
    """How often something is due in a run."""
    if str(getattr(strategy, "value", strategy)) == "epoch":
        return math.ceil(epochs)
    if str(getattr(strategy, "value", strategy)) == "steps" and steps:
        total = math.ceil(updates * epochs)
        return int(total // (steps if steps >= 1 else max(1, math.ceil(total * steps))))
    return 0


def _evaluation(trainer: TransferTrainer, dataset: Dataset) -> float:
    """Seconds to evaluate a split once."""
    points = []
    for batches in PROBED_UPDATES:
        some = spread_rows(dataset, batches * trainer.args.eval_batch_size)
        some = some.select(np.argsort(np.asarray(some["length"]), kind="stable"))
        started = time.perf_counter()
        trainer.predict(some)
        points.append((sum(some["length"]), time.perf_counter() - started))
    return along(points, sum(dataset["length"]))


def _scoring(trainer: TransferTrainer, encoded: Encoded) -> float:
    """Seconds of the final scoring, which is in float32; the largest batch of it is tried too, for its memory."""
    trainer.use_float32()
    splits = [parts[split] for domain, parts in encoded.items() for split in scored_splits(domain, parts)]
    seconds = sum(_evaluation(trainer, split) for split in splits)
    longest = max(splits, key=lambda split: max(split["length"]))
    trainer.predict(longest.select(np.argsort(np.asarray(longest["length"]))[-trainer.args.eval_batch_size :]))
    return seconds


def _fill_memory(trainer: TransferTrainer, config: Config, train: Dataset, updates: int, epochs: float) -> None:
    """Make an update with the largest batch that the run will meet."""
    training = config.training
    size = training.per_device_train_batch_size
    chosen = largest_batch(
        np.asarray(train["length"]),
        size,
        math.ceil(updates * epochs) * training.gradient_accumulation_steps,
        grouped=training.train_sampling_strategy == "group_by_length",
    )
    trainer.train_dataset = train.select(chosen)
    trainer.args.max_steps = 1
    trainer.train()


@contextmanager
def _cache_in(folder: Path) -> Iterator[None]:
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
