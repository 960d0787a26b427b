"""Files are whole or not there, and JSON is plain."""

import enum
import json
import os
import stat
from pathlib import Path

import numpy as np
import pytest

from nlp_transfer.reporting.files import atomic_file, plain, write_json, write_text


class Kind(enum.StrEnum):
    STEPS = "steps"


def test_plain_values():
    value = {
        "nan": float("nan"),
        "infinite": np.float32("inf"),
        "count": np.int64(3),
        "truth": np.bool_(True),
        "array": np.array([[1.5, np.nan]]),
        "pair": (1, 2.0),
        "path": Path("a") / "b",
        "set": {"b", "a"},
        "enum": Kind.STEPS,
        1: None,
    }
    assert plain(value) == {
        "nan": None,
        "infinite": None,
        "count": 3,
        "truth": True,
        "array": [[1.5, None]],
        "pair": [1, 2.0],
        "path": "a/b",
        "set": ["a", "b"],
        "enum": "steps",
        "1": None,
    }
    assert type(plain(Kind.STEPS)) is str
    assert type(plain(np.float64(0.5))) is float


def test_what_json_cannot_hold():
    with pytest.raises(TypeError, match="JSON cannot hold a object"):
        plain({"a": [object()]})
    with pytest.raises(TypeError, match=r"JSON cannot hold a bytes: b'x'\."):
        plain(b"x")


def test_json_keeps_letters_and_ends_in_a_line_break(tmp_path):
    write_json(tmp_path / "a.json", {"β": float("nan")})
    assert (tmp_path / "a.json").read_text(encoding="utf-8") == '{\n  "β": null\n}\n'
    assert json.loads((tmp_path / "a.json").read_bytes()) == {"β": None}


def test_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "old")

    def write_and_fail():
        with atomic_file(path) as file:
            file.write(b"half")
            assert path.read_text() == "old"
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_and_fail()
    assert path.read_text() == "old"
    assert [item.name for item in tmp_path.iterdir()] == ["a.txt"]


def test_file_has_the_rights_that_the_umask_leaves(tmp_path):
    before = os.umask(0o022)
    try:
        write_text(tmp_path / "a.txt", "x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == 0o644
