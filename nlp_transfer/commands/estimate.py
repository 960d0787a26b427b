"""Estimate the time and memory of a run: time some updates and evaluations, and extrapolate.

Two probes go through all that the run does, on few rows and on more. What both take is fixed (building, warming up),
the rest grows with the tokens. Nothing is written but the cache of encoded rows.
"""

import logging
import math
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from transformers import PrinterCallback, TrainerCallback
from transformers.utils import logging as transformers_logging

from nlp_transfer.commands.run import ceiling_experiment, source_only_experiment
from nlp_transfer.config.experiment import Experiment, candidate_configs
from nlp_transfer.errors import ConfigError
from nlp_transfer.files import CACHE_VARIABLE
from nlp_transfer.methods.alignment import active_methods
from nlp_transfer.metrics.metric import WeightedRows
from nlp_transfer.metrics.table import LABEL_FREE
from nlp_transfer.progress import duration
from nlp_transfer.reporting.environment import hardware, peak_gpu_bytes, peak_memory_bytes
from nlp_transfer.reporting.log import quiet
from nlp_transfer.tasks.blocks import Table
from nlp_transfer.training.extensions.checkpoint_selection import MAX_ROWS, evenly_spaced_rows, label_free_metric
from nlp_transfer.training.features import features_of
from nlp_transfer.training.runtime import deterministic, use_cores, use_float32
from nlp_transfer.training.scoring import scored_splits
from nlp_transfer.training.setup import RunData, build_trainer, load_data, load_model
from nlp_transfer.training.target_data import Encoded, adaptation_rows, target_validation_rows, tokens_an_epoch

PROBED_UPDATES = (1, 4)
"""Updates an epoch of the two probes, and batches of the two evaluations."""

PROBED_ROWS = 16
"""Minimum number of rows for each of `PROBED_UPDATES`, for methods that fit a head on them."""

LABELLING = "Labelling the target"  # by a method


@dataclass(frozen=True)
class Estimate:
    """Hold what a run is estimated to take: seconds by phase, and tokens of all epochs (0 of images), unpadded."""

    device: str
    rows: int
    windows: int
    tokens: int
    epochs: float
    seconds: dict[str, float]
    peak_memory_bytes: int | None = None
    peak_gpu_bytes: int | None = None
    early_stopping: bool = False

    def table(self, title: str) -> Table:
        """Return a table for a terminal."""
        several = f" in {self.windows:,} windows" if self.windows > self.rows else ""
        rows = [
            ["Machine", self.device],
            ["Training rows", f"{self.rows:,}{several}"],
            ["Tokens in all epochs", f"{self.tokens:,} ({self.epochs:g} epochs)"],
            *([phase, duration(seconds)] for phase, seconds in self.seconds.items()),
            ["Together", duration(sum(self.seconds.values())) + ", or less (early stopping)" * self.early_stopping],
        ]
        rows[2] = rows[2] if self.tokens else ["Epochs", f"{self.epochs:g}"]
        held = {"Peak memory": self.peak_memory_bytes, "Peak GPU memory": self.peak_gpu_bytes}
        rows += [[name, f"{size / 2**20:,.0f} MiB"] for name, size in held.items() if size is not None]
        return Table(title, ("", "estimate"), rows)


def estimate(experiment: Experiment) -> Estimate:
    """Estimate time and memory of a run on this machine; raises ConfigError and DataError as `run` would."""
    if (processes := int(os.environ.get("WORLD_SIZE", "1"))) > 1:
        raise ConfigError(
            f"--estimate probes one process, and was started on {processes}. Start it without a launcher."
        )
    transformers_logging.disable_progress_bar()
    device = hardware(experiment.training)
    if experiment.training.device.type == "cpu":
        device += f", {use_cores(experiment.training.cpu_threads)} threads"
    data = load_data(experiment)
    experiment = experiment.sized(data.train_rows)
    training = experiment.training
    train, validation = data.training_rows, data.encoded["source"].get("validation")
    updates = math.ceil(len(train) / (training.per_device_train_batch_size * training.gradient_accumulation_steps))
    epochs = training.max_steps / updates if training.max_steps > 0 else training.num_train_epochs
    trains, tokens = all(method.trains for method in experiment.methods), sum(train["length"])
    with (
        tempfile.TemporaryDirectory(prefix="estimate-") as temporary,
        quiet(logging.ERROR),
        deterministic(training.device),  # as a run computes; it has its price
    ):
        probed, folder = _probed(experiment, epochs), Path(temporary)
        probes = [_Probe(probed, data, number, folder / str(number)) for number in PROBED_UPDATES]
        last, whole = probes[-1], tokens + (sum(validation["length"]) if validation else 0)
        seconds = {"Preparing": interpolate([(one.tokens, one.preparing) for one in probes], whole)}
        with_target = tokens_an_epoch(last.context, adapts=last.trainer.adapts) / sum(last.context.train["length"])
        if trains:
            seconds["Training"] = update_seconds(last.epochs, epochs) * updates
            seconds |= _between(experiment, last.trainer, data.encoded, updates, epochs)
            args, longest = last.trainer.args, np.argsort(np.asarray(train["length"]))
            last.trainer.train_dataset = train.select(longest[-args.train_batch_size :])  # for their memory
            args.max_steps = 1
            with _cache_in(folder / "memory"):
                last.trainer.train()
        # Without a source the model before is scored, too, and the confidence is compared with its own.
        seconds["Final scoring"] = _scoring(last.trainer, data.encoded) * (1 if experiment.sources else 3)
    seconds |= _baselines(experiment, data, seconds, with_target)
    if others := len(candidate_configs(experiment)) - 1 if experiment.search else 0:
        seconds[f"Other candidates, {others}"] = others * sum(seconds.values())
    return Estimate(
        device,
        data.train_rows,
        len(train),
        tokens=bool(data.task.max_length) * (round(with_target * tokens * epochs) if trains else tokens),
        epochs=epochs if trains else 1,
        seconds=seconds,
        peak_memory_bytes=peak_memory_bytes(),
        peak_gpu_bytes=peak_gpu_bytes(),
        early_stopping=training.early_stopping_patience is not None,
    )


