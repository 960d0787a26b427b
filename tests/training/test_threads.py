"""Threads of a CPU run."""

import pytest
import torch

from nlp_transfer import TransferArguments
from nlp_transfer.errors import ConfigError
from nlp_transfer.training import threads


@pytest.fixture(autouse=True)
def restore():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("cores", "processes", "asked", "expected"),
    [(8, "1", None, 8), (8, "2", None, 4), (1, "2", None, 1), (8, "2", 3, 3)],
)
def test_cores_are_shared_among_the_processes_of_a_machine(monkeypatch, cores, processes, asked, expected):
    monkeypatch.setattr(threads, "available_cores", lambda: cores)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", processes)
    assert threads.use_cores(asked) == expected == torch.get_num_threads()


def test_no_threads_at_all_is_refused():
    with pytest.raises(ConfigError, match=r"training\.cpu_threads is 0; expected at least 1"):
        TransferArguments(output_dir="x", use_cpu=True, cpu_threads=0)
