"""The log is readable at any time and after any end."""

import json
import logging
from contextlib import closing
from datetime import datetime

import numpy as np
import pytest

from nlp_transfer.errors import CheckpointError
from nlp_transfer.reporting.log import JsonLinesLog, quiet
from tests.logged import logged


def test_entries_are_readable_while_the_log_is_open(tmp_path):
    log = JsonLinesLog(tmp_path / "log.jsonl")
    log.write({"step": 1, "loss": np.float32(0.5)})
    log.write({"step": 2, "loss": float("nan")})
    first, second = map(json.loads, (tmp_path / "log.jsonl").read_text().splitlines())
    assert list(first) == ["time", "step", "loss"]
    assert datetime.fromisoformat(first["time"]).utcoffset().total_seconds() == 0
    assert (first["loss"], second["loss"]) == (0.5, None)
    log.close()
    log.close()


def test_a_second_log_goes_on_behind_a_torn_line(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_bytes(b'{"step": 1}\n{"ste')
    with closing(JsonLinesLog(path)) as log:
        log.write({"step": 2})
    lines = path.read_text().splitlines()
    assert lines[:2] == ['{"step": 1}', '{"ste']
    assert json.loads(lines[2])["step"] == 2


def test_a_value_that_json_lacks_writes_nothing(tmp_path):
    with (
        closing(JsonLinesLog(tmp_path / "log.jsonl")) as log,
        pytest.raises(TypeError, match="JSON cannot hold a object"),
    ):
        log.write({"step": object()})
    assert (tmp_path / "log.jsonl").read_text() == ""


def test_a_restart_keeps_the_lines_of_the_entries_and_drops_what_came_after(tmp_path):
    log = JsonLinesLog(tmp_path / "log.jsonl")
    for step in (1, 2, 3):
        log.write({"step": step, "loss": 1 / step})
    before = (tmp_path / "log.jsonl").read_bytes().splitlines(keepends=True)
    log.restart([{"step": 1, "loss": 1.0}, {"step": 2, "loss": 0.5}])
    assert (tmp_path / "log.jsonl").read_bytes().splitlines(keepends=True) == before[:2]
    log.write({"step": 4})
    assert [json.loads(line)["step"] for line in (tmp_path / "log.jsonl").read_text().splitlines()] == [1, 2, 4]
    log.restart([])
    assert (tmp_path / "log.jsonl").read_bytes() == b""
    log.close()


def test_a_restart_writes_anew_what_a_crash_has_torn_or_lost(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_bytes(b'{"time": "t", "step": 1}\n{"time": "t", "st')
    log = JsonLinesLog(path)
    log.restart([{"step": 1}, {"step": 2}, {"step": 3, "loss": float("nan")}])
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines[0] == {"time": "t", "step": 1}
    assert [{**line, "time": "t"} for line in lines[1:]] == [
        {"time": "t", "step": 2},
        {"time": "t", "step": 3, "loss": None},
    ]
    log.close()


def test_a_full_disk_is_said_with_the_path(tmp_path, monkeypatch):
    log = JsonLinesLog(tmp_path / "log.jsonl")

    class Full:
        def write(self, _):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(log, "_file", Full())
    with pytest.raises(CheckpointError, match=r"log\.jsonl cannot be written \(No space left on device\)\. .*--resume"):
        log.write({"step": 1})


def test_only_what_matters_is_logged_in_quiet():
    log = logging.getLogger("nlp_transfer.somewhere")
    with logged() as messages:
        with quiet():
            log.info("half of it")
            log.warning("mind the gap")
        with quiet(logging.ERROR):
            log.warning("not even this")
        log.info("done")
    assert messages == ["mind the gap", "done"]
