"""End a command with an exit status, and print errors that the user can mend as text."""

import contextlib
import errno
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from nlp_transfer.errors import LostProcessError, NLPTransferError
from nlp_transfer.progress import is_terminal

BAD_INPUT = 2  # an error that the user can mend
INTERRUPTED = 130  # Ctrl-C, as shells have it
RESUMABLE = 75  # a signal stopped the run, and `--resume` continues it; sysexits' EX_TEMPFAIL
NOT_PUSHED = 69  # the run is finished, and its model did not get to the Hub; sysexits' EX_UNAVAILABLE
LOST_PROCESS = 76  # another process of the run ended; sysexits' EX_PROTOCOL
PIPE_CLOSED = 141  # the reader of standard output closed it; as shells have it after SIGPIPE

NO_ROOM_OR_RIGHT = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EPERM, errno.EROFS)
"""System errors that the user can mend."""


class ExitStatus:
    """Hold the exit status of `quiet_exit`."""

    code: int = 0


@contextlib.contextmanager
def quiet_exit() -> Iterator[ExitStatus]:
    """Print errors that the user can mend as text, once for all processes that have the same one.

    Every command runs inside, and imports what is heavy there.
    """
    status = ExitStatus()
    _leave_script_folder()
    if not is_terminal(sys.stderr):
        os.environ.setdefault("TQDM_DISABLE", "1")  # bars of the libraries; it is read when tqdm is imported
    try:
        with printed_messages():
            yield status
        sys.stdout.flush()  # while an error can still be reported
    except LostProcessError as error:
        with contextlib.suppress(ValueError):  # outside of the main thread
            signal.signal(signal.SIGTERM, signal.SIG_IGN)  # by which launchers end those that are left
        status.code = LOST_PROCESS
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
    except NLPTransferError as error:
        status.code = BAD_INPUT
        _print_error(f"{type(error).__name__}: {error}")
    except BrokenPipeError:
        discard_output()
        status.code = status.code or PIPE_CLOSED
        _report_closed_pipe()
    except OSError as error:
        if error.errno not in NO_ROOM_OR_RIGHT:
            raise
        status.code = BAD_INPUT
        _print_error(f"{error.filename or 'A file'} cannot be written or read: {error.strerror}.")
    except KeyboardInterrupt:
        status.code = INTERRUPTED
        if is_main_process():
            print("Interrupted.", file=sys.stderr)


@contextlib.contextmanager
def printed_messages() -> Iterator[None]:
    """Print the package's messages: progress to standard output of the main process, warnings to standard error."""
    logger, printing = logging.getLogger("nlp_transfer"), _Printing()
    level, propagate = logger.level, logger.propagate
    logger.addHandler(printing)
    logger.setLevel(logging.INFO)
    logger.propagate = False  # a library that sets up the root logger would print each message a second time
    try:
        yield
    finally:
        logger.removeHandler(printing)
        logger.setLevel(level)
        logger.propagate = propagate


class _Printing(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        write: Callable[..., Any] = sys.modules["tqdm"].tqdm.write if "tqdm" in sys.modules else print  # above a bar
        if record.levelno >= logging.WARNING:
            write(self.format(record), file=sys.stderr)
        elif is_main_process():
            write(self.format(record), file=sys.stdout)


@contextlib.contextmanager
def reader_may_leave() -> Iterator[None]:
    """End a command's output quietly where nobody reads it any more, as after `head`."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        discard_output()


def discard_output() -> None:
    """Send the buffer to nowhere, which would fail again when Python ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _report_closed_pipe() -> None:
    if not is_main_process():
        return
    try:
        print(
            "The output was closed before the end, as `head` does it, and the command stopped there. Read it to its "
            "end, or write it to a file. A run that had begun goes on with --resume.",
            file=sys.stderr,
            flush=True,
        )
    except OSError:  # closed as well: nobody reads
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def _leave_script_folder() -> None:
    """Take the running script's folder off the import path, where its evaluate.py hides the package `evaluate`."""
    script = getattr(sys.modules["__main__"], "__file__", None)
    if script is None or not (Path(script).parent / "evaluate.py").is_file():
        return
    folder = Path(script).parent.resolve()
    sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != folder]


_MESSAGE_KEY = "nlp_transfer/message"  # the first process leaves its last message under it, for the others
_PATIENCE = 5.0  # seconds that the others wait for it


def _print_error(message: str) -> None:
    """Print a message: on the first process of each machine, and on others unless the first one ends with the same."""
    distributed: Any = sys.modules.get("torch.distributed")
    store = None
    if distributed is not None and distributed.is_available() and distributed.is_initialized():
        store = distributed.distributed_c10d._get_default_store()
    if store is not None and is_main_process():
        with contextlib.suppress(RuntimeError):
            store.set(_MESSAGE_KEY, message)
    elif store is not None:
        with contextlib.suppress(RuntimeError):  # the store went with the process that held it
            until = time.monotonic() + _PATIENCE
            while not store.check([_MESSAGE_KEY]) and time.monotonic() < until:
                time.sleep(0.1)
            if store.check([_MESSAGE_KEY]) and store.get(_MESSAGE_KEY).decode() == message:
                return
        message = f"Process {os.environ.get('RANK')}: {message}"
    elif os.environ.get("LOCAL_RANK", os.environ.get("RANK", "0")) != "0":
        return
    print(message, file=sys.stderr)


def is_main_process() -> bool:
    """Return whether this is the first process; known before torch is imported."""
    return os.environ.get("RANK", "0") == "0"