def _baselines(
    experiment: Experiment, data: RunData, seconds: dict[str, float], with_target: float
) -> dict[str, float]:
    """Return the seconds of the runs to compare with; `with_target` is by how much target rows lengthen an epoch."""
    baselines, training = {}, seconds.get("Training", 0.0)
    if source_only_experiment(experiment) is not None:
        saved = training * (1 - 1 / with_target) + seconds.get(LABELLING, 0.0)
        baselines["Source-only baseline"] = sum(seconds.values()) - saved
    if ceiling_experiment(experiment, data.corpora) is not None:
        share = len(data.corpora["target"].splits["train"]) / data.train_rows
        baselines["Ceiling baseline"] = training / with_target * share
    return baselines


def _probed(experiment: Experiment, epochs: float) -> Experiment:
    """Return the experiment as probes run it: two epochs at most; nothing is saved, logged or chosen."""
    training = experiment.training.with_output_dir(
        str(experiment.training.output_dir),
        num_train_epochs=min(2, max(1, math.ceil(epochs))),
        max_steps=-1,
        save_strategy="no",
        logging_strategy="no",
        eval_strategy="no" if experiment.training.eval_strategy == "no" else "epoch",
        eval_delay=0,
        load_best_model_at_end=False,
        early_stopping_patience=None,
        metric_for_best_model=None,  # it would score rows of the target
        report_to=[],
        disable_tqdm=True,
        push_to_hub=False,
    )
    return replace(experiment, training=training, search={}, log_target_scores=False)


class _Probe:
    """Measure training on the rows of some updates in two epochs: the first may fill a cache that the second reads."""

    def __init__(self, experiment: Experiment, data: RunData, updates: int, folder: Path) -> None:
        rows = experiment.training.per_device_train_batch_size * experiment.training.gradient_accumulation_steps
        few = {
            domain: {name: spread_rows(split, updates * max(rows, PROBED_ROWS)) for name, split in splits.items()}
            for domain, splits in data.encoded.items()
        }
        timer = UpdateTimer()
        with _cache_in(folder / "cache"):
            loaded = load_model(experiment, data.task)
            started = time.perf_counter()
            data = data._replace(encoded=few)
            self.trainer, self.context = build_trainer(experiment, data, loaded, folder, callbacks=[timer])
            self.trainer.remove_callback(PrinterCallback)
            self.trainer.train()
            self.trainer.remove_callback(timer)
        self.preparing = (timer.first or time.perf_counter()) - started
        self.epochs = timer.epochs
        self.tokens = sum(map(sum, (self.context.train["length"], self.context.validation["length"])))


@contextmanager
def _cache_in(folder: Path) -> Iterator[None]:
    """Let what is computed be cached in a folder, and not where a run would find it."""
    usual = os.environ.get(CACHE_VARIABLE)
    os.environ[CACHE_VARIABLE] = str(folder)
    try:
        yield
    finally:
        del os.environ[CACHE_VARIABLE]
        os.environ.update({CACHE_VARIABLE: usual} if usual is not None else {})


