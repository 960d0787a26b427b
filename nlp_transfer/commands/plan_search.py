"""Run plans within a budget of time.

Each is run in full, the likeliest first, while the time that it will probably take is left. Where that is not enough
for any training by gradient, these plans share it by successive halving: all are trained for a ninth of their epochs,
the best third for a third of them, and the best third of these in full; with more time the first part is longer.
Reference: Jamieson & Talwalkar (2016), https://arxiv.org/abs/1502.07943
"""

import logging
import math
import re
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from nlp_transfer import runner
from nlp_transfer.commands.plans import GIVEN, adapts, experiments
from nlp_transfer.config.experiment import Experiment
from nlp_transfer.errors import CheckpointError, ConfigError, RunInterrupted, TrainingError
from nlp_transfer.files import check_empty_folder, make_private_folder, read_json, write_json
from nlp_transfer.metrics.table import METRICS
from nlp_transfer.progress import duration
from nlp_transfer.reporting.config_record import config_differences, config_record
from nlp_transfer.reporting.log import quiet
from nlp_transfer.training.setup import load_data
from nlp_transfer.training.signals import StopSignals

log = logging.getLogger(__name__)

PARTS = (1 / 9, 1 / 3, 1.0)
"""Share of its epochs that a plan is trained for, one after another, while it is among the best third."""

MIN_STEPS = 100
"""Minimum number of optimizer steps of a part: after fewer, scores say little about the rest."""

FIRST_SHARE = 1 / 3
"""Share of the budget for the plans that come before the first training by gradient."""

QUIET = {"push_to_hub": False, "report_to": [], "logging_strategy": "no", "logging_first_step": False}
"""Training arguments of the runs: only evaluations are logged."""

STATE = "recommendation.json"
"""The file in the output folder with the configuration and the seconds of each run."""


@dataclass(frozen=True)
class Tried:
    """Hold the longest run of a plan.

    Args:
        epochs: that it was trained for; None without training by gradient.
        of: the epochs of the whole plan.
        score: primary metric of the task on validation.
        seconds: of the run; `train_seconds` is the part that grows with the epochs.
    """

    name: str
    folder: Path
    score: float
    seconds: float
    train_seconds: float
    epochs: float | None = None
    of: float | None = None

    @property
    def whole(self) -> bool:
        """Return True if it was trained to its end."""
        return self.epochs is None or self.epochs == self.of

    def seconds_of(self, part: float) -> float:
        """Return the seconds of the run if it had a part of its plan's epochs."""
        if not self.epochs or not self.of:
            return self.seconds
        return self.seconds + (part * self.of / self.epochs - 1) * self.train_seconds


@dataclass(frozen=True)
class SearchState:
    """Keep the seconds of each run, so that a resumed recommendation decides as the first one did."""

    folder: Path
    record: dict[str, Any]

    @classmethod
    def open(cls, config: Experiment, output: str, *, resume: bool) -> "SearchState":
        """Return the state in an output folder, new or that of the same configuration; nothing is written yet."""
        record = config_record(config.record())
        file = Path(output).expanduser() / STATE
        if not file.is_file():
            return cls(check_empty_folder(output, "--output"), {"config": record, "seconds": {}})
        if not resume:
            raise CheckpointError(
                f"--output {file.parent} holds a recommendation. Go on with --resume, or name a new folder."
            )
        state = cls(file.parent, read_json(file))
        if different := config_differences(state.record.get("config", {}), record):
            listed = "; ".join(different[:5])
            raise CheckpointError(f"{file} is of another configuration ({listed}). Name a new folder with --output.")
        return state

    def write(self) -> None:
        """Write the file."""
        make_private_folder(self.folder)
        write_json(self.folder / STATE, self.record)

    @property
    def seconds(self) -> dict[str, float]:
        """Return the seconds of each run, by its folder's name."""
        seconds: dict[str, float] = self.record["seconds"]
        return seconds

    @property
    def interrupted(self) -> dict[str, float]:
        """Return the seconds of the interrupted parts of runs, by their folder's name."""
        seconds: dict[str, float] = self.record.setdefault("interrupted", {})
        return seconds


