"""Keep the rules of a run's output folder: a finished or different run is never overwritten.

    absent, empty      a new run begins
    unfinished         `--resume` goes on, if the config is the same but for keys without effect
    finished           `--resume` has nothing to do; the caller ends at once
    foreign            files that no run of ours made: always refused

`run.json` is the marker: status, times, the command, versions and the config without secrets.
"""

import json
import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from transformers import TrainerCallback

from nlp_transfer.errors import CheckpointError
from nlp_transfer.files import file_digest, make_private_folder, write_json
from nlp_transfer.metrics.negative_transfer import SOURCE_ONLY
from nlp_transfer.models.files.manifest import check_manifest, has_manifest
from nlp_transfer.reporting.config_record import command_record, config_differences, config_record
from nlp_transfer.reporting.environment import library_versions
from nlp_transfer.reporting.log import JsonLinesLog
from nlp_transfer.reporting.predictions import PREDICTIONS
from nlp_transfer.reporting.report import BASELINES, METRICS_FILE, REPORT, Report
from nlp_transfer.reporting.run_lock import RunLock, this_process
from nlp_transfer.training.progress import TENSORBOARD, LogEntries

RunState = Literal["empty", "unfinished", "finished", "foreign"]

CANDIDATES = "candidates"
"""The folder in a run's folder that holds the candidates of a search."""

CHECKPOINTS = "checkpoints"
"""The folder in a run's folder that holds the Trainer's checkpoints."""

LOG = "log.jsonl"
"""The file of the Trainer's log in a run's folder."""

RESULTS = (METRICS_FILE, BASELINES, REPORT, PREDICTIONS, LOG)
"""Files of a finished run that are read again: `run.json` holds their SHA-256."""

_ELSEWHERE = "choose another training.output_dir"


@dataclass(frozen=True)
class RunFolder:
    """Hold one output folder, its state when it was looked at, and `run.json`; lock and log where it is open."""

    path: Path
    state: RunState
    record: dict[str, Any] = field(default_factory=dict)
    lock: RunLock | None = None
    log: JsonLinesLog | None = None

    @property
    def checkpoints(self) -> Path:
        """Return the folder of the Trainer's checkpoints."""
        return self.path / CHECKPOINTS

    def callbacks(self) -> list[TrainerCallback]:
        """Return the callbacks that write into the folder; none on other processes than the main one."""
        return [] if self.log is None else [LogEntries(self.log.write, self.log.restart)]

    def report(self) -> Report:
        """Read the report of a finished run."""
        saved = [self.path / name for name in ("model", "adapter") if (self.path / name).is_dir()]
        if not saved:
            raise CheckpointError(
                f"{self.path} holds this run, finished, but neither model/ nor adapter/. Put them back, or train again "
                "with --archive_existing (archive_existing=True), which keeps what is there under another name."
            )
        for place in saved:
            if has_manifest(place):
                check_manifest(place)
        check_results(self.path, self.record, complete=True)
        return Report.read(self.path)

    def has_learned(self) -> bool:
        """Return whether a run, or a run inside the folder, has logged or saved something that must not be lost."""
        if any((self.path / name).exists() for name in (CANDIDATES, SOURCE_ONLY)):
            return True
        logged = (self.path / LOG).is_file() and (self.path / LOG).stat().st_size > 0
        return logged or (self.checkpoints.is_dir() and any(self.checkpoints.iterdir()))

    def discard(self) -> None:
        """Take back a run that ended before it learned anything: only what a run has written by then."""
        self.leave()
        for name in ("config.yaml", LOG, "run.json"):
            (self.path / name).unlink(missing_ok=True)
        shutil.rmtree(self.path / TENSORBOARD, ignore_errors=True)
        for folder in (self.path / CHECKPOINTS, self.path):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()

    def finish(self) -> None:
        """Mark the run as finished, last of all: from here on the folder is never written again."""
        if not (self.path / METRICS_FILE).is_file():
            raise CheckpointError(f"{self.path} cannot be marked as finished: it has no {METRICS_FILE}.")
        digests = {name: file_digest(self.path / name) for name in RESULTS if (self.path / name).is_file()}
        record = {**self.record, "status": "finished", "finished": _now(), "results": digests}
        write_json(self.path / "run.json", record)
        self.leave()

    def leave(self) -> None:
        """Let another run in."""
        if self.log is not None:
            self.log.close()
        if self.lock is not None:
            self.lock.release()


