"""The group of processes that a launcher started."""

from accelerate import PartialState


def leave_process_group() -> None:
    """Close the group, at an end that all its processes come to; nothing happens where there is none.

    A process that ends inside a gloo group is now and then aborted by the group's own threads, in the midst of the
    interpreter's end ("terminate called without an active exception", pytorch/pytorch#190489), after all was done: the
    launcher then calls a finished run failed.
    """
    PartialState().destroy_process_group()
