"""Stop at a point from which the run can go on when SIGTERM, SIGINT or SIGUSR1 comes.

Clusters send SIGTERM or SIGUSR1 before they take a machine away; Ctrl-C sends SIGINT. While the trainer trains, the
step is finished and saved first; at other times the run stops at once, and loses what is not saved (of a method's own
steps, at most five minutes). A second SIGINT stops at once whatever goes on.
"""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, Self

from nlp_transfer.errors import RunInterrupted

SIGNALS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGUSR1") if hasattr(signal, name))


class StopSignals:
    """Catch the signals inside of this context; `received` is the first that came, or None."""

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self._deferring = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():  # elsewhere Python cannot catch them
            self._before = {number: signal.signal(number, self._catch) for number in SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextlib.contextmanager
    def deferred(self) -> Iterator[None]:
        """Only note a signal while this lasts: the caller looks at `received` where it can stop."""
        self._deferring = True
        try:
            yield
        finally:
            self._deferring = False
        if self.received is not None:  # it came after the last look
            raise self.interrupted("training had ended, and the scores were not yet computed")

    def interrupted(self, where: str) -> RunInterrupted:
        """Return the error to raise for the signal that came, on this process or another."""
        name = self.received.name if self.received is not None else "A signal to another process"
        return RunInterrupted(f"{name}: {where}.")

    def _catch(self, number: int, _: FrameType | None) -> None:
        again, self.received = self.received, self.received or signal.Signals(number)
        if again is not None and number == signal.SIGINT:
            raise RunInterrupted("SIGINT came again: stopped at once. The last whole checkpoint stands.", at_once=True)
        if not self._deferring:
            raise self.interrupted("no step was being made that had to be finished")


def start_worker(begin_worker: Callable[[int], None] | None, worker: int) -> None:
    """Let a data worker ignore signals, which go to a whole process group, until its step is finished."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    if begin_worker is not None:
        begin_worker(worker)
