"""Folders that commands write to."""

import os
from pathlib import Path

import pytest

from nlp_transfer.commands.output_folder import check_empty_folder
from nlp_transfer.errors import CheckpointError


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
