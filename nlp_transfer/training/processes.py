"""The group of processes that a launcher started."""

import contextlib
import os
from collections.abc import Callable, Iterator

import torch
from accelerate import PartialState

from nlp_transfer.errors import LostProcessError

_BROKEN_OFF = (
    "closed by peer",
    "reset by peer",
    "broken pipe",
    "timed out",
    "remote process exited",
    "ncclremoteerror",
    "connectfullmesh failed",
)
"""How gloo and NCCL word that another process does not answer any more, in lower case."""


def leave_process_group() -> None:
    """Close the group, at an end that all its processes come to; nothing happens where there is none.

    A process that ends inside a gloo group is now and then aborted by the group's own threads, in the midst of the
    interpreter's end ("terminate called without an active exception", pytorch/pytorch#190489), after all was done: the
    launcher then calls a finished run failed.
    """
    PartialState().destroy_process_group()


@contextlib.contextmanager
def naming_lost_processes(advice: Callable[[], str] = str) -> Iterator[None]:
    """Turn what the libraries raise where another process has ended into an error that says so.

    Args:
        advice: what to do, asked for when it happens.

    Raises:
        LostProcessError: another process of the run ended, or does not answer.
    """
    try:
        yield
    except RuntimeError as error:
        if not is_lost_process(error):
            raise
        rank, count = (os.environ.get(name, "?") for name in ("RANK", "WORLD_SIZE"))
        raise LostProcessError(
            f"Process {rank} of {count} stopped, since another process of the run has ended or does not answer. Look "
            "for its own message; one without any was killed, as by the system where memory ran out. "
            f"{advice()}".rstrip()
        ) from error


def is_lost_process(error: RuntimeError) -> bool:
    """Return whether an error of gloo, NCCL or the rendezvous is about another process that has gone."""
    text = str(error).lower()
    of_group = isinstance(error, torch.distributed.DistError) or "gloo" in text or "nccl" in text
    return of_group and any(words in text for words in _BROKEN_OFF)
