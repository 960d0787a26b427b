import os
import subprocess
import sys

import pytest

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
    launcher = [sys.executable]
    if processes > 1:
        launcher += ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(processes)]
    done = subprocess.run(
        [*launcher, str(tmp_path / "ends.py"), str(tmp_path)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    for rank in range(processes):
        assert (tmp_path / str(rank)).read_text() == str([processes, processes > 1, False, False])
