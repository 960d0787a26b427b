"""A folder with a manifest is what was written, or is refused in words that name the file."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from nlp_transfer.errors import CheckpointError
from nlp_transfer.models.files.manifest import MANIFEST, check_manifest, has_manifest, write_manifest

REMEDY = "Copy saved anew from where it was made, or make it again."


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a manifest."""
    saved = tmp_path / "saved"
    (saved / "inner").mkdir(parents=True)
    (saved / "weights").write_bytes(b"0123456789")
    (saved / "inner" / "ü.json").write_text("{}")
    write_manifest(saved)
    return saved


def refusal(folder: Path) -> list[str]:
    with pytest.raises(CheckpointError) as caught:
        check_manifest(folder)
    return caught.value.problems


def entries(folder: Path) -> dict[str, Any]:
    return json.loads((folder / MANIFEST).read_text())["files"]


def rewrite(folder: Path, **files: Any) -> None:
    (folder / MANIFEST).write_text(json.dumps({"version": 1, "files": {**entries(folder), **files}}))


def test_files_are_listed_with_size_and_hash(folder: Path) -> None:
    assert entries(folder) == {
        "weights": {"bytes": 10, "sha256": hashlib.sha256(b"0123456789").hexdigest()},
        "inner/ü.json": {"bytes": 2, "sha256": hashlib.sha256(b"{}").hexdigest()},
    }
    check_manifest(folder)


def test_it_is_written_anew(folder: Path) -> None:
    (folder / "weights").write_bytes(b"other")
    (folder / ".manifest.json.tmp").write_text("of a process that died")
    write_manifest(folder)
    check_manifest(folder)
    assert set(entries(folder)) == {"weights", "inner/ü.json"}
    assert sorted(path.name for path in folder.iterdir()) == ["inner", MANIFEST, "weights"]


def test_whether_there_is_one(folder: Path, tmp_path: Path) -> None:
    assert has_manifest(folder)
    assert not has_manifest(tmp_path)
    assert not has_manifest(tmp_path / "absent")


