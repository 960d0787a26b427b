"""What a run will take on this machine, from a few of its updates and evaluations (commands/update_probes.py).

What methods and scores look at beside training and validation rows is timed by itself, and counted as often as it is
due. Nothing is written but the cache of encoded rows, and a temporary folder that goes with the estimate.
"""

import math
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from torch import nn
from transformers.utils import logging as transformers_logging

from nlp_transfer.commands.estimate_tables import Estimate
from nlp_transfer.commands.run import source_only_experiment
from nlp_transfer.commands.update_probes import (
    PROBED_UPDATES,
    Probe,
    cache_in,
    interpolate,
    probe_updates,
    seconds_a_token,
    spread_rows,
)
from nlp_transfer.config.experiment import Experiment, candidate_configs
from nlp_transfer.errors import ConfigError
from nlp_transfer.metrics.model_selection import LABEL_FREE
from nlp_transfer.models.families import encoder_layers, plain_model
from nlp_transfer.models.flops import forward_flops, training_flops
from nlp_transfer.reporting.environment import peak_gpu_bytes, peak_memory_bytes
from nlp_transfer.training import TransferTrainer
from nlp_transfer.training.extensions.activation_cache import ACTIVATION_CACHE
from nlp_transfer.training.extensions.checkpoint_selection import MAX_ROWS, evenly_spaced_rows, label_free_metric
from nlp_transfer.training.features import features_of
from nlp_transfer.training.runtime import deterministic, use_cores, use_float32
from nlp_transfer.training.scoring import scored_splits
from nlp_transfer.training.setup import load_data
from nlp_transfer.training.target_data import (
    Encoded,
    adaptation_rows,
    target_validation_rows,
    tokens_an_epoch,
)

LABELLING = "Labelling the target"
"""The phase in which methods give target texts labels of their own."""


def estimate(config: Experiment) -> Estimate:
    """Probe a run on this machine.

    Args:
        config: the run.

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
    transformers_logging.disable_progress_bar()
    training = config.training
    device = training.device.type
    if device == "cpu":
        device = f"{use_cores(training.cpu_threads)} CPU threads"
    elif device == "cuda":
        device = torch.cuda.get_device_name(training.device)
    data = load_data(config)
    encoded = data.encoded
    train, validation = encoded["source"]["train"], encoded["source"]["validation"]
    rows = training.per_device_train_batch_size * training.gradient_accumulation_steps
    updates = max(1, len(train) // rows) if training.dataloader_drop_last else math.ceil(len(train) / rows)
    epochs = training.max_steps / updates if training.max_steps > 0 else training.num_train_epochs
    tokens = sum(train["length"])
    with (
        tempfile.TemporaryDirectory(prefix="estimate-") as temporary,
        deterministic(training.device),  # as a run computes; it has its price
    ):
        probes, trainer, context = probe_updates(config, data, rows, epochs, Path(temporary))
        whole = tokens + sum(validation["length"])
        seconds = {"Preparing": interpolate([(probe.tokens, probe.preparing) for probe in probes], whole)}
        trains = all(method.trains for method in config.methods)
        written = [*map(len, train["labels"])] if config.task.writes else None
        flops = 0 if trains else forward_flops(_model(trainer), [*train["length"], *validation["length"]])
        with_target = tokens_an_epoch(context, adapts=trainer.adapts) / sum(context.train["length"])
        if trains:
            once = _passed_over(trainer) * forward_flops(_model(trainer), train["length"], written)
            epoch = training_flops(_model(trainer), train["length"], written)
            flops = round(with_target * (epoch * epochs - once * max(0.0, epochs - 1.0)))
            seconds["Training"] = tokens * seconds_a_token(probes, epochs)
            seconds |= _between(trainer, probes, config, encoded, updates, epochs, Path(temporary))
            with cache_in(Path(temporary) / "memory"):
                _fill_memory(trainer, config, train, updates, epochs)
        seconds["Final scoring"] = _scoring(trainer, encoded)
        if source_only_experiment(config) is not None:
            saved = seconds.get("Training", 0.0) * (1 - 1 / with_target) + seconds.get(LABELLING, 0.0)
            seconds["Source-only, beside"] = sum(seconds.values()) - saved
        if others := len(candidate_configs(config)) - 1 if config.search else 0:
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
        cache_bytes=round(interpolate([(probe.tokens, float(probe.cache_bytes)) for probe in probes], whole)),
        early_stopping=training.early_stopping_patience is not None,
    )


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


def _between(
    trainer: TransferTrainer,
    probes: Sequence[Probe],
    config: Experiment,
    encoded: Encoded,
    updates: int,
    epochs: float,
    folder: Path,
) -> dict[str, float]:
    """Seconds of evaluating, labelling and saving while training goes on."""
    training, found = config.training, {}
    evaluations = _times(training.eval_strategy, training.eval_steps, updates, epochs)
    if evaluations:
        validation = interpolate([probe.evaluation for probe in probes], sum(encoded["source"]["validation"]["length"]))
        beside = sum(
            _computing(trainer, rows, partial(features_of, trainer, labelled=False))
            for rows in scored_beside(config, encoded)
        )
        found["Evaluating meanwhile"] = evaluations * (validation + beside)
    labelling = sum(method.labelling_epochs(epochs) for method in config.methods)
    if labelling and (target := adaptation_rows(config, encoded).rows) is not None:
        found[LABELLING] = labelling * _computing(trainer, target, partial(features_of, trainer, labelled=False))
    saves = _times(training.save_strategy, training.save_steps, updates, epochs)
    if saves:
        trainer.args.output_dir = str(folder / "saved")
        started = time.perf_counter()
        trainer._save_checkpoint(_model(trainer), None)
        found["Saving meanwhile"] = saves * (time.perf_counter() - started)
    return found


def _passed_over(trainer: TransferTrainer) -> float:
    """The share of the encoder's layers that is computed once and read from the cache from then on."""
    kept = trainer.summary().get(ACTIVATION_CACHE, {})
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


