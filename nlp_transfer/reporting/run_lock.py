"""Lock a run's folder; the system releases the lock when the process dies, however it dies."""

import os
import socket
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from nlp_transfer.errors import CheckpointError

LOCK = ".run.lock"
"""The lock's file in a run's folder; it is empty, and gone when the run is finished."""

ORPHANS_SECONDS = 10.0
"""How long the data workers of a killed run may live on; they hold its lock until they notice."""


class RunLock:
    """Lock a run's folder, which must exist."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = FileLock(folder / LOCK)

    def acquire(self, holder: dict[str, Any]) -> None:
        """Take the lock; raise CheckpointError if another run holds it. `holder` wrote `run.json` last."""
        dead = holder.get("host") == socket.gethostname() and not _lives(holder.get("pid", 0))
        try:
            self._lock.acquire(timeout=ORPHANS_SECONDS if dead else 0)
        except Timeout as error:
            who = f"process {holder['pid']} on {holder['host']}" if holder else "another process"
            raise CheckpointError(
                f"{self.folder} is in use: {who} runs there now. Wait for its end, or choose another "
                "training.output_dir."
            ) from error

    def release(self) -> None:
        """Give the lock back and delete its file."""
        if self._lock.is_locked:
            (self.folder / LOCK).unlink(missing_ok=True)
            self._lock.release()


def this_process() -> dict[str, Any]:
    """Return the process as `run.json` records it."""
    return {"pid": os.getpid(), "host": socket.gethostname()}


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return pid > 0
