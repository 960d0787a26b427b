"""How many threads a process computes with on a CPU.

`accelerate launch` without a launcher file sets OMP_NUM_THREADS to 1 and says nothing: a run on a machine without a GPU
then uses one of its cores. Here a run takes all cores, shared among the processes of the machine.
"""

import os

import torch


def available_cores() -> int:
    """The cores this process may use, which in a container or batch job are fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def use_cores(threads: int | None) -> int:
    """Set the number of threads that PyTorch computes with, and return it.

    Args:
        threads: of this process; None shares the machine's cores among its processes.
    """
    processes = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    count = threads if threads is not None else max(1, available_cores() // processes)
    torch.set_num_threads(count)
    return count