class PlanSearch:
    """Run plans while there is time, and keep the longest run of each.

    Attributes:
        spent: seconds of all runs; of runs that were finished before, those that they took then.
        tried: the longest run of each plan, by name.
        failed: what stopped a plan, by name.
    """

    def __init__(
        self, config: Experiment, state: SearchState, budget: float, stop_signals: StopSignals | None = None
    ) -> None:
        self.config, self.state, self.budget, self._stop_signals = config, state, budget, stop_signals
        self.spent = 0.0
        self.tried: dict[str, Tried] = {}
        self.failed: dict[str, str] = {}
        if adapts(config):
            self.failed[GIVEN] = (
                "its methods (by default adapt) learn from the target, and plans are compared on the source"
            )
        with quiet():
            data = load_data(config)
        corpus, train = data.corpora["source"], data.encoded["source"]["train"]
        if "validation" not in corpus.splits:
            raise ConfigError(
                f"{corpus.origin} has no validation rows to compare plans on. Set source.split.validation above 0; "
                "with few labels, methods: [few_shot] compares by cross-validation."
            )
        read = float(np.sum(train["read"]) / max(1, np.sum(train["text_length"])))
        self.rows = data.train_rows
        self._read = read
        self.plans = {name: one.sized(data.train_rows) for name, one in experiments(config, corpus, read).items()}

    def run(self) -> None:
        """Run the plans."""
        self.state.write()
        trained = [name for name, plan in self.plans.items() if all(method.trains for method in plan.methods)]
        first = list(self.plans).index(trained[0]) if trained else len(self.plans)
        for name in list(self.plans)[:first]:
            if not self.tried or self._predicted(name) <= FIRST_SHARE * self.budget - self.spent:
                self._try(name)
        if self.spent >= self.budget:
            return
        for name in self._likeliest_first(list(self.plans)[first:]):
            if name in trained and not any(one.epochs for one in self.tried.values()):
                self._try(name, PARTS[0])  # which tells how long an epoch takes
            if self._predicted(name) <= self.budget - self.spent:
                self._try(name, 1.0 if name in trained else None)
        if trained and self.tried and not any(one.epochs and one.whole for one in self.tried.values()):
            self._halve(trained, self._long_enough(self.plans[trained[0]]))

    def _likeliest_first(self, names: list[str]) -> list[str]:
        """Return plans in their order; those that read in windows second where these helped a frozen encoder."""
        best = max(self.tried.values(), key=lambda one: one.score, default=None)
        if best is None or not self._windows(best.name):
            return names
        return [*names[:1], *sorted(names[1:], key=lambda name: not self._windows(name))]

    def _windows(self, name: str) -> bool:
        """Return True for a plan that reads in windows what the configuration cuts."""
        here, given = (getattr(plan.task, "long_documents", None) for plan in (self.plans[name], self.config))
        return here == "windows" and given != "windows"

    def _long_enough(self, plan: Experiment) -> list[float]:
        """Return the parts of enough optimizer steps."""
        training = plan.training
        rows_a_step = training.per_device_train_batch_size * training.gradient_accumulation_steps
        steps = training.num_train_epochs * self.rows / rows_a_step
        return [part for part in PARTS if part == PARTS[-1] or part * steps >= MIN_STEPS]

    def _halve(self, names: list[str], parts: list[float]) -> None:
        """Train all for a part of their epochs, then the best third for the next part."""
        for part in parts[self._first_part(len(names), parts) :]:
            for name in names:
                if self._predicted(name, part) <= self.budget - self.spent:
                    self._try(name, part)
            scored = [name for name in names if name in self.tried]
            names = sorted(scored, key=lambda name: -self.tried[name].score)[: math.ceil(len(names) / 3)]

    def _first_part(self, count: int, parts: list[float]) -> int:
        """Return the number of the longest first part for which the budget is enough, by the longest run."""
        longest = max(self.tried.values(), key=lambda one: one.seconds_of(1.0)).name
        for first in reversed(range(1, len(parts))):
            left, cost = count, 0.0
            for part in parts[first:]:
                cost += left * self._predicted(longest, part)
                left = math.ceil(left / 3)
            if cost <= self.budget - self.spent:
                return first
        return 0

    def _predicted(self, name: str, part: float = 1.0) -> float:
        """Return the seconds that a run will take, by the last run of this plan, or by the longest one of others."""
        runs = [self.tried[name]] if name in self.tried else list(self.tried.values())
        tokens = {one.name: 1 / self._read if self._windows(one.name) else 1.0 for one in runs}
        own = 1 / self._read if self._windows(name) else 1.0
        return max((own / tokens[one.name] * one.seconds_of(part) for one in runs), default=0.0)

    def _folder(self, name: str, part: float | None) -> Path:
        words = re.sub(r"[^\w.-]+", "_", name) + ("" if part is None else f"_{round(100 * part)}")
        return self.state.folder / "runs" / words

    def _try(self, name: str, part: float | None = None) -> None:
        """Run a plan for a part of its epochs, unless it has failed or was run before."""
        plan, folder = self.plans[name], self._folder(name, part)
        if name in self.failed or (name in self.tried and self.tried[name].folder == folder):
            return
        whole = plan.training.num_train_epochs
        epochs = None if part is None else whole * part
        changes = {} if epochs is None else {"num_train_epochs": epochs}
        plan = replace(plan, training=plan.training.with_output_dir(str(folder), **QUIET, **changes))
        if folder.name not in self.state.seconds:
            log.info("recommend: %s%s …", name, "" if part is None else f", {epochs:.3g} of {whole:g} epochs")
        started, interrupted = time.perf_counter(), self.state.interrupted
        try:
            with quiet():
                report = runner.run(plan, resume=True, stop_signals=self._stop_signals)
        except RunInterrupted:
            interrupted[folder.name] = interrupted.get(folder.name, 0.0) + time.perf_counter() - started
            self.state.write()
            raise
        except (TrainingError, ConfigError) as error:
            self.failed[name] = " ".join(error.problems)
            self.spent += time.perf_counter() - started
            log.info("recommend: %s failed: %s", name, self.failed[name])
            return
        assert report is not None
        seconds = time.perf_counter() - started + interrupted.get(folder.name, 0.0)
        seconds = self.state.seconds.setdefault(folder.name, seconds)
        self.spent += seconds
        self.state.write()
        metric = METRICS[self.config.task.primary_metric]
        score = float(report.metrics["source"]["validation"][metric.name])
        training = min(seconds, report.cost.train_seconds or 0.0)
        self.tried[name] = Tried(name, folder, score, seconds, training, epochs, None if part is None else whole)
        log.info("recommend: %s has %s %.3f on validation, after %s.", name, metric.title, score, duration(seconds))
