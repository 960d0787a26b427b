"""How far a stage has come: a bar in a terminal, lines elsewhere."""

import io
import sys
from types import SimpleNamespace

import pytest
from tqdm import tqdm

from nlp_transfer import progress
from nlp_transfer.progress import StageLines, counted, duration, is_terminal, stage_bar


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("term", "expected"), [("xterm", True), ("dumb", False)])
def test_a_terminal_on_which_a_line_can_be_drawn_again(monkeypatch, term, expected):
    monkeypatch.setenv("TERM", term)
    assert is_terminal(Terminal()) is expected
    assert not is_terminal(io.StringIO())
    assert not is_terminal(None)


def test_a_terminal_gets_tqdms_bar(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", Terminal())
    with stage_bar("Encoding", 4000, unit="tokens", initial=1000) as bar:
        assert isinstance(bar, tqdm)
        bar.update(1000)
    assert "Encoding:  25%" in sys.stderr.getvalue() and "2.00k/4.00k" in sys.stderr.getvalue()
    assert isinstance(stage_bar("Encoding", 4, quiet=True), StageLines)


@pytest.fixture
def clock(monkeypatch):
    now = SimpleNamespace(time=0.0)
    monkeypatch.setattr(progress.time, "monotonic", lambda: now.time)
    return now


def test_lines_come_from_time_to_time_and_estimate_the_rest(clock, capsys):
    lines = stage_bar("Training", 1200, initial=200)  # a resumed run
    for clock.time in (10.0, 31.0, 40.0, 62.0):
        lines.update(50)
    assert capsys.readouterr().err.splitlines() == [
        "Training: 300 of 1,200, 00:31 so far, about 04:39 left",
        "Training: 400 of 1,200, 01:02 so far, about 04:08 left",
    ]


@pytest.mark.parametrize(
    ("items", "quiet", "expected"),
    [
        (
            [1, 2],
            False,
            ["Predicting: 1 of 2 texts, 00:40 so far, about 00:40 left", "Predicting: 2 of 2 texts, 01:20 "],
        ),
        (iter([1, 2]), False, ["Predicting: 1 texts, 00:40 so far", "Predicting: 2 texts, 01:20 so far"]),
        ([1, 2], True, []),
    ],
)
def test_items_are_counted(clock, capsys, items, quiet, expected):
    seen = []
    for item in counted(items, "Predicting", unit="texts", quiet=quiet):
        seen.append(item)
        clock.time += 40.0
    assert seen == [1, 2]
    found = capsys.readouterr().err.splitlines()
    assert len(found) == len(expected)
    assert all(line.startswith(start) for line, start in zip(found, expected, strict=True))


def test_a_line_of_the_log_goes_to_standard_output(capsys):
    with stage_bar("Training", 2) as lines:
        lines.write("loss 0.5")
    assert capsys.readouterr() == ("loss 0.5\n", "")


def test_durations_as_people_say_them():
    assert [duration(s) for s in (0.04, 9.94, 59.6, 61, 3600, 7325)] == [
        "0.0 s",
        "9.9 s",
        "60 s",
        "1 min 1 s",
        "1 h 0 min",
        "2 h 2 min",
    ]
