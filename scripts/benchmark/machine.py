"""The machine: its rate of matrix products, its memory and its description."""

import hashlib
import os
import re
import statistics
import time
from pathlib import Path
from typing import Any

import psutil
import torch

import nlp_transfer
from nlp_transfer.reporting.environment import device_name, library_versions, peak_memory_bytes
from nlp_transfer.training.runtime import available_cores
from scripts.benchmark.settings import Precision

PRODUCT_SIZES = {"cpu": 2048, "cuda": 8192}
"""Rows and columns of the matrices that are multiplied: large enough that nothing but the product counts."""

PRODUCTS = 7
"""Number of products that are timed; their median counts."""


def matrix_product_rate(device: torch.device, precision: Precision, size: int | None = None) -> float:
    """Return the operations a second of a large square matrix product, the median of several.

    Args:
        device: where to multiply.
        precision: of the matrices.
        size: rows and columns; None is the device's of `PRODUCT_SIZES`.
    """
    size = size or PRODUCT_SIZES[device.type]
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    generator = torch.Generator().manual_seed(0)
    left, right = (torch.randn(size, size, generator=generator).to(device, dtype) for _ in range(2))
    seconds = []
    with torch.inference_mode():
        for _ in range(PRODUCTS + 1):
            synchronize(device)
            started = time.perf_counter()
            torch.mm(left, right)
            synchronize(device)
            seconds.append(time.perf_counter() - started)
    return 2 * size**3 / statistics.median(seconds[1:])  # the first one sets things up


def synchronize(device: torch.device) -> None:
    """Wait until the device has finished its work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


class Meter:
    """Time a block and find its peak memory: of the process on a CPU, of tensors on a GPU.

    Attributes:
        seconds: wall time of the block.
        before_bytes: what was held when it began: libraries, rows and the loaded model.
        peak_bytes: the most that was held until it ended. On a CPU since the process began, because not every system
            lets that be reset.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.seconds = 0.0
        self.before_bytes = 0
        self.peak_bytes = 0
        self._started = 0.0

    def __enter__(self) -> "Meter":
        synchronize(self.device)
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)
            self.before_bytes = torch.cuda.memory_allocated(self.device)
        else:
            self.before_bytes = psutil.Process().memory_info().rss
        self._started = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        synchronize(self.device)
        self.seconds = time.perf_counter() - self._started
        on_gpu = self.device.type == "cuda"
        peak = torch.cuda.max_memory_allocated(self.device) if on_gpu else peak_resident_bytes()
        self.peak_bytes = max(peak, self.before_bytes)  # Linux notes a new peak a little late


def peak_resident_bytes(status: Path = Path("/proc/self/status")) -> int:
    """Return the peak main memory of this process.

    Linux's VmHWM where there is one: `ru_maxrss` of a new process begins with what its parent held.

    Args:
        status: the file in which Linux says so.
    """
    if status.is_file() and (found := re.search(r"^VmHWM:\s+(\d+) kB", status.read_text(), re.MULTILINE)):
        return int(found[1]) * 1024
    return peak_memory_bytes() or 0


def environment(device: torch.device) -> dict[str, Any]:
    """Return what a time depends on: processor or GPU, cores, library versions, and this package's own code."""
    return {
        "device": device.type,
        "device_name": device_name(device),
        "cores": available_cores(),
        "omp_num_threads": os.environ.get("OMP_NUM_THREADS"),
        "versions": library_versions(),
        "code": code_fingerprint(Path(nlp_transfer.__file__).parent),
    }


def code_fingerprint(folder: Path) -> str:
    """Return the SHA-256 (hex) of the Python files of a folder; between two releases the version is the same."""
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*.py")):
        digest.update(f"{file.relative_to(folder).as_posix()}\0".encode() + file.read_bytes() + b"\0")
    return digest.hexdigest()
