"""The log is readable at any time and after any end."""

import json
from datetime import datetime

import numpy as np
import pytest

from nlp_transfer.reporting.log import JsonLinesLog


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
    with JsonLinesLog(path) as log:
        log.write({"step": 2})
    lines = path.read_text().splitlines()
    assert lines[:2] == ['{"step": 1}', '{"ste']
    assert json.loads(lines[2])["step"] == 2


def test_a_value_that_json_lacks_writes_nothing(tmp_path):
    with JsonLinesLog(tmp_path / "log.jsonl") as log, pytest.raises(TypeError, match="JSON cannot hold a object"):
        log.write({"step": object()})
    assert (tmp_path / "log.jsonl").read_text() == ""
