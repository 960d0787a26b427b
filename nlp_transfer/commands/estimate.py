"""Estimate what a run will take on this machine: time some updates and evaluations, and extrapolate.

Two probes go through all that the run does, on few rows and on more. What both take is fixed (building, warming up),
the rest grows with the tokens. Nothing is written but the cache of encoded rows.
"""

import logging
import math
import os
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from torch import nn
from transformers.utils import logging as transformers_logging

from nlp_transfer.commands.estimate_probes import (
    PROBED_UPDATES,
    cache_in,
    interpolate,
    probe,
    spread_rows,
    update_seconds,
)
from nlp_transfer.commands.estimate_tables import Estimate
from nlp_transfer.commands.run import source_only_experiment
from nlp_transfer.config.experiment import Experiment, candidate_configs
from nlp_transfer.errors import ConfigError
from nlp_transfer.methods.alignment import active_methods
from nlp_transfer.metrics.metric import WeightedRows
from nlp_transfer.metrics.table import LABEL_FREE
from nlp_transfer.models.families import encoder_layers, plain_model
from nlp_transfer.models.flops import forward_flops, training_flops
from nlp_transfer.models.outputs import Output
from nlp_transfer.reporting.environment import peak_gpu_bytes, peak_memory_bytes
from nlp_transfer.reporting.log import quiet
from nlp_transfer.training import TransferTrainer
from nlp_transfer.training.extensions.activation_cache import ActivationCache
from nlp_transfer.training.extensions.checkpoint_selection import MAX_ROWS, evenly_spaced_rows, label_free_metric
from nlp_transfer.training.features import features_of
from nlp_transfer.training.runtime import deterministic, use_cores, use_float32
from nlp_transfer.training.scoring import scored_splits
from nlp_transfer.training.setup import RunData, load_data
from nlp_transfer.training.target_data import (
    Encoded,
    adaptation_rows,
    target_validation_rows,
    tokens_an_epoch,
)

LABELLING = "Labelling the target"
"""The phase in which methods give target texts labels of their own."""


def estimate(experiment: Experiment) -> Estimate:
    """Estimate time, memory, operations and cache of a run on this machine.

    Args:
        experiment: the experiment.

    Raises:
        ConfigError: as `run` would, or it was started on several processes.
        DataError: as `run` would.
    """
    _check_one_process()
    transformers_logging.disable_progress_bar()
    training, machine = experiment.training, _machine(experiment)
    data = load_data(experiment)
    train, validation = (data.encoded["source"][split] for split in ("train", "validation"))
    updates, epochs = _updates_and_epochs(experiment, len(train))
    whole = sum(train["length"]) + sum(validation["length"])
    trains = all(method.trains for method in experiment.methods)
    with (
        tempfile.TemporaryDirectory(prefix="estimate-") as temporary,
        quiet(logging.ERROR),
        deterministic(training.device),  # as a run computes; it has its price
    ):
        folder = Path(temporary)
        probes = [probe(experiment, data, number, epochs, folder / str(number)) for number in PROBED_UPDATES]
        trainer, context = probes[-1].trainer, probes[-1].context
        seconds = {"Preparing": interpolate([(one.tokens, one.preparing) for one in probes], whole)}
        with_target = tokens_an_epoch(context, adapts=trainer.adapts) / sum(context.train["length"])
        flops = _flops(experiment, trainer, data, epochs, with_target)
        if trains:
            seconds["Training"] = update_seconds(probes[-1].epochs, epochs) * updates
            seconds |= _between(experiment, trainer, data.encoded, updates, epochs)
            _fill_memory(trainer, train, folder / "memory")
        seconds["Final scoring"] = _scoring(trainer, data.encoded)
    if source_only_experiment(experiment) is not None:
        saved = seconds.get("Training", 0.0) * (1 - 1 / with_target) + seconds.get(LABELLING, 0.0)
        seconds["Source-only, beside"] = sum(seconds.values()) - saved
    if others := len(candidate_configs(experiment)) - 1 if experiment.search else 0:
        seconds[f"Other candidates, {others}"] = others * sum(seconds.values())
    tokens = sum(train["length"])
    return Estimate(
        device=machine,
        texts=len(train),
        tokens=round(with_target * tokens * epochs) if trains else tokens,
        flops=flops,
        epochs=epochs if trains else 1,
        seconds=seconds,
        peak_memory_bytes=peak_memory_bytes(),
        peak_gpu_bytes=peak_gpu_bytes(),
        cache_bytes=round(interpolate([(one.tokens, float(one.cache_bytes)) for one in probes], whole)),
        early_stopping=training.early_stopping_patience is not None,
    )


def _check_one_process() -> None:
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    if processes > 1:
        raise ConfigError(
            f"--estimate probes one process, and was started on {processes}. Start it without a launcher; on n "
            "processes that do not share their cores an epoch takes about one n-th of the time."
        )


