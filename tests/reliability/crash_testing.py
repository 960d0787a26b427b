"""Kill a training run again and again, resume it each time, and compare its end with that of an undisturbed run.

The run is a real one: scripts/train.py as a command of its own, on one process or under torchrun, killed with SIGKILL,
children and all, so that nothing of it can tidy up. More than half of the kills fall into the saving of a checkpoint,
the others anywhere between the start and the end. It is small (small_run.py), so that many kills take minutes.

What must be equal at the end, byte for byte: weights and predictions; the optimizer's and scheduler's states and the
weights of every checkpoint; and, but for the times in them, metrics and log.
"""

import contextlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from nlp_transfer.errors import CheckpointError, ConfigError
from nlp_transfer.models.files.manifest import MANIFEST
from tests.reliability.small_run import write_small_run

TRAIN_SCRIPT = Path(__file__).parents[2] / "scripts" / "train.py"

IN_A_SAVE = 0.6
"""The share of kills that wait for the saving of a checkpoint."""

SAVING_SECONDS = 0.08
"""Seconds from the beginning of a save in which a kill may fall; a save takes about as long."""

_POLL_SECONDS = 0.001
_TIMES = re.compile(r"(time|seconds|_runtime|per_second)$")
_NOT_COMPARED = ("training_args.bin", "trainer_state.json", "transfer_state.json", MANIFEST)


@dataclass
class CrashReport:
    """Count the kills and their outcome.

    Args:
        processes: how many processes the run had.
        kills: SIGKILLs that met a living run.
        in_a_save: those of them that left a half-written checkpoint behind.
        resumes: starts with `--resume` after a kill.
        runs: runs that came to their end, over and over, until there were enough kills.
        passed_over: checkpoints that a resumed run found not whole.
        differences: what was not as in the undisturbed run.
    """

    processes: int
    kills: int = 0
    in_a_save: int = 0
    resumes: int = 0
    runs: int = 0
    passed_over: int = 0
    differences: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.processes} process{'es' if self.processes > 1 else ''}: {self.kills} kills "
            f"({self.in_a_save} in the middle of a save), {self.resumes} resumes, {self.runs} runs to the end, "
            f"{self.passed_over} torn checkpoints passed over, {len(self.differences)} differences"
        )


def crash_test(folder: Path, *, kills: int, processes: int, seed: int, script: Path = TRAIN_SCRIPT) -> CrashReport:
    """Kill and resume until there were enough kills and the last run is at its end.

    Args:
        folder: a new one, for the runs; what differs stays there to be looked at.
        kills: at least this many.
        processes: of each run.
        seed: of the instants at which runs are killed.
        script: the command that trains.

    Raises:
        ConfigError: a number is out of range, or the folder exists.
        CheckpointError: a run failed by itself.
    """
    problems = [f"--{name} is {value}; expected at least 1." for name, value in (("kills", kills),) if value < 1]
    if processes < 1:
        problems.append(f"--processes is {processes}; expected at least 1.")
    if folder.exists():
        problems.append(f"--output_dir {folder} exists already; name a new folder.")
    if problems:
        raise ConfigError(problems)
    config, chance, report = write_small_run(folder), random.Random(seed), CrashReport(processes)
    command = [sys.executable]
    if processes > 1:
        command += ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(processes)]
    command += [str(script), "--config", str(config), "--resume", "--training.output_dir"]
    started = time.perf_counter()
    _to_the_end([*command, str(folder / "undisturbed")])
    whole_seconds = time.perf_counter() - started
    print(f"The undisturbed run took {whole_seconds:.1f} s.", flush=True)
    while report.kills < kills:
        output = folder / f"killed-{report.runs + 1}"
        _run_with_kills([*command, str(output)], output, report, kills, chance, whole_seconds)
        report.runs += 1
        different = differences(folder / "undisturbed", output)
        report.differences += [f"{output.name}: {line}" for line in different]
        print(f"{output.name} came to its end: {'; '.join(different) or 'no difference'}. {report}", flush=True)
        if not different:
            shutil.rmtree(output)
    return report


