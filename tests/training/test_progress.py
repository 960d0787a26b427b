"""The stages of a run: bars in a terminal, lines elsewhere, the lines of log entries, and the pace of steps."""

import io
import os
import sys
from types import SimpleNamespace

import pytest
from transformers import TrainerControl, TrainerState

from nlp_transfer import progress as stages
from nlp_transfer.training import progress
from nlp_transfer.training.progress import ProgressLines, StepPace, name_stage, progress_line


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands until it is set."""
    now = SimpleNamespace(time=0.0, load=1.0)
    monkeypatch.setattr(progress.time, "perf_counter", lambda: now.time)
    monkeypatch.setattr(os, "getloadavg", lambda: (now.load, 0.0, 0.0))
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    return now


def run_stages(steps=2, batches=3):
    """Train some steps, evaluate, and score a split, as a trainer calls its callback."""
    lines, state = ProgressLines(), TrainerState(max_steps=steps, epoch=1.0)
    loader = range(batches)
    lines.on_train_begin(None, state, TrainerControl())
    for step in range(1, steps + 1):
        state.global_step = step
        lines.on_step_begin(None, state, None)
        lines.on_step_end(None, state, None)
    lines.on_log(None, state, None, {"loss": 0.5, "learning_rate": 1e-4})
    for _ in loader:
        lines.on_prediction_step(None, state, None, eval_dataloader=loader)
    lines.on_evaluate(None, state, None)
    lines.on_train_end(None, state, None)
    name_stage(SimpleNamespace(callback_handler=SimpleNamespace(callbacks=[lines])), "Scoring source test")
    for _ in loader:
        lines.on_prediction_step(None, state, None, eval_dataloader=loader)
    lines.on_predict(None, state, None)


def test_bars_have_the_names_of_their_stages(monkeypatch, capsys):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    run_stages()
    shown = terminal.getvalue()
    for bar in ("Training: 100%", "Evaluating: ", "Scoring source test: 100%"):
        assert bar in shown
    assert "step 2/2 · loss 0.5000" in capsys.readouterr().out


@pytest.mark.parametrize("terminal", [True, False])
def test_a_dumb_terminal_and_a_file_get_plain_lines(monkeypatch, capsys, terminal):
    stream = Terminal() if terminal else io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "dumb" if terminal else "xterm")
    monkeypatch.setattr(stages, "LINE_SECONDS", 0.0)
    run_stages()
    lines = stream.getvalue().splitlines()
    assert [line.partition(",")[0] for line in lines] == [
        *(f"Training: {n} of 2" for n in (1, 2)),
        *(f"Evaluating: {n} of 3" for n in (1, 2, 3)),
        *(f"Scoring source test: {n} of 3" for n in (1, 2, 3)),
    ]
    assert not {"\r", "\x1b"} & set(stream.getvalue())
    assert capsys.readouterr().out.endswith("step 2/2 · loss 0.5000 · learning rate 1.00e-04\n")


def paces(clock, seconds):
    pace = StepPace()
    warnings = []
    for length in seconds:
        pace.begin()
        clock.time += length
        warnings.append(pace.end())
    return [warning for warning in warnings if warning]


def test_slow_steps_on_a_busy_machine_are_mentioned_once(clock):
    clock.load = 5.4
    assert paces(clock, [0.1] * 30 + [0.4] * 40) == [
        "A step takes 0.40 s, 4.0 times as long as at the start: 5 threads of all programs share 2 cores. Resuming "
        "(--resume) with fewer training.cpu_threads may be faster."
    ]
    assert paces(clock, [0.1] * 30 + [0.2] * 40) == []
    assert paces(clock, [0.001] * 30 + [0.01] * 40) == []  # too short to be about the machine
    assert paces(clock, [0.1] * 30 + [0.4] * 5 + [0.1] * 30) == []  # a moment
    clock.load = 1.0
    assert paces(clock, [0.1] * 30 + [0.4] * 40) == []  # steps that have become larger


STATE = TrainerState(epoch=0.5, global_step=27, max_steps=162)


def test_a_logged_step_with_the_parts_of_its_loss() -> None:
    where = "epoch 0.50 · step 27/162 · loss"
    assert progress_line({"loss": 0.5, "learning_rate": 1e-4}, STATE) == f"{where} 0.5000 · learning rate 1.00e-04"
    parts = {"loss": 1.2, "learning_rate": 1e-4, "source_loss": 0.5, "dann_loss": 0.7, "dann_domain_accuracy": 0.9}
    assert progress_line(parts, STATE) == f"{where} 1.2000 (source 0.5000, dann 0.7000) · learning rate 1.00e-04"


def test_an_evaluation_and_what_is_not_for_people() -> None:
    line = progress_line({"eval_loss": 0.25, "eval_macro_f1": 0.875, "eval_runtime": 3.0}, STATE)
    assert line == "epoch 0.50 · step 27/162 · validation: macro-F1 0.8750 · loss 0.2500"
    assert progress_line({"train_loss": 0.5, "train_runtime": 9.0}, STATE) == ""
