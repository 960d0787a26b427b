"""The processes that a launcher started: how their group is closed, and what is said where one of them is gone."""

from pathlib import Path

import pytest
import torch

from nlp_transfer.errors import LostProcessError
from nlp_transfer.reporting.yaml_text import to_yaml
from nlp_transfer.training.processes import is_lost_process, naming_lost_processes
from tests.launching import launched
from tests.tiny_runs import run_tree

ENDS = """
import sys
from pathlib import Path
from accelerate import PartialState
from torch.distributed import is_initialized
from nlp_transfer.training.processes import leave_process_group
state = PartialState(cpu=True)
state.wait_for_everyone()
seen = [state.num_processes, is_initialized()]
for _ in range(2):
    leave_process_group()
    seen.append(is_initialized())
Path(sys.argv[1], str(state.process_index)).write_text(str(seen))
"""


@pytest.mark.parametrize("processes", [1, 2])
def test_the_group_of_processes_is_closed(tmp_path, processes):
    (tmp_path / "ends.py").write_text(ENDS)
    done = launched(tmp_path / "ends.py", tmp_path, processes=processes, seconds=240)
    assert done.returncode == 0, done.stderr[-3000:]
    for rank in range(processes):
        assert (tmp_path / str(rank)).read_text() == str([processes, processes > 1, False, False])


def test_a_killed_process_ends_the_other_with_a_message(tmp_path, encoder, corpus):
    tree = run_tree(encoder, corpus, tmp_path / "run", num_train_epochs=4)
    (tmp_path / "run.yaml").write_text(to_yaml(tree))
    worker = Path(__file__).with_name("killed_rank.py")
    done = launched(worker, tmp_path / "run.yaml", processes=2, seconds=240)
    assert done.returncode == 1  # torchrun's, whatever the processes end with
    assert "Signal 9 (SIGKILL)" in done.stderr
    assert "exitcode  : 76" in done.stderr
    assert "[rank0]: Traceback" not in done.stderr
    checkpoint = tmp_path / "run" / "checkpoints" / "checkpoint-6"
    assert (
        "LostProcessError: Process 0 of 2 stopped, since another process of the run has ended or does not answer. Look "
        "for its own message; one without any was killed, as by the system where memory ran out. The last good "
        f"checkpoint is {checkpoint}.\n"
    ) in done.stderr


GONE = [
    RuntimeError("[/pytorch/third_party/gloo/gloo/transport/tcp/pair.cc:537] Read error: Connection reset by peer."),
    RuntimeError("[../third_party/gloo/gloo/transport/tcp/pair.cc:547] Connection closed by peer [127.0.0.1]:1234"),
    RuntimeError("[gloo/transport/tcp/unbound_buffer.cc:81] Timed out waiting 1800000ms for recv operation"),
    torch.distributed.DistBackendError("NCCL error: ncclRemoteError: A call failed possibly due to a network error"),
    torch.distributed.DistNetworkError("The client socket has timed out after 600000ms while trying to connect"),
]
PRESENT = [
    RuntimeError("CUDA error: the launch timed out and was terminated"),
    RuntimeError("[gloo/transport/tcp/pair.cc:446] op.preamble.length <= op.nbytes. 8 vs 4"),
    torch.distributed.DistBackendError("NCCL error: ncclInvalidUsage: invalid usage"),
    ConnectionResetError("Connection reset by peer"),
]


@pytest.mark.parametrize("error", GONE, ids=str)
def test_errors_about_processes_that_are_gone(error, monkeypatch):
    monkeypatch.setenv("RANK", "3")
    monkeypatch.setenv("WORLD_SIZE", "4")
    with pytest.raises(LostProcessError, match=r"^Process 3 of 4 stopped.*ran out\. Go on\.$") as caught:  # noqa: SIM117
        with naming_lost_processes(lambda: "Go on."):
            raise error
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("error", PRESENT, ids=str)
def test_other_errors_stay_as_they_are(error):
    assert not is_lost_process(error)
    with pytest.raises(type(error)), naming_lost_processes():
        raise error
