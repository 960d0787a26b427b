"""What the cache holds is listed by room with size and age, and cleared; what is not its own is left alone."""

import os
from pathlib import Path

import pytest

from nlp_transfer.commands import main
from nlp_transfer.commands.cache import ROOMS, _age, cached_files, clear_cache
from nlp_transfer.config.command_ending import BAD_INPUT
from nlp_transfer.models.activation_cache.store import ROOM, SUFFIX

KEYS = ["a" * 64, "b" * 64]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NLP_TRANSFER_CACHE", str(tmp_path / "cache"))
    for name, size in (
        ("tokens/" + KEYS[0] + ".arrow", 1500),
        ("tokens/" + KEYS[0] + ".json", 10),
        ("activations/" + KEYS[1] + ".act", 2_000_000),
        ("activations/" + "c" * 16 + "-" + "0" * 32 + ".tmp", 7),
        ("activations/notes.txt", 5),
        ("mine.arrow", 5),
    ):
        path = tmp_path / "cache" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(size))
    old = (tmp_path / "cache" / "activations" / f"{KEYS[1]}.act").stat().st_mtime - 3 * 86400 - 60
    os.utime(tmp_path / "cache" / "activations" / f"{KEYS[1]}.act", (old, old))
    return tmp_path / "cache"


def test_list_says_where_how_large_and_how_old(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{folder}: 4 files, 2.0 MB"
    assert lines[1] == "  activations: 2 files, 2.0 MB"
    assert lines[3].split() == ["2.0", "MB", "3", "days", f"{KEYS[1]}.act"]
    assert lines[4] == "  tokens: 2 files, 1.5 kB"
    assert len(lines) == 7


def test_clear_deletes_the_caches_own_files_only(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache", "clear"]) == 0
    assert capsys.readouterr().out == f"Deleted 4 files, 2.0 MB, from {folder}.\n"
    assert sorted(path.name for path in folder.rglob("*") if path.is_file()) == ["mine.arrow", "notes.txt"]
    assert main(["cache", "list"]) == 0
    assert capsys.readouterr().out == f"{folder} holds nothing.\n"


def test_clear_by_room_and_age(folder: Path) -> None:
    assert [file.path.name for file in clear_cache("activations", older_than_days=2)] == [f"{KEYS[1]}.act"]
    assert [file.room for file in cached_files()] == ["activations", "tokens", "tokens"]
    assert len(clear_cache("tokens")) == 2
    assert [file.room for file in cached_files()] == ["activations"]


def test_wrong_options_are_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache", "clear", "--room", "token"]) == BAD_INPUT
    assert "--room: Unknown room 'token'. Did you mean 'tokens'? Rooms: activations, tokens." in capsys.readouterr().err
    assert main(["cache", "clear", "--older_than_days", "-1"]) == BAD_INPUT
    assert "--older_than_days is -1.0; expected 0 or more." in capsys.readouterr().err
    assert main(["cache", "list", "--older_than_days", "1"]) == BAD_INPUT
    assert "--older_than_days limits what clear deletes; list shows all ages." in capsys.readouterr().err
    assert len(cached_files()) == 4


def test_the_activations_room_is_that_of_their_store() -> None:
    assert (ROOMS[-1], ".act") == (ROOM, SUFFIX)


def test_a_room_that_is_empty_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NLP_TRANSFER_CACHE", str(tmp_path))
    assert clear_cache("activations") == []


def test_no_folder_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("NLP_TRANSFER_CACHE", str(tmp_path / "none"))
    assert main(["cache", "list"]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'none'} holds nothing.\n"


def test_ages_for_people() -> None:
    assert [_age(seconds) for seconds in (5, 119, 150, 7300, 200_000)] == [
        "5 seconds",
        "119 seconds",
        "2 minutes",
        "2 hours",
        "2 days",
    ]


def test_a_file_in_place_of_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("mine")
    monkeypatch.setenv("NLP_TRANSFER_CACHE", str(tmp_path / "file"))
    assert main(["cache", "clear"]) == BAD_INPUT
    assert f"{tmp_path / 'file'} cannot be read: Not a directory." in capsys.readouterr().err
    assert (tmp_path / "file").read_text() == "mine"
