"""The same configuration and seed give the same bytes, as far as the machine's operations allow.

On a CPU they do. On a GPU some operations add in whatever order their threads finish; their deterministic forms are
asked for here, and an operation that has none is named, once.
Reference: https://docs.pytorch.org/docs/stable/notes/randomness.html
"""

import contextlib
import os
import re
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import torch

_UNDETERMINED = re.compile(r"(\S+) does not have a deterministic implementation")


@contextlib.contextmanager
def deterministic(device: torch.device, say: Callable[[str], None]) -> Iterator[list[str]]:
    """Ask for deterministic operations while this lasts.

    Args:
        device: what is computed on; nothing changes on a CPU.
        say: is told of each operation that has no deterministic form.

    Yields:
        The names of those operations, as they are met.
    """
    met: list[str] = []
    if device.type == "cpu":
        yield met
        return
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when cuBLAS starts
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    fill = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.use_deterministic_algorithms(True, warn_only=True)
    show = warnings.showwarning

    def note(message: Any, *args: Any, **kwargs: Any) -> None:
        found = _UNDETERMINED.search(str(message))
        if found is None:
            show(message, *args, **kwargs)
        elif found[1] not in met:
            met.append(found[1])
            say(f"{found[1]} has no deterministic form on this device: another run may differ in the last digits.")

    warnings.showwarning = note
    try:
        yield met
    finally:
        warnings.showwarning = show
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        torch.utils.deterministic.fill_uninitialized_memory = fill  # type: ignore[attr-defined]