def _updates_and_epochs(experiment: Experiment, texts: int) -> tuple[int, float]:
    """Return the updates of an epoch of so many texts, and the epochs."""
    training = experiment.training
    rows = training.per_device_train_batch_size * training.gradient_accumulation_steps
    updates = max(1, texts // rows) if training.dataloader_drop_last else math.ceil(texts / rows)
    return updates, training.max_steps / updates if training.max_steps > 0 else training.num_train_epochs


def _machine(experiment: Experiment) -> str:
    training = experiment.training
    device = training.device.type
    if device == "cpu":
        device = f"{use_cores(training.cpu_threads)} CPU threads"
    elif device == "cuda":
        device = torch.cuda.get_device_name(training.device)
    return f"{device}, {'bf16' if training.bf16 else 'fp16' if training.fp16 else 'fp32'}"


def _flops(experiment: Experiment, trainer: TransferTrainer, data: RunData, epochs: float, with_target: float) -> int:
    """Return the operations of training, or of encoding each text once where a method does no more."""
    train, validation = (data.encoded["source"][split]["length"] for split in ("train", "validation"))
    if not all(method.trains for method in experiment.methods):
        return forward_flops(_model(trainer), [*train, *validation])
    written = (
        [*map(len, data.encoded["source"]["train"]["labels"])]
        if Output.GENERATION in experiment.task.provides
        else None
    )
    use = next((one.use for one in trainer.extensions if isinstance(one, ActivationCache)), None)
    share = min(use.layers) / len(encoder_layers(plain_model(_model(trainer)))) if use and use.layers else 0
    once = share * forward_flops(_model(trainer), train, written)
    return round(with_target * (training_flops(_model(trainer), train, written) * epochs - once * max(0.0, epochs - 1)))


def _between(
    experiment: Experiment, trainer: TransferTrainer, encoded: Encoded, updates: int, epochs: float
) -> dict[str, float]:
    """Return the seconds of evaluating, labelling and saving while training goes on."""
    training, found = experiment.training, {}
    look = partial(features_of, trainer, labelled=False)
    if evaluations := times_due(training.eval_strategy, training.eval_steps, updates, epochs):
        validation = _computing(trainer, encoded["source"]["validation"], trainer.evaluate)
        others = sum(_computing(trainer, rows, look) for rows in scored_beside(experiment, encoded))
        found["Evaluating meanwhile"] = evaluations * (validation + others)
    labelling = sum(method.target_passes(epochs) for method in active_methods(experiment.methods))
    if labelling and (target := adaptation_rows(experiment, encoded).rows) is not None:
        found[LABELLING] = labelling * _computing(trainer, target, look)
    if saves := times_due(training.save_strategy, training.save_steps, updates, epochs):
        started = time.perf_counter()
        trainer._save_checkpoint(_model(trainer), None)
        found["Saving meanwhile"] = saves * (time.perf_counter() - started)
    return found


def times_due(strategy: Any, steps: float | None, updates: int, epochs: float) -> int:
    """Return how often something is due in a run.

    Example:
        >>> times_due("epoch", None, updates=10, epochs=2.5), times_due("steps", 4, 10, 2), times_due("no", 4, 10, 2)
        (3, 5, 0)
    """
    if str(getattr(strategy, "value", strategy)) == "epoch":
        return math.ceil(epochs)
    if str(getattr(strategy, "value", strategy)) == "steps" and steps:
        total = math.ceil(updates * epochs)
        return int(total // (steps if steps >= 1 else max(1, math.ceil(total * steps))))
    return 0


def scored_beside(experiment: Experiment, encoded: Encoded) -> list[Dataset]:
    """Return the rows that an evaluation computes in addition to validation, to score the target."""
    judged, chosen = target_validation_rows(experiment, encoded), label_free_metric(experiment.training)
    found = [] if judged is None else [judged]
    target = adaptation_rows(experiment, encoded).rows if chosen is not None or judged is not None else None
    if target is not None:
        looked_at = evenly_spaced_rows(target, MAX_ROWS)
        if judged is None or list(judged["input_ids"]) != list(looked_at["input_ids"]):
            found.append(looked_at)
    if chosen is not None and LABEL_FREE[chosen].rows is WeightedRows:
        found += [evenly_spaced_rows(encoded["source"][split], MAX_ROWS) for split in ("train", "validation")]
    return found


def _computing(trainer: TransferTrainer, dataset: Dataset, compute: Callable[[Dataset], Any]) -> float:
    """Return the seconds to compute all rows once, by the time that some take."""
    points = []
    for batches in PROBED_UPDATES:
        some = spread_rows(dataset, batches * trainer.args.eval_batch_size)
        some = some.select(np.argsort(np.asarray(some["length"]), kind="stable"))
        started = time.perf_counter()
        compute(some)
        points.append((sum(some["length"]), time.perf_counter() - started))
    return interpolate(points, sum(dataset["length"]))


def _scoring(trainer: TransferTrainer, encoded: Encoded) -> float:
    """Return the seconds of the final scoring, in float32; its longest rows are computed too, for their memory."""
    use_float32(trainer)
    splits = [parts[split] for domain, parts in encoded.items() for split in scored_splits(domain, parts)]
    seconds = sum(_computing(trainer, split, trainer.predict) for split in splits)
    longest = max(splits, key=lambda split: max(split["length"]))
    trainer.predict(longest.select(np.argsort(np.asarray(longest["length"]))[-trainer.args.eval_batch_size :]))
    return seconds


def _fill_memory(trainer: TransferTrainer, train: Dataset, folder: Path) -> None:
    """Make an update with the longest rows, for their memory."""
    trainer.train_dataset = train.select(np.argsort(np.asarray(train["length"]))[-trainer.args.train_batch_size :])
    trainer.args.max_steps = 1
    with cache_in(folder):
        trainer.train()


def _model(trainer: TransferTrainer) -> nn.Module:
    assert isinstance(trainer.model, nn.Module)
    return trainer.model
