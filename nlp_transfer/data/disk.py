"""Looking at the disk, with every way in which that can fail put in words.

A file that may not be read, or a folder that may not be listed, is never passed over: its rows would be lost.
"""

import contextlib
import errno
import functools
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from nlp_transfer.errors import DataError


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Look at files and folders inside.

    Args:
        path: what messages name where the system names nothing.

    Raises:
        DataError: the system refused; names the path and its reason.
    """
    try:
        yield
    except OSError as error:
        raise unreadable(error.filename or path, error) from error


def unreadable(path: object, error: OSError) -> DataError:
    """The error for what the system does not let be read."""
    advice = "Check that it is there and whole, or name another."
    if error.errno in (errno.EACCES, errno.EPERM):
        advice = "Get the right to read it (`ls -ld` shows who has it; a folder needs r and x), or name another."
    return DataError(f"{path} cannot be read: {error.strerror or error}. {advice}")


def files_under(folder: Path) -> Iterator[Path]:
    """The files at any depth, as `entries_under` finds them."""
    return (path for path in entries_under(folder) if path.is_file())


def entries_under(folder: Path) -> Iterator[Path]:
    """Everything at any depth, in no order: files, folders, pipes, and links; links to folders are not followed.

    Raises:
        OSError: a folder cannot be listed, which `Path.rglob` passes over in silence.
    """

    def refuse(error: OSError) -> None:
        raise error

    for parent, folders, others in os.walk(folder, onerror=refuse):
        yield from (Path(parent) / name for name in (*folders, *others))


def file_digest(path: Path) -> str:
    """Return the SHA-256 (hex) of a file's bytes.

    Size and time of change only spare a second read within one process: another file of the same size and time, as
    `cp -p` or an archive makes it, has another digest in the next process.

    Raises:
        OSError: the file cannot be read.
    """
    status = path.stat()
    return _digest(path.resolve(), status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


@functools.lru_cache(maxsize=100_000)
def _digest(path: Path, *_state: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def lock(descriptor: int) -> None:
    """Lock an open file or folder until it is closed or its process ends.

    Raises:
        OSError: another process holds it, or the disk has no such locks.
    """
    if os.name != "posix":
        raise OSError(errno.ENOLCK, "no locks of this kind here")
    import fcntl

    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def open_locked(path: Path, mode: int = 0o666) -> BinaryIO:
    """Open a temporary file to write, locked, with the given permissions.

    Another process may delete it as abandoned before the lock is taken; then it is made again.
    """
    while True:
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0)
        file = os.fdopen(os.open(path, flags, mode), "wb")
        with contextlib.suppress(OSError):  # a disk without locks: nothing there is taken for abandoned
            lock(file.fileno())
        if path.exists():
            return file
        file.close()


def delete_unlocked(path: Path) -> None:
    """Delete a temporary file or folder, unless the process that writes it lives and so holds its `lock`."""
    with contextlib.suppress(OSError):
        held = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
        try:
            lock(held)
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
        finally:
            os.close(held)


def private_folder(path: Path) -> Path:
    """Make a folder that only its owner may open, or close one that is there. Returns its path.

    Raises:
        OSError: the system refuses, as it does for a folder of another user.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.chmod(0o700)
    return path


def private_file(path: Path) -> int:
    """Open a new file to write that only its owner may read, for `os.fdopen`. Returns its descriptor."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
