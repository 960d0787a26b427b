"""Exit statuses, and errors as text."""

import pytest

from nlp_transfer.commands.ending import BAD_INPUT, INTERRUPTED, quiet_exit
from nlp_transfer.errors import DataError


def test_only_the_main_process_speaks(monkeypatch, capsys):
    monkeypatch.setenv("RANK", "1")
    with quiet_exit() as status:
        raise DataError("something")
    assert (status.code, capsys.readouterr().err) == (BAD_INPUT, "")


def test_ctrl_c_has_the_shells_status(capsys):
    with quiet_exit() as status:
        raise KeyboardInterrupt
    assert (status.code, capsys.readouterr().err) == (INTERRUPTED, "Interrupted.\n")


def test_other_errors_keep_their_traceback():
    with pytest.raises(ZeroDivisionError), quiet_exit():
        1 / 0  # noqa: B018
