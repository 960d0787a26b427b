"""What a run ran on: library versions, and the most memory it held."""

import platform
import sys
from importlib.metadata import PackageNotFoundError, version

PACKAGES = ("nlp-transfer", "torch", "transformers", "datasets", "accelerate", "peft", "evaluate", "scikit-learn")
"""The distributions whose versions can change a number."""


def library_versions() -> dict[str, str | None]:
    """Versions of Python and of `PACKAGES`, by name; None for what is not installed."""
    found: dict[str, str | None] = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def peak_memory_bytes() -> int | None:
    """The most main memory this process has held so far; None where the system does not say (Windows)."""
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # macOS counts bytes, others KiB


def peak_gpu_bytes() -> int | None:
    """The most memory that tensors have held on this process's GPU; None without a GPU in use."""
    torch = sys.modules.get("torch")  # not imported: nothing can be on a GPU
    if torch is None or not torch.cuda.is_available() or not torch.cuda.is_initialized():
        return None
    return int(torch.cuda.max_memory_allocated())