class UpdateTimer(TrainerCallback):
    """Time each update of each epoch; the first from its first forward pass on."""

    def __init__(self) -> None:
        self.first: float | None = None
        self.epochs: list[list[float]] = []
        self._last: float | None = None

    def on_epoch_begin(self, *args: Any, **kwargs: Any) -> None:  # noqa: D102
        self.epochs.append([])
        self._last = None  # methods may look at all rows before the first update

    def on_step_begin(self, *args: Any, **kwargs: Any) -> None:  # noqa: D102
        self._last = self._last or time.perf_counter()
        self.first = self.first or self._last

    def on_step_end(self, *args: Any, **kwargs: Any) -> None:  # noqa: D102
        now = time.perf_counter()
        self.epochs[-1].append(now - (self._last or now))
        self._last = now


def update_seconds(timed: Sequence[Sequence[float]], epochs: float) -> float:
    """Return the seconds of one update, added up over epochs; warming up is left out, later ones are as the second."""
    first, last = timed[0][1:] or timed[0], timed[-1]
    return min(epochs, 1.0) * float(np.mean(first)) + max(epochs - 1.0, 0.0) * float(np.mean(last))


def spread_rows(dataset: Dataset, count: int) -> Dataset:
    """Return about `count` rows whose lengths are spread as the dataset's, in a fixed random order."""
    order = np.argsort(np.asarray(dataset["length"]), kind="stable")
    count = min(count, len(order))
    chosen = order[((np.arange(count) + 0.5) * len(order) / max(1, count)).astype(int)]
    return dataset.select(np.random.default_rng(0).permutation(chosen))


def interpolate(points: Sequence[tuple[int, float]], tokens: int) -> float:
    """Return a quantity at `tokens`, on the line through two points (tokens, quantity); it does not fall."""
    (few, less), (many, more) = points
    slope = max(0.0, (more - less) / (many - few)) if many > few else 0.0
    return more + slope * (tokens - many)


def _between(experiment: Experiment, trainer: Any, encoded: Encoded, updates: int, epochs: float) -> dict[str, float]:
    """Return the seconds of evaluating, labelling and saving while training goes on."""
    training, measured = experiment.training, {}
    look = partial(features_of, trainer, labelled=False)
    strategy = training.eval_strategy if "validation" in encoded["source"] else "no"
    if evaluations := _times_due(strategy, training.eval_steps, updates * epochs, epochs):
        validation = _computing(trainer, encoded["source"]["validation"], trainer.evaluate)
        others = sum(_computing(trainer, rows, look) for rows in _rows_scored_too(experiment, encoded))
        measured["Evaluating meanwhile"] = evaluations * (validation + others)
    labelling = sum(method.target_passes(epochs) for method in active_methods(experiment.methods))
    if labelling and (target := adaptation_rows(experiment, encoded).rows) is not None:
        measured[LABELLING] = labelling * _computing(trainer, target, look)
    if saves := _times_due(training.save_strategy, training.save_steps, updates * epochs, epochs):
        started = time.perf_counter()
        trainer._save_checkpoint(trainer.model, None)
        measured["Saving meanwhile"] = saves * (time.perf_counter() - started)
    return measured


def _times_due(strategy: str, steps: float | None, updates: float, epochs: float) -> int:
    """Return how often something is due in a run."""
    if strategy == "steps" and steps:
        return int(math.ceil(updates) // (steps if steps >= 1 else max(1, math.ceil(math.ceil(updates) * steps))))
    return math.ceil(epochs) if strategy == "epoch" else 0


def _rows_scored_too(experiment: Experiment, encoded: Encoded) -> list[Dataset]:
    """Return the rows that an evaluation computes in addition to validation, to score the target."""
    judged, chosen = target_validation_rows(experiment, encoded), label_free_metric(experiment.training)
    measured = [] if judged is None else [judged]
    target = adaptation_rows(experiment, encoded).rows
    if target is not None and chosen is not None:
        measured.append(evenly_spaced_rows(target, MAX_ROWS))
    if chosen is not None and LABEL_FREE[chosen].rows is WeightedRows:
        measured += [evenly_spaced_rows(encoded["source"][split], MAX_ROWS) for split in ("train", "validation")]
    return measured


def _computing(trainer: Any, dataset: Dataset, compute: Callable[[Dataset], Any]) -> float:
    """Return the seconds to compute all rows once, by the time that some take."""
    points = []
    for batches in PROBED_UPDATES:
        some = spread_rows(dataset, batches * trainer.args.eval_batch_size)
        some = some.select(np.argsort(np.asarray(some["length"]), kind="stable"))
        started = time.perf_counter()
        compute(some)
        points.append((sum(some["length"]), time.perf_counter() - started))
    return interpolate(points, sum(dataset["length"]))


def _scoring(trainer: Any, encoded: Encoded) -> float:
    """Return the seconds of the final scoring, in float32."""
    use_float32(trainer)
    splits = [parts[split] for domain, parts in encoded.items() for split in scored_splits(domain, parts)]
    return sum(_computing(trainer, split, trainer.predict) for split in splits)
