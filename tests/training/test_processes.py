import pytest

from tests.launching import launched

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
