"""The machine under a run: threads, processes, precision, deterministic operations and random states."""

import contextlib
import gc
import os
from collections.abc import Callable, Iterator
from typing import Any, Literal

import joblib
import torch
from accelerate import PartialState
from accelerate.state import AcceleratorState
from torch import Tensor
from transformers import TrainingArguments

from nlp_transfer.errors import LostProcessError
from nlp_transfer.models.speed.precision import has_native_bf16

Precision = Literal["auto", "fp32", "bf16"]

_BROKEN_OFF = (
    "closed by peer",
    "reset by peer",
    "broken pipe",
    "timed out",
    "remote process exited",
    "ncclremoteerror",
    "connectfullmesh failed",
)
"""Parts of gloo's and NCCL's messages that another process does not answer any more."""


def available_cores() -> int:
    """Return how many cores this process may use, by its affinity and by the quota of its container or batch job."""
    return int(joblib.cpu_count())


def use_cores(threads: int | None) -> int:
    """Set the number of threads that PyTorch computes with, and return it.

    None is OMP_NUM_THREADS, but for the 1 that launchers of several processes set of their own, else the cores shared
    among the processes of the machine.
    """
    processes = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    count = threads if threads is not None else max(1, available_cores() // processes)
    asked = os.environ.get("OMP_NUM_THREADS", "")
    launched = any(name.startswith(("ACCELERATE_", "TORCHELASTIC_")) for name in os.environ)
    if threads is None and asked.isdecimal() and int(asked) and not (launched and asked == "1"):
        count = min(count, int(asked))
    torch.set_num_threads(count)
    return count


def allow_precision(arguments: TrainingArguments) -> None:
    """Let a trainer compute in its precision, where an earlier one of this process had another."""
    wanted = "bf16" if arguments.bf16 else "fp16" if arguments.fp16 else "no"
    if AcceleratorState._shared_state.get("_mixed_precision", wanted) != wanted:
        AcceleratorState._reset_state()  # accelerate would raise


def leave_process_group() -> None:
    """Close the process group and its threads, if there is one; every process of the run calls this at its end.

    A gloo thread that is alive when the interpreter ends can abort the process (pytorch/pytorch#190489). Reference
    cycles hold trained networks, and these the group: they are collected here.
    """
    gc.collect()
    PartialState().destroy_process_group()


@contextlib.contextmanager
def naming_lost_processes(advice: Callable[[], str] = str) -> Iterator[None]:
    """Turn what the libraries raise where another process has ended into a LostProcessError with advice."""
    try:
        yield
    except RuntimeError as error:
        if not _is_lost_process(error):
            raise
        rank, count = (os.environ.get(name, "?") for name in ("RANK", "WORLD_SIZE"))
        raise LostProcessError(
            f"Process {rank} of {count} stopped, since another process of the run has ended or does not answer. Look "
            f"for its own message; one without any was killed, as where memory ran out. {advice()}".rstrip()
        ) from error


def _is_lost_process(error: RuntimeError) -> bool:
    """Return whether an error of gloo, NCCL or the rendezvous is about another process that has gone."""
    text = str(error).lower()
    of_group = isinstance(error, torch.distributed.DistError) or "gloo" in text or "nccl" in text
    return of_group and any(words in text for words in _BROKEN_OFF)


@contextlib.contextmanager
def deterministic(device: torch.device) -> Iterator[None]:
    """Ask for deterministic operations; PyTorch warns of each operation that has no such form.

    On a CPU the same configuration and seed give the same bytes without it. On a GPU some operations add in whatever
    order their threads finish.
    Reference: https://docs.pytorch.org/docs/stable/notes/randomness.html
    """
    if device.type == "cpu":
        yield
        return
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when cuBLAS starts
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    fill = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        torch.utils.deterministic.fill_uninitialized_memory = fill  # type: ignore[attr-defined]


def random_state(device: torch.device) -> tuple[Tensor, Any]:
    """Return PyTorch's random state on the CPU and on the GPU that is trained on."""
    return torch.get_rng_state(), torch.cuda.get_rng_state(device) if device.type == "cuda" else None


def set_random_state(state: tuple[Tensor, Any], device: torch.device) -> None:
    """Restore PyTorch's random state."""
    torch.set_rng_state(state[0])
    if state[1] is not None:
        torch.cuda.set_rng_state(state[1], device)


def uses_bf16(precision: Precision, device_type: str) -> bool:
    """Return whether training under `precision` runs in bf16 autocast on that device."""
    return precision == "bf16" or (precision == "auto" and has_native_bf16(device_type))


def use_float32(trainer: Any) -> None:
    """Let a trained trainer predict in float32, as whoever loads the model will; a sharded model stays as it is."""
    if not (trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled):
        trainer.accelerator.native_amp = False
        trainer.model = trainer.accelerator.unwrap_model(trainer.model, keep_fp32_wrapper=False)
        trainer.model_wrapped = trainer.model