def scored_beside(config: Experiment, encoded: Encoded) -> list[Dataset]:
    """The rows that an evaluation computes beside validation, to score the target."""
    judged, chosen = target_validation_rows(config, encoded), label_free_metric(config.training)
    found = [] if judged is None else [judged]
    target = adaptation_rows(config, encoded).rows if chosen is not None or judged is not None else None
    if target is not None:
        looked_at = evenly_spaced_rows(target, MAX_ROWS)
        if judged is None or list(judged["input_ids"]) != list(looked_at["input_ids"]):
            found.append(looked_at)
    if chosen is not None and LABEL_FREE[chosen].needs_source:
        found += [evenly_spaced_rows(encoded["source"][split], MAX_ROWS) for split in ("train", "validation")]
    return found


def _computing(trainer: TransferTrainer, dataset: Dataset, compute: Callable[[Dataset], Any]) -> float:
    """Seconds to compute all rows once, by the time that some take."""
    points = []
    for batches in PROBED_UPDATES:
        some = spread_rows(dataset, batches * trainer.args.eval_batch_size)
        some = some.select(np.argsort(np.asarray(some["length"]), kind="stable"))
        started = time.perf_counter()
        compute(some)
        points.append((sum(some["length"]), time.perf_counter() - started))
    return interpolate(points, sum(dataset["length"]))


def _scoring(trainer: TransferTrainer, encoded: Encoded) -> float:
    """Seconds of the final scoring, which is in float32; the largest batch of it is tried too, for its memory."""
    use_float32(trainer)
    splits = [parts[split] for domain, parts in encoded.items() for split in scored_splits(domain, parts)]
    seconds = sum(_computing(trainer, split, trainer.predict) for split in splits)
    longest = max(splits, key=lambda split: max(split["length"]))
    trainer.predict(longest.select(np.argsort(np.asarray(longest["length"]))[-trainer.args.eval_batch_size :]))
    return seconds


def _fill_memory(trainer: TransferTrainer, config: Experiment, train: Dataset, updates: int, epochs: float) -> None:
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