def inspect(path: str | os.PathLike[str]) -> RunFolder:
    """Return a folder's state; nothing is written, hidden files are ignored."""
    folder = Path(path)
    try:
        if folder.exists() and not folder.is_dir():
            raise CheckpointError(f"{folder} is a file; a run needs a folder: {_ELSEWHERE}.")
        names = [item.name for item in folder.iterdir() if not item.name.startswith(".")] if folder.exists() else []
    except OSError as error:
        raise CheckpointError(f"{folder} cannot be read ({error.strerror or error}): {_ELSEWHERE}.") from error
    if not names:
        return RunFolder(folder, "empty")
    try:
        record = json.loads((folder / "run.json").read_bytes())
    except (OSError, ValueError, RecursionError):
        return RunFolder(folder, "foreign")
    sections = ("config", "inputs", "process", "results", "by_rows")
    if not (isinstance(record, dict) and {"config", "status"} <= record.keys()) or not all(
        isinstance(record.get(key, {}), dict) for key in sections
    ):
        return RunFolder(folder, "foreign")
    done = record["status"] == "finished" and METRICS_FILE in names
    return RunFolder(folder, "finished" if done else "unfinished", record)


def check_results(folder: Path, record: Mapping[str, Any], *, complete: bool) -> None:
    """Check that the results of a finished run are those that it wrote; require all of them if `complete`."""
    problems = []
    for name, expected in record.get("results", {}).items():
        place = folder / name
        try:
            if (complete or place.exists()) and name in RESULTS and file_digest(place) != expected:
                problems.append(f"{place} was changed after the run had finished.")
        except OSError as error:
            problems.append(f"{place} cannot be read: {error.strerror or error}.")
    if problems:
        advice = f"Put the files back as they were, or delete {folder} and make the run again."
        raise CheckpointError([f"{problem} {advice}" for problem in problems])


def check_run_folder(path: str | os.PathLike[str], config: Mapping[str, Any], *, resume: bool) -> RunFolder:
    """Look at a folder and refuse it if a run with this config may not use it; nothing is written (for `--dry_run`)."""
    held = inspect(path)
    if held.state == "empty":
        return held
    if held.state == "foreign":
        names = sorted(item.name for item in held.path.iterdir())
        listed = ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
        raise CheckpointError(
            f"{held.path} is not empty and holds no run of ours (no readable run.json): {listed}. Nothing in it is "
            f"touched; {_ELSEWHERE}, or empty the folder yourself."
        )
    since = f"started {held.record.get('started', 'at an unknown time')}"
    what = f"{held.path} holds {'a finished' if held.state == 'finished' else 'an unfinished'} run, {since}"
    different = config_differences(held.record["config"], _with_values_by_rows(config, held.record))
    if different:
        raise CheckpointError(
            f"{what}, of a different configuration, and is not overwritten; {_ELSEWHERE}"
            + (", resume it with its own configuration" if resume else "")
            + ", or start anew with --archive_existing (archive_existing=True), which keeps it under another name"
            + ". What differs (there -> now):\n"
            + "\n".join([*(f"  {line}" for line in different), *_longer_training(held, different)])
        )
    if not resume:
        use = "read its results" if held.state == "finished" else "go on with it"
        raise CheckpointError(
            f"{what}, and is not overwritten; {_ELSEWHERE}, pass --resume to {use}, or --archive_existing to keep "
            "it under another name (in Python, resume=True or archive_existing=True)."
        )
    return held


def _longer_training(held: RunFolder, different: Iterable[str]) -> Iterator[str]:
    """Yield how to train a run on, where its epochs or steps are among the keys that differ."""
    if any(line.startswith(("training.num_train_epochs:", "training.max_steps:")) for line in different):
        first = "" if held.state == "finished" else "finish this run as it was planned, and then "
        schedule = held.record["config"].get("training", {}).get("lr_scheduler_type")
        planned = "The learning rate of each step was planned for those epochs: a longer run is another one. "
        yield (
            f"{planned * (schedule != 'constant')}To train on from these weights, {first}begin a new run with model: "
            f"{held.path / 'model'}, another training.output_dir and the epochs to add."
        )