def test_the_manifest_is_last_and_all_is_synced_before(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    real, replace = os.fsync, Path.replace
    monkeypatch.setattr(
        os, "fsync", lambda fd: (synced.append(Path(f"/proc/self/fd/{fd}").readlink().name), real(fd))[1]
    )
    monkeypatch.setattr(Path, "replace", lambda self, to: (synced.append("replaced"), replace(self, to))[1])
    write_manifest(folder)
    assert synced == ["weights", "ü.json", "saved", "inner", ".manifest.json.tmp", "replaced", "saved"]


def test_files_beside_are_tolerated(folder: Path) -> None:
    (folder / "README.md").write_text("mine")
    check_manifest(folder)


@pytest.mark.parametrize(
    "name", [".gitattributes", ".cache/x.json", "metrics.json", "notes/LICENSE", "adapter/adapter_config.json"]
)
def test_files_that_are_not_read_with_the_model_are_not_listed(folder: Path, name: str) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("{}")
    if name.startswith("adapter"):
        write_manifest(folder / "adapter")  # of its own, by which it is checked
    check_manifest(folder)


@pytest.mark.parametrize("name", ["vocab.txt", "inner/config.json", "chat_template.jinja"])
def test_files_that_are_read_are_listed(folder: Path, name: str) -> None:
    (folder / name).write_text("{}")
    assert refusal(folder) == [
        f"{folder} holds {name}, which manifest.json does not list. Delete what does not belong there, or copy saved "
        f"anew. If it was you who added it, delete {folder}/manifest.json."
    ]


def test_a_manifest_that_lists_nothing(folder: Path) -> None:
    for number in range(7):
        (folder / f"{number}.json").write_text("{}")
    (folder / MANIFEST).write_text('{"version": 1, "files": {}}')
    assert f"{folder} holds 0.json, 1.json, 2.json, 3.json, 4.json and 3 more, which" in refusal(folder)[0]


def test_a_changed_file_of_the_same_size(folder: Path) -> None:
    (folder / "weights").write_bytes(b"0123456780")
    old, new = (hashlib.sha256(text).hexdigest()[:12] for text in (b"0123456789", b"0123456780"))
    assert refusal(folder) == [
        f"{folder}/weights has the SHA-256 {new}…, but manifest.json says {old}… The file was changed, or not wholly "
        f"copied. {REMEDY} If it was you who changed it, delete {folder}/manifest.json."
    ]


def test_every_file_that_is_missing_or_torn_is_named(folder: Path) -> None:
    (folder / "weights").write_bytes(b"01")
    (folder / "inner" / "ü.json").unlink()
    assert refusal(folder) == [
        f"{folder}/weights has 2 bytes, but manifest.json says 10. The file was changed, or not wholly copied. "
        f"{REMEDY} If it was you who changed it, delete {folder}/manifest.json.",
        f"{folder}/inner/ü.json is missing; manifest.json says 2 bytes. {REMEDY}",
    ]


def test_a_folder_in_a_file_s_place(folder: Path) -> None:
    (folder / "weights").unlink()
    (folder / "weights").mkdir()
    assert refusal(folder) == [f"{folder}/weights is missing; manifest.json says 10 bytes. {REMEDY}"]


@pytest.mark.parametrize("name", ["../secret", "/etc/hostname", "inner/../../secret", "", "a\0b"])
def test_a_name_outside_is_refused(folder: Path, name: str) -> None:
    (folder.parent / "secret").write_text("secret")
    rewrite(folder, **{name: {"bytes": 6, "sha256": hashlib.sha256(b"secret").hexdigest()}})
    assert refusal(folder) == [
        f"{folder}: it names {name!r}, which is outside this folder; nothing is read there. Copy the files themselves "
        "into the folder, or take one from a source that you trust."
    ]


@pytest.mark.parametrize("listed", [True, False])
def test_a_link_that_leads_out_is_refused(folder: Path, listed: bool) -> None:
    (folder.parent / "secret").write_text("secret")
    (folder / "link").symlink_to(folder.parent / "secret")
    if listed:
        rewrite(folder, link={"bytes": 6, "sha256": hashlib.sha256(b"secret").hexdigest()})
    problem = (
        f"{folder}: it holds the link link, which leads to what is outside this folder; nothing is read there. Copy "
        "the files themselves into the folder, or take one from a source that you trust."
    )
    assert refusal(folder)[0] == problem
    with pytest.raises(CheckpointError, match="holds the link link"):
        write_manifest(folder)


def test_a_folder_behind_a_link_is_refused(folder: Path) -> None:
    (folder.parent / "elsewhere").mkdir()
    (folder / "more").symlink_to(folder.parent / "elsewhere")
    assert "holds the link more" in refusal(folder)[0]


def test_links_that_stay_inside_are_files_like_others(folder: Path) -> None:
    (folder / "again").symlink_to("weights")
    (folder / "circle").symlink_to("inner")
    write_manifest(folder)
    check_manifest(folder)
    assert entries(folder)["again"]["bytes"] == 10


def test_the_folder_itself_may_be_a_link(folder: Path) -> None:
    (folder.parent / "alias").symlink_to(folder)
    check_manifest(folder.parent / "alias")


def test_no_manifest(folder: Path) -> None:
    (folder / MANIFEST).unlink()
    assert refusal(folder) == [f"{folder} has no manifest.json, which is written last: it is not complete. {REMEDY}"]


def test_no_folder(tmp_path: Path) -> None:
    assert refusal(tmp_path / "gone") == [f"There is no folder {tmp_path / 'gone'}."]


def test_a_manifest_that_is_a_link(folder: Path) -> None:
    (folder / MANIFEST).rename(folder.parent / "other.json")
    (folder / MANIFEST).symlink_to("../other.json")
    assert "holds the link manifest.json, which leads to what is outside this folder" in refusal(folder)[0]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"files": {}}', '{"version": 1, "files": {"a": 1}}', "[" * 100_000])
def test_a_torn_manifest(folder: Path, text: str) -> None:
    (folder / MANIFEST).write_text(text)
    assert refusal(folder) == [
        f'{folder}/manifest.json is torn or no manifest; expected {{"version": 1, "files": {{NAME: {{"bytes": N, '
        f'"sha256": HEX}}}}}}. {REMEDY}'
    ]


def test_values_that_are_none(folder: Path) -> None:
    rewrite(folder, weights={"bytes": "10", "sha256": "x"})
    assert refusal(folder) == [f"{folder}/manifest.json: 'weights' has no size and SHA-256 that can be read. {REMEDY}"]


def test_a_later_version(folder: Path) -> None:
    (folder / MANIFEST).write_text('{"version": 2, "files": {}}')
    assert refusal(folder) == [f"{folder}/manifest.json is of version 2; expected 1. Use a newer nlp-transfer."]
