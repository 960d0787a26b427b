import psutil

from tests.launching import launched


def test_what_was_started_says_how_it_ended(tmp_path):
    (tmp_path / "ends.py").write_text("import sys; print(sys.argv[1:]); print('oh', file=sys.stderr); sys.exit(3)")
    done = launched(tmp_path / "ends.py", tmp_path, "x")
    assert (done.returncode, done.stdout, done.stderr) == (3, f"['{tmp_path}', 'x']\n", "oh\n")


def test_what_hangs_is_stopped_with_all_that_it_started(tmp_path):
    (tmp_path / "hangs.py").write_text(
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    done = launched(tmp_path / "hangs.py", seconds=5)
    assert done.returncode == -9
    assert done.stderr == "hangs.py did not end within 5 s"
    assert not psutil.pid_exists(int(done.stdout)) or psutil.Process(int(done.stdout)).status() == "zombie"


def test_a_process_that_is_left_behind_is_not_waited_for(tmp_path):
    (tmp_path / "leaves.py").write_text(
        "import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', 'import time; time.sleep(30)'])\nprint('done')\n"
    )
    done = launched(tmp_path / "leaves.py", seconds=20)
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")
