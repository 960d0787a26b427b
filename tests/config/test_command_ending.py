"""Exit statuses, and errors as text."""

import logging
import os
import subprocess
import sys

import pytest
from tqdm import tqdm

from nlp_transfer.config.command_ending import (
    BAD_INPUT,
    INTERRUPTED,
    LOST_PROCESS,
    PIPE_CLOSED,
    printed_messages,
    quiet_exit,
)
from nlp_transfer.errors import DataError, LostProcessError
from tests.launching import launched

ENDS = """
import sys
from accelerate import PartialState
from nlp_transfer.config.command_ending import quiet_exit
from nlp_transfer.errors import DataError
state = PartialState(cpu=True)
for name, ranks in (("of one", [1]), ("of both", [0, 1]), ("of the first", [0])):
    with quiet_exit() as status:
        if state.process_index in ranks:
            raise DataError(name)
    assert status.code == (2 if state.process_index in ranks else 0)
    state.wait_for_everyone()
state.destroy_process_group()
"""

CLOSED = (
    "The output was closed before the end, as `head` does it, and the command stopped there. Read it to its end, or "
    "write it to a file. A run that had begun goes on with --resume.\n"
)
BEFORE = "import sys\nfrom nlp_transfer.config.command_ending import quiet_exit\n"
RICH = "from nlp_transfer.reporting.tables import console\nconsole().print('a')"


def test_only_the_main_process_speaks(monkeypatch, capsys):
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    monkeypatch.setenv("RANK", "1")
    with quiet_exit() as status:
        raise DataError("something")
    assert (status.code, capsys.readouterr().err) == (BAD_INPUT, "")


def test_the_first_process_of_each_machine_speaks_before_there_is_a_group(monkeypatch, capsys):
    monkeypatch.setenv("RANK", "8")
    for local, expected in (("0", "DataError: something\n"), ("1", "")):
        monkeypatch.setenv("LOCAL_RANK", local)
        with quiet_exit():
            raise DataError("something")
        assert capsys.readouterr().err == expected


def test_an_error_of_one_process_is_printed_by_it_and_one_of_all_by_the_first(tmp_path):
    (tmp_path / "ends.py").write_text(ENDS)
    done = launched(tmp_path / "ends.py", processes=2, seconds=240)
    assert done.returncode == 0, done.stderr[-3000:]
    lines = [line for line in done.stderr.splitlines() if "DataError" in line]
    assert lines == ["Process 1: DataError: of one", "DataError: of both", "DataError: of the first"]


def test_a_process_that_is_left_behind_says_so_whichever_it_is(monkeypatch, capsys):
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setattr("signal.signal", lambda *_: None)
    with quiet_exit() as status:
        raise LostProcessError("gone")
    assert (status.code, capsys.readouterr().err) == (LOST_PROCESS, "LostProcessError: gone\n")


def test_ctrl_c_has_the_shells_status(capsys):
    with quiet_exit() as status:
        raise KeyboardInterrupt
    assert (status.code, capsys.readouterr().err) == (INTERRUPTED, "Interrupted.\n")


def test_other_errors_keep_their_traceback():
    with pytest.raises(ZeroDivisionError), quiet_exit():
        1 / 0  # noqa: B018


def run_unread(code, *, stderr=subprocess.PIPE):
    """Run a command whose standard output is a pipe that nobody reads. Returns its exit status and errors."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, "-c", code],
            stdout=writer,
            stderr=writer if stderr is None else stderr,
            text=True,
            check=False,
        )
    finally:
        os.close(writer)
    return done.returncode, done.stderr


@pytest.mark.parametrize("body", ["print('a')", "print('a', flush=True)", "import os\n  os.write(1, b'a')"])
def test_an_end_before_the_output_is_read_is_an_error(body):
    code = BEFORE + f"with quiet_exit() as status:\n  {body}\n  print('b')\nsys.exit(status.code)"
    assert run_unread(code) == (PIPE_CLOSED, CLOSED)


def test_a_table_that_nobody_reads_is_an_error():
    body = "\n".join(f"  {line}" for line in RICH.splitlines())
    assert run_unread(BEFORE + f"with quiet_exit() as status:\n{body}\nsys.exit(status.code)") == (PIPE_CLOSED, CLOSED)


def test_nobody_reads_the_error_either():
    code = BEFORE + "with quiet_exit() as status:\n  print('a')\nsys.exit(status.code)"
    assert run_unread(code, stderr=None) == (PIPE_CLOSED, None)


def test_a_status_that_says_more_is_kept():
    code = BEFORE + "with quiet_exit() as status:\n  status.code = 75\n  print('a')\nsys.exit(status.code)"
    assert run_unread(code) == (75, CLOSED)


def test_a_reader_may_leave_where_that_is_the_end():
    code = BEFORE + (
        "from nlp_transfer.config.command_ending import reader_may_leave\n"
        "with quiet_exit() as status:\n  with reader_may_leave():\n    print('a')\nsys.exit(status.code)"
    )
    assert run_unread(code) == (0, "")


def test_a_message_goes_above_a_bar(capsys):
    with printed_messages(), tqdm(total=2, desc="Training", file=sys.stderr) as bar:
        bar.update(1)
        logging.getLogger("nlp_transfer").info("A line.")
        logging.getLogger("nlp_transfer").warning("A warning.")
    shown = capsys.readouterr()
    assert shown.out == "A line.\n"
    cleared, _, after = shown.err.partition("A warning.\n")
    assert cleared.endswith("\r") and "Training:  50%" in after


@pytest.mark.parametrize("terminal", [True, False])
def test_bars_of_libraries_are_for_terminals(monkeypatch, terminal):
    monkeypatch.setattr("nlp_transfer.config.command_ending.is_terminal", lambda stream: terminal)
    monkeypatch.setenv("TQDM_DISABLE", "")
    monkeypatch.delenv("TQDM_DISABLE")
    with quiet_exit():
        assert os.environ.get("TQDM_DISABLE") == (None if terminal else "1")


def test_progress_is_printed_by_the_main_process_and_warnings_by_all(capsys, monkeypatch):
    log = logging.getLogger("nlp_transfer.somewhere")
    with printed_messages():
        log.info("half of it")
        log.warning("mind the gap")
        monkeypatch.setenv("RANK", "1")
        log.info("not again")
        log.warning("mind it here, too")
    log.info("nobody listens any more")
    assert capsys.readouterr() == ("half of it\n", "mind the gap\nmind it here, too\n")
