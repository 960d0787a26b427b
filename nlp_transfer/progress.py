"""Show how far a stage has come: a bar in a terminal, plain lines in a log file, a pipe or a dumb terminal."""

import os
import sys
import time
from collections.abc import Iterable, Iterator, Sized
from typing import Any, Self, TextIO, TypeVar

LINE_SECONDS = 30.0
"""Seconds between two plain lines of a stage."""

Item = TypeVar("Item")


def is_terminal(stream: TextIO | None) -> bool:
    """Return whether a stream is a terminal on which a line can be drawn again."""
    return stream is not None and stream.isatty() and os.environ.get("TERM") != "dumb"


def duration(seconds: float) -> str:
    """Return seconds as text.

    Example:
        >>> [duration(s) for s in (0.25, 59.6, 61, 7325)]
        ['0.2 s', '60 s', '1 min 1 s', '2 h 2 min']
    """
    if seconds < 60.5:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def stage_bar(
    stage: str, total: int | None, *, unit: str = "", initial: int = 0, leave: bool = True, quiet: bool = False
) -> Any:
    """Return tqdm's bar with the name of its stage, or `StageLines` where standard error is no terminal.

    Args:
        total: how much there is to do, if known.
        unit: of what is counted, in thousands and millions; a step or a batch without one.
        initial: what an interrupted run had done.
        leave: keep the bar at its end.
        quiet: show nothing, as on other processes than the first.
    """
    if quiet or not is_terminal(sys.stderr):
        return StageLines(stage, total, unit, initial, quiet=quiet)
    from tqdm import tqdm

    units = {"unit": f" {unit}", "unit_scale": True} if unit else {}
    return tqdm(total=total, desc=stage, initial=initial, leave=leave, dynamic_ncols=True, **units)


def counted(items: Iterable[Item], stage: str, *, unit: str = "", quiet: bool = False) -> Iterator[Item]:
    """Yield items, and show how many were done; see `stage_bar`.

    Example:
        >>> list(counted([1, 2], "Fitting heads", quiet=True))
        [1, 2]
    """
    total = len(items) if isinstance(items, Sized) else None
    with stage_bar(stage, total, unit=unit, quiet=quiet) as bar:
        for item in items:
            yield item
            bar.update(1)


class StageLines:
    """Print a line on standard error from time to time, in place of a bar; it has tqdm's methods.

    Example:
        >>> lines = StageLines("Training", 90)
        >>> lines.update(30)
        >>> lines.text()
        'Training: 30 of 90, 00:00 so far, about 00:00 left'
    """

    def __init__(self, stage: str, total: int | None, unit: str = "", initial: int = 0, *, quiet: bool = False) -> None:
        self.stage, self.total, self.unit, self.quiet = stage, total, f" {unit}" if unit else "", quiet
        self._done = self._before = initial
        self._started = self._printed = time.monotonic()

    def update(self, count: int = 1) -> None:
        """Count, and print a line if the last one is long ago."""
        self._done += count
        if not self.quiet and time.monotonic() - self._printed >= LINE_SECONDS:
            self._printed = time.monotonic()
            print(self.text(), file=sys.stderr, flush=True)

    def text(self) -> str:
        """Return the line."""
        from tqdm import tqdm

        passed = time.monotonic() - self._started
        line = f"{self.stage}: {self._done:,}{{}}{self.unit}, {tqdm.format_interval(passed)} so far"
        if self.total is None:
            return line.format("")
        left = passed / max(self._done - self._before, 1) * (self.total - self._done)
        return f"{line.format(f' of {self.total:,}')}, about {tqdm.format_interval(left)} left"

    def write(self, line: str) -> None:
        """Print a line of the log on standard output."""
        print(line, flush=True)

    def close(self) -> None:
        """End; prints nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
