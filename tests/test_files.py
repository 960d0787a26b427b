"""Files are whole or not there, and JSON is plain."""

import enum
import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nlp_transfer.errors import CheckpointError
from nlp_transfer.files import (
    atomic_file,
    atomic_folder,
    check_empty_folder,
    to_json_value,
    write_json,
    write_text,
)


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
    assert to_json_value(value) == {
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
    assert type(to_json_value(Kind.STEPS)) is str
    assert type(to_json_value(np.float64(0.5))) is float


def test_what_json_cannot_hold():
    with pytest.raises(TypeError, match="JSON cannot hold a object"):
        to_json_value({"a": [object()]})
    with pytest.raises(TypeError, match=r"JSON cannot hold a bytes: b'x'\."):
        to_json_value(b"x")


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


KILLED = """
import os, sys
from pathlib import Path
from nlp_transfer.files import atomic_file, atomic_folder
place = Path(sys.argv[1])
with atomic_file(place / "a.json") as file, atomic_folder(place / "b") as folder:
    file.write(b"half")
    (folder / "model").mkdir()
    (folder / "model" / "weights").write_text("half")
    print("written", flush=True)
    sys.stdin.read()
"""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_rests_of_a_killed_process_are_deleted_by_the_next(tmp_path: Path) -> None:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], **pipes) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "written\n"
        rests = [f".a.json.{writer.pid}.tmp", f".b.{writer.pid}.tmp"]
        assert names(tmp_path) == rests
        write_text(tmp_path / "a.json", "mine")
        with atomic_folder(tmp_path / "b") as folder:
            (folder / "c").touch()
        assert names(tmp_path) == [*rests, "a.json", "b"]  # it lives, and what it writes is its own
        writer.kill()
    write_text(tmp_path / "a.json", "mine again")
    assert names(tmp_path) == [rests[1], "a.json", "b"]
    shutil.rmtree(tmp_path / "b")
    with atomic_folder(tmp_path / "b") as folder:
        (folder / "c").touch()
    assert names(tmp_path) == ["a.json", "b"]
    assert names(tmp_path / "b") == ["c"]


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), atomic_folder(tmp_path / "deep" / "new") as folder:
        (folder / "a").touch()
        1 / 0  # noqa: B018
    assert names(tmp_path / "deep") == []
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / ".gitkeep").touch()
    with atomic_folder(tmp_path / "kept") as folder:
        (folder / "a").touch()
        assert names(tmp_path / "kept") == [".gitkeep"]
    assert names(tmp_path / "kept") == [".gitkeep", "a"]


def test_a_folder_that_is_new_empty_or_holds_hidden_files(tmp_path: Path) -> None:
    assert check_empty_folder(tmp_path / "new", "--output") == tmp_path / "new"
    (tmp_path / ".hidden").write_text("")
    assert check_empty_folder(str(tmp_path), "--output") == tmp_path
    assert not (tmp_path / "new").exists()


def test_a_folder_that_holds_something(tmp_path: Path) -> None:
    for name in "abcdef":
        (tmp_path / name).write_text("")
    with pytest.raises(CheckpointError) as caught:
        check_empty_folder(tmp_path, "--output")
    assert str(caught.value) == (
        f"--output {tmp_path} is not empty: a, b, c, d, e, …. Nothing in it is touched; name a new folder."
    )


def test_a_file_an_empty_name_and_a_name_that_is_not_utf8(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match=r"--output .*file is a file; name a new folder"):
        check_empty_folder(tmp_path / "file", "--output")
    with pytest.raises(CheckpointError, match="--output is empty; name a new folder"):
        check_empty_folder("", "--output")
    with pytest.raises(CheckpointError, match="is not UTF-8"):
        check_empty_folder(os.fsdecode(b"caf\xe9"), "--output")
