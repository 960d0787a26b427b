"""Describe the machine of a run: hardware and its arithmetic, library versions, and peak memory."""

import platform
import re
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from transformers import TrainingArguments

PACKAGES = ("nlp-transfer", "torch", "transformers", "datasets", "accelerate", "peft", "evaluate", "scikit-learn")
"""Distributions whose versions can change a number."""


def library_versions() -> dict[str, str | None]:
    """Return the versions of Python and of `PACKAGES`, by name; None for what is not installed."""
    found: dict[str, str | None] = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def hardware(arguments: "TrainingArguments") -> str:
    """Return device and floating-point numbers of a trainer, such as `2 x NVIDIA H100, bf16`."""
    numbers = "bf16" if arguments.bf16 else "fp16" if arguments.fp16 else "float32"
    count = f"{arguments.world_size} x " if arguments.world_size > 1 else ""
    return f"{count}{device_name(arguments.device)}, {numbers}"


def device_name(device: "torch.device") -> str:
    """Return the name of a GPU, or of the processor."""
    if device.type != "cuda":
        return processor_name()
    import torch

    return torch.cuda.get_device_name(device)


def processor_name(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """Return the processor's name, from Linux's `cpuinfo`; its architecture where that is missing."""
    if cpuinfo.is_file() and (found := re.search(r"^model name\s*:\s*(.+)$", cpuinfo.read_text(), re.MULTILINE)):
        return found[1]
    return platform.processor() or platform.machine()


def peak_memory_bytes() -> int | None:
    """Return the peak main memory of this process so far; None where the system has no such number (Windows)."""
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # macOS counts bytes, others KiB


def peak_gpu_bytes() -> int | None:
    """Return the peak memory of tensors on this process's GPU; None without a GPU in use."""
    torch = sys.modules.get("torch")  # not imported: nothing can be on a GPU
    if torch is None or not torch.cuda.is_available() or not torch.cuda.is_initialized():
        return None
    return int(torch.cuda.max_memory_allocated())