def _with_values_by_rows(config: Mapping[str, Any], record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration with the training arguments that a run took from its number of rows, if it names none."""
    taken = record.get("by_rows")
    return {**config, "training": {**taken, **config["training"]}} if taken else dict(config)


def archive(path: str | os.PathLike[str]) -> Path | None:
    """Rename the run that a folder holds, so that a new one can have its name. Returns the new name, None if empty."""
    held = inspect(path)
    if held.state == "empty":
        return None
    if held.state == "foreign":
        raise CheckpointError(f"{held.path} holds no run of ours, so it is not set aside; {_ELSEWHERE}.")
    lock = RunLock(held.path)
    lock.acquire(held.record.get("process", {}))
    lock.release()
    number = 1
    while (place := held.path.with_name(f"{held.path.name}-{number}")).exists():
        number += 1
    held.path.rename(place)
    return place


def open_run_folder(
    path: str | os.PathLike[str],
    config: Mapping[str, Any],
    *,
    resume: bool,
    inputs: Mapping[str, str] | None = None,
    by_rows: Mapping[str, Any] | None = None,
) -> RunFolder:
    """Make or re-enter a run's folder and write `run.json`, on the main process. A finished run's is not written.

    Args:
        by_rows: training arguments that the configuration left to the number of training rows, with their values.

    Raises:
        CheckpointError: it holds a finished run, or an unfinished one without `resume`, of another configuration (with
            the keys that differ) or other `inputs`, or files that no run made; or it cannot be written.
    """
    # A folder that is not ours is not touched, not even by a lock.
    state = check_run_folder(path, config, resume=resume).state
    lock = RunLock(Path(path))
    made = not lock.folder.exists()
    try:
        if state == "empty":
            make_private_folder(lock.folder)  # it may hold texts; who opens it to others later is not hindered
        lock.acquire(inspect(path).record.get("process", {}))
    except OSError as error:
        raise _not_writable(lock.folder, error) from error
    try:
        held = check_run_folder(path, config, resume=resume)  # with the lock in hand: another may have begun meanwhile
        _check_inputs(held, inputs or {})
        if held.state == "finished":
            lock.release()
            return held
        read = {"config": config_record(config), "inputs": dict(inputs or {}), "by_rows": dict(by_rows or {})}
        return _opened(held, read, lock)
    except CheckpointError:
        lock.release()
        if made and not any(lock.folder.iterdir()):
            lock.folder.rmdir()
        raise


def _check_inputs(held: RunFolder, inputs: Mapping[str, str]) -> None:
    for name, fingerprint in held.record.get("inputs", {}).items():
        if held.state == "unfinished" and inputs.get(name, fingerprint) != fingerprint:
            raise CheckpointError(
                f"{held.path} holds an unfinished run with another {name}: its fingerprint was {fingerprint[:12]}…, "
                f"now it is {inputs[name][:12]}…. Put the files back as they were, or start anew with "
                "--archive_existing (archive_existing=True), which keeps the run under another name."
            )


def _opened(held: RunFolder, read: Mapping[str, Any], lock: RunLock) -> RunFolder:
    record = {
        "status": "running",
        "started": held.record.get("started", _now()),
        "resumed": [*held.record.get("resumed", []), _now()] if held.state == "unfinished" else [],
        "command": command_record(sys.argv),
        "versions": library_versions(),
        "process": this_process(),
        **read,
    }
    try:
        write_json(held.path / "run.json", record)
    except OSError as error:
        raise _not_writable(held.path, error) from error
    return RunFolder(held.path, held.state, record, lock, JsonLinesLog(held.path / LOG))


def _not_writable(folder: Path, error: OSError) -> CheckpointError:
    where = error.filename or folder
    return CheckpointError(f"{folder} cannot be written ({error.strerror or error}: {where}); {_ELSEWHERE}.")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
