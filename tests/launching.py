"""Scripts started as a user starts them, alone or by torchrun over gloo, and never waited for without an end."""

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[1]


def launched(
    script: Path,
    *words: str | Path,
    processes: int = 1,
    seconds: float = 600,
    environment: Mapping[str, str] | None = None,
) -> "subprocess.CompletedProcess[str]":
    """Run a script to its end, or stop it and all that it started.

    Output goes to files: a pipe stays open, and is waited for, as long as any process that was left behind holds it.

    Args:
        script: what to run.
        words: its arguments.
        processes: more than one are started by torchrun.
        seconds: after these it counts as hung and is killed; `stderr` ends with a line that says so.
        environment: variables beside those that are always set.
    """
    launcher = [sys.executable]
    if processes > 1:
        launcher += ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(processes)]
    command = [*launcher, str(script), *map(str, words)]
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **(environment or {})}
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as error:
        process = subprocess.Popen(command, cwd=ROOT, env=variables, stdin=subprocess.DEVNULL, stdout=out, stderr=error)
        hung = ""
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            hung = f"{script.name} did not end within {seconds:.0f} s"
        finally:
            _kill(process)
        out.seek(0)
        error.seek(0)
        return subprocess.CompletedProcess(command, process.wait(60), out.read(), error.read() + hung)


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """Kill what still runs, and all that it started."""
    if process.poll() is not None:
        return
    started = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    for one in started:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()
    psutil.wait_procs(started, timeout=30)
