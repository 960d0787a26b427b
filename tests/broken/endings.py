"""How a run on broken input ends: which error, in how long, with how much memory, and with what left behind.

A case takes the way of `scripts/train.py`: the command line is parsed, the configuration read, the corpora loaded and
encoded. The model is never loaded: where a run gets as far, the fault was not seen.
"""

import re
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nlp_transfer import runner
from nlp_transfer.commands.train import train
from nlp_transfer.config.command_line import parse_command
from nlp_transfer.errors import ConfigError, DataError
from nlp_transfer.reporting import prepared_run

MAX_SECONDS = 5.0
"""What a case may take; most take hundredths, and a loaded machine must not fail the suite."""

MAX_BYTES = 64 << 20
"""By how much a case may raise the process's memory, where its fault does not say otherwise."""

SHOWN_CHARACTERS = 100


@dataclass(frozen=True)
class Ending:
    """One case.

    Args:
        fault: what was broken.
        form: in which kind of file.
        error: the kind of error; empty where the run got as far as the model.
        message: its text.
        seconds: from the command line to the error.
        grown_bytes: by how much the process's peak memory was above what it held before; 0 where that is not known.
    """

    fault: str
    form: str
    error: str
    message: str
    seconds: float
    grown_bytes: int


ENDINGS: list[Ending] = []
"""Every case of this process, for the table."""


class ModelLoaded(Exception):
    """The run got as far as the model: no fault was found."""


class TooLong(BaseException):
    """The run did not end in time. No `except Exception` on its way may swallow it."""


def train_until_model(arguments: Sequence[str], fault: str, form: str, seconds: float = MAX_SECONDS) -> Ending:
    """Run scripts/train.py's way up to the model, and note the ending.

    Args:
        arguments: the command line.
        fault: what is broken, for the table.
        form: in which kind of file, for the table.
        seconds: after which the run is broken off.

    Raises:
        Exception: whatever is neither a ConfigError nor a DataError, as it came: a traceback to the user.
    """
    error, message = "", ""
    before = _resident_bytes(reset=True)
    started = time.perf_counter()
    try:
        with _broken_off(seconds), _model_forbidden():
            given = parse_command(train, list(arguments))
            runner.run(given["config"], resume=given["resume"])
    except ModelLoaded:
        pass
    except (ConfigError, DataError) as caught:
        error, message = type(caught).__name__, str(caught)
    taken = time.perf_counter() - started
    ending = Ending(fault, form, error, message, taken, max(0, _peak_bytes() - before))
    ENDINGS.append(ending)
    return ending


def tree_of(folder: Path) -> list[str]:
    """Everything under a folder, by name and size."""
    return sorted(f"{path} {path.lstat().st_size if not path.is_dir() else ''}" for path in folder.rglob("*"))


def table(endings: Sequence[Ending], hidden: str) -> str:
    """A line for every fault: how many cases, in which forms, how they ended, and the first one's message.

    Args:
        endings: the cases.
        hidden: a pattern of folders that messages are shown without.
    """
    lines = []
    for fault in dict.fromkeys(ending.fault for ending in endings):
        of_fault = [ending for ending in endings if ending.fault == fault]
        kinds = ", ".join(sorted({ending.error or "no error" for ending in of_fault}))
        message = " ".join(re.sub(hidden, "", of_fault[0].message).split())[:SHOWN_CHARACTERS]
        lines.append(f"{len(of_fault):4}  {fault} -> {kinds} -> {message}")
    slowest = max(ending.seconds for ending in endings)
    largest = max(ending.grown_bytes for ending in endings)
    lines.append(f"{len(endings):4}  cases; the slowest took {slowest:.2f} s, the largest {largest / 2**20:.0f} MiB")
    return "\n".join(lines)


@contextmanager
def _model_forbidden() -> Iterator[None]:
    def refuse(*_: Any) -> None:
        raise ModelLoaded

    whole, prepared_run.load_model = prepared_run.load_model, refuse  # type: ignore[assignment]
    try:
        yield
    finally:
        prepared_run.load_model = whole


@contextmanager
def _broken_off(seconds: float) -> Iterator[None]:
    """Raise TooLong inside the block after some seconds, also while it waits for a file."""

    def alarm(*_: Any) -> None:
        raise TooLong(f"no end after {seconds} s")

    before = signal.signal(signal.SIGALRM, alarm)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _resident_bytes(*, reset: bool) -> int:
    """What the process holds now; its peak is counted from here on. 0 where the system does not say."""
    if reset and sys.platform == "linux":
        try:
            Path("/proc/self/clear_refs").write_text("5")
        except OSError:
            return sys.maxsize  # the peak of the whole process would be measured: no growth is known
    return _status_bytes("VmRSS")


def _peak_bytes() -> int:
    return _status_bytes("VmHWM")


def _status_bytes(name: str) -> int:
    status = Path("/proc/self/status")
    found = re.search(rf"^{name}:\s+(\d+) kB", status.read_text(), re.MULTILINE) if status.exists() else None
    return int(found[1]) << 10 if found else 0