def _run_with_kills(
    command: list[str],
    output: Path,
    report: CrashReport,
    kills: int,
    chance: random.Random,
    whole_seconds: float,
) -> None:
    """One run, killed until it ends or there were enough kills."""
    resuming = False
    while True:
        report.resumes += resuming
        if report.kills >= kills:
            text = _to_the_end(command)
            report.passed_over += text.count(" was passed over: ")
            return
        with _started(command) as (process, log):
            if chance.random() < IN_A_SAVE:
                moment = _wait_for_save(process, output, chance)
            else:
                moment = "at any instant"
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(chance.uniform(0, whole_seconds))
            alive = process.poll() is None
            _kill(process)
            text = log.read_text(errors="replace")
        report.passed_over += text.count(" was passed over: ")
        if not alive:
            if process.returncode != 0:
                raise CheckpointError(f"A run failed by itself with status {process.returncode}: {text[-2000:]}")
            return
        torn = any(output.glob("checkpoints/.checkpoint-*.saving"))
        report.kills, report.in_a_save, resuming = report.kills + 1, report.in_a_save + torn, True
        print(
            f"  kill {report.kills}, {moment}; {_steps(output)} steps are saved{', a save is half done' * torn}",
            flush=True,
        )


def _wait_for_save(process: "subprocess.Popen[bytes]", output: Path, chance: random.Random) -> str:
    """Return in the middle of the saving of one of the next checkpoints, or when the run has ended."""
    wanted = chance.randint(1, 6)
    seen: set[str] = set()
    while process.poll() is None:
        saving = {path.name for path in output.glob("checkpoints/.checkpoint-*.saving")}
        if saving - seen:
            seen |= saving
            if len(seen) >= wanted:
                time.sleep(chance.uniform(0, SAVING_SECONDS))
                return "while a checkpoint is saved"
        time.sleep(_POLL_SECONDS)
    return "after the end"


@contextlib.contextmanager
def _started(command: list[str]) -> "Iterator[tuple[subprocess.Popen[bytes], Path]]":
    """The command as a process, on one thread a process, and the file of what it says."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    with tempfile.TemporaryDirectory() as place:
        log = Path(place) / "log"
        with log.open("wb") as out:
            process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=environment)
            try:
                yield process, log
            finally:
                _kill(process)


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """SIGKILL to the process and all that it started; torchrun's workers have sessions of their own."""
    with contextlib.suppress(psutil.NoSuchProcess):
        started = psutil.Process(process.pid).children(recursive=True)
        for one in (psutil.Process(process.pid), *started):
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        psutil.wait_procs(started, timeout=30)
    process.wait()


def _to_the_end(command: list[str]) -> str:
    with _started(command) as (process, log):
        process.wait()
        text = log.read_text(errors="replace")
    if process.returncode != 0:
        raise CheckpointError(f"A run failed by itself with status {process.returncode}: {text[-2000:]}")
    return text


def _steps(output: Path) -> int:
    found = [int(path.name.rpartition("-")[2]) for path in output.glob("checkpoints/checkpoint-*")]
    return max(found, default=0)


# ---- comparing ----


def differences(expected: Path, found: Path) -> list[str]:
    """Return the differences of two finished runs, a line each; times are not compared."""
    lines = []
    names = {path.relative_to(folder).as_posix() for folder in (expected, found) for path in folder.rglob("*")}
    for name in sorted(names):
        if not _is_compared(name) or (expected / name).is_dir():
            continue
        left, right = expected / name, found / name
        if not left.is_file() or not right.is_file():
            lines.append(f"{name} is only in {(expected if left.is_file() else found).name}")
        elif name.endswith((".json", ".jsonl")):
            if _untimed(left) != _untimed(right):
                lines.append(f"{name} differs")
        elif left.read_bytes() != right.read_bytes():
            lines.append(f"{name} differs in its bytes")
    return lines


def _is_compared(name: str) -> bool:
    folder, _, file = name.rpartition("/")
    if folder.startswith("checkpoints") or folder.startswith("model"):
        return file not in _NOT_COMPARED
    return name in ("metrics.json", "log.jsonl", "predictions.jsonl.gz", "baselines.json")


def _untimed(path: Path) -> Any:
    text = path.read_text()
    return _without_times(
        [json.loads(line) for line in text.splitlines()] if path.suffix == ".jsonl" else json.loads(text)
    )


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_times(item) for key, item in value.items() if not _TIMES.search(key)}
    return [_without_times(item) for item in value] if isinstance(value, list) else value
