"""Threads, processes, precision and deterministic operations."""

import io
import os
from pathlib import Path

import pytest
import torch
from joblib.externals.loky.backend import context

from nlp_transfer import TransferArguments, TransferTrainer
from nlp_transfer.errors import ConfigError, LostProcessError
from nlp_transfer.reporting.config_record import to_yaml
from nlp_transfer.training import runtime
from nlp_transfer.training.runtime import _is_lost_process, deterministic, naming_lost_processes
from tests.launching import launched
from tests.tiny_models import tiny_model
from tests.tiny_runs import run_tree


@pytest.fixture(autouse=True)
def restore():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("cores", "asked", "environment", "expected"),
    [
        (8, None, {}, 8),
        (8, None, {"LOCAL_WORLD_SIZE": "2"}, 4),
        (1, None, {"LOCAL_WORLD_SIZE": "2"}, 1),
        (8, 3, {"LOCAL_WORLD_SIZE": "2"}, 3),
        (8, None, {"OMP_NUM_THREADS": "1"}, 1),
        (8, None, {"OMP_NUM_THREADS": "3"}, 3),
        (2, None, {"OMP_NUM_THREADS": "16"}, 2),
        (8, None, {"OMP_NUM_THREADS": "nonsense"}, 8),
        (8, 4, {"OMP_NUM_THREADS": "1"}, 4),
        (8, None, {"OMP_NUM_THREADS": "1", "ACCELERATE_MIXED_PRECISION": "no"}, 8),  # accelerate's own, nobody's wish
        (8, None, {"OMP_NUM_THREADS": "1", "TORCHELASTIC_RUN_ID": "x", "LOCAL_WORLD_SIZE": "2"}, 4),
        (8, None, {"OMP_NUM_THREADS": "2", "ACCELERATE_MIXED_PRECISION": "no"}, 2),
    ],
)
def test_cores_are_shared_among_processes_and_as_the_environment_asks(monkeypatch, cores, asked, environment, expected):
    monkeypatch.setattr(runtime, "available_cores", lambda: cores)
    for name in [name for name in os.environ if name.startswith(("OMP_NUM", "LOCAL_WORLD", "ACCELERATE_", "TORCHEL"))]:
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert runtime.use_cores(asked) == expected == torch.get_num_threads()


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"cpu.max": "200000 100000"}, 2),
        ({"cpu.max": "150000 100000"}, 2),  # rounded up
        ({"cpu.max": "max 100000"}, 8),
        ({"cpu/cpu.cfs_quota_us": "300000", "cpu/cpu.cfs_period_us": "100000"}, 3),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 8),
        ({}, 8),
    ],
)
def test_the_quota_of_a_container_limits_the_cores(monkeypatch, tmp_path, files, expected):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text + "\n")

    def placed(path):
        return str(path).replace("/sys/fs/cgroup", str(tmp_path))

    monkeypatch.delenv("LOKY_MAX_CPU_COUNT", raising=False)
    monkeypatch.setattr(context, "open", lambda path: io.StringIO(Path(placed(path)).read_text()), raising=False)
    monkeypatch.setattr(context, "_cpu_count_affinity", lambda _: 8)
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.setattr(os.path, "exists", lambda path: Path(placed(path)).is_file())
    assert runtime.available_cores() == expected


def test_the_affinity_limits_the_cores():
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        assert runtime.available_cores() == 1
    finally:
        os.sched_setaffinity(0, before)
    assert 1 <= runtime.available_cores() <= len(before)


def test_no_threads_at_all_is_refused():
    with pytest.raises(ConfigError, match=r"training\.cpu_threads is 0; expected at least 1"):
        TransferArguments(output_dir="x", use_cpu=True, cpu_threads=0)


ENDS = """
import sys
from pathlib import Path
from torch.distributed import group, is_initialized
from accelerate import PartialState
from nlp_transfer.training.runtime import leave_process_group

def gloo_threads():
    return sum("gloo" in name.read_text() for name in Path("/proc/self/task").glob("*/comm"))

class Network:
    def __init__(self):
        self.cycle, self.group = self, group.WORLD

state = PartialState(cpu=True)
Network()
state.wait_for_everyone()
seen = [state.num_processes, is_initialized(), gloo_threads() > 0]
for _ in range(2):
    leave_process_group()
    seen += [is_initialized(), gloo_threads() > 0]
Path(sys.argv[1], str(state.process_index)).write_text(str(seen))
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are counted in Linux's /proc")
@pytest.mark.parametrize("processes", [1, 2])
def test_the_process_group_and_its_threads_are_closed(tmp_path, processes):
    (tmp_path / "ends.py").write_text(ENDS)
    done = launched(tmp_path / "ends.py", tmp_path, processes=processes, seconds=240)
    assert done.returncode == 0, done.stderr[-3000:]
    several = processes > 1
    for rank in range(processes):
        assert (tmp_path / str(rank)).read_text() == str([processes, several, several, False, False, False, False])


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
        "for its own message; one without any was killed, as where memory ran out. The last good checkpoint "
        f"is {checkpoint}.\n"
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
    assert not _is_lost_process(error)
    with pytest.raises(type(error)), naming_lost_processes():
        raise error


def test_trainers_of_one_process_may_have_other_precisions(tmp_path):
    for number, precision in enumerate(({}, {"bf16": True}, {})):
        arguments = TransferArguments(str(tmp_path / str(number)), report_to="none", use_cpu=True, **precision)
        trainer = TransferTrainer(tiny_model("bert"), arguments)
        assert trainer.accelerator.mixed_precision == ("bf16" if precision else "no")


def test_nothing_changes_on_a_cpu():
    with deterministic(torch.device("cpu")):
        assert not torch.are_deterministic_algorithms_enabled()


def test_on_a_gpu_deterministic_operations_are_asked_for(monkeypatch):
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")
    with deterministic(torch.device("cuda")):
        assert torch.are_deterministic_algorithms_enabled()
        assert torch.is_deterministic_algorithms_warn_only_enabled()
    assert not torch.are_deterministic_algorithms_enabled()
