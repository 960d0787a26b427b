"""Progress of predictions on terminals."""

import io

import pytest

from nlp_transfer.tasks.predictor import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    for errors, output, shown, expected in (
        (Terminal(), io.StringIO(), False, True),
        (Terminal(), Terminal(), True, True),
        (Terminal(), Terminal(), False, False),  # lines on the terminal need no count
        (io.StringIO(), io.StringIO(), True, False),
    ):
        monkeypatch.setattr("sys.stderr", errors)
        monkeypatch.setattr("sys.stdout", output)
        assert list(progress(iter("abc"), shown=shown)) == ["a", "b", "c"]
        assert ("3.00 rows [" in errors.getvalue()) == expected
