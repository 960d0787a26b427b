"""A checkpoint is whole, or it does not exist."""

import shutil

import pytest

from nlp_transfer.errors import CheckpointError
from nlp_transfer.training import checkpoints
from nlp_transfer.training.checkpoints import begin, commit, newest_whole, rotate


def save(parent, step, text="weights"):
    saving = begin(parent, step, 1)
    (saving / "model.safetensors").write_text(text)
    (saving / "inner").mkdir()
    (saving / "inner" / "optimizer.pt").write_text("moments")
    return commit(saving)


def names(parent):
    return sorted(path.name for path in parent.iterdir())


def test_it_has_its_name_only_when_it_is_whole(tmp_path):
    saving = begin(tmp_path, 5, 1)
    (saving / "model.safetensors").write_text("weights")
    assert names(tmp_path) == [".checkpoint-5.saving"]
    assert commit(saving) == tmp_path / "checkpoint-5"
    assert names(tmp_path) == ["checkpoint-5"]
    assert newest_whole(tmp_path) == (tmp_path / "checkpoint-5", [])


def test_steps_are_compared_as_numbers(tmp_path):
    save(tmp_path, 9)
    save(tmp_path, 10)
    assert newest_whole(tmp_path)[0] == tmp_path / "checkpoint-10"


@pytest.mark.parametrize("fault", ["shorter", "changed", "missing", "no manifest", "torn manifest"])
def test_what_is_not_whole_is_passed_over_and_why_is_said(tmp_path, fault):
    save(tmp_path, 1)
    torn = save(tmp_path, 2)
    weights = torn / "model.safetensors"
    if fault == "missing":
        weights.unlink()
    elif fault == "no manifest":
        (torn / "manifest.json").unlink()
    elif fault == "torn manifest":
        (torn / "manifest.json").write_text('{"version": 1, "fil')
    else:
        weights.write_text({"shorter": "weig", "changed": "weighty"}[fault])
    found, passed = newest_whole(tmp_path)
    assert found == tmp_path / "checkpoint-1"
    assert len(passed) == 1
    assert passed[0].startswith("checkpoint-2 was passed over: ")
    assert {"no manifest": "has no manifest.json", "torn manifest": "is torn"}.get(
        fault, "model.safetensors"
    ) in passed[0]


def test_what_is_read_of_a_checkpoint_is_listed(tmp_path):
    save(tmp_path, 1)
    later = save(tmp_path, 2)
    (later / "notes.json").write_text("{}")  # a callback's
    assert newest_whole(tmp_path) == (later, [])
    (later / "adapter_model.safetensors").write_text("others")
    found, passed = newest_whole(tmp_path)
    assert found == tmp_path / "checkpoint-1"
    assert passed == [
        f"checkpoint-2 was passed over: {later} holds adapter_model.safetensors, which manifest.json does not list. "
        f"Delete what does not belong there, or copy checkpoint-2 anew. If it was you who added it, delete {later}/"
        "manifest.json."
    ]


def test_a_crash_before_the_rename_loses_nothing(tmp_path, monkeypatch):
    save(tmp_path, 1, "old")
    saving = begin(tmp_path, 1, 1)
    (saving / "model.safetensors").write_text("new")

    def dies(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(type(saving), "rename", lambda self, _: dies() if self == saving else shutil.move(self, _))
    with pytest.raises(KeyboardInterrupt):
        commit(saving)
    monkeypatch.undo()
    found, passed = newest_whole(tmp_path)
    assert (found / "model.safetensors").read_text() == "new"
    assert passed == []
    assert names(tmp_path) == ["checkpoint-1"]


def test_rests_of_a_crash_are_cleared(tmp_path):
    save(tmp_path, 1)
    (tmp_path / ".checkpoint-2.saving").mkdir()
    (tmp_path / ".checkpoint-0.removed").mkdir()
    newest_whole(tmp_path)
    assert names(tmp_path) == ["checkpoint-1"]


def test_a_folder_of_that_name_that_is_no_checkpoint_is_kept(tmp_path):
    (tmp_path / "checkpoint-3").mkdir()
    (tmp_path / "checkpoint-3" / "thesis.tex").touch()
    save(tmp_path, 3)
    assert names(tmp_path) == ["checkpoint-3", "kept-checkpoint-3"]
    assert (tmp_path / "kept-checkpoint-3" / "thesis.tex").exists()


def test_rotation_keeps_the_newest_the_protected_and_what_is_not_ours(tmp_path):
    for step in (1, 2, 3, 4):
        save(tmp_path, step)
    (tmp_path / "checkpoint-0").mkdir()
    newest = tmp_path / "checkpoint-4"
    rotate(newest, 2, [tmp_path / "checkpoint-1"])
    assert names(tmp_path) == ["checkpoint-0", "checkpoint-1", "checkpoint-4"]
    rotate(newest, None)
    rotate(newest, 1)
    assert names(tmp_path) == ["checkpoint-0", "checkpoint-4"]


def test_rotation_never_takes_the_one_just_saved_for_one_of_a_later_step(tmp_path):
    for step in (6, 12, 8):
        newest = save(tmp_path, step)
    rotate(newest, 2, [tmp_path / "checkpoint-6"])
    assert names(tmp_path) == ["checkpoint-6", "checkpoint-8"]


def test_a_disk_without_room_is_found_before_anything_is_written(tmp_path, monkeypatch):
    save(tmp_path, 1)
    monkeypatch.setattr(
        checkpoints.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(100 << 20, 90 << 20, 10 << 20)
    )
    text = r"checkpoint-2 was not saved: it needs about 5,000,000 bytes, and the disk has 10,485,760 bytes free"
    with pytest.raises(CheckpointError, match=text):
        begin(tmp_path, 2, 5_000_000)
    assert names(tmp_path) == ["checkpoint-1"]


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(CheckpointError, match=r"checkpoint-1 cannot be saved \(.*\); it needs about 7 bytes"):
        begin(tmp_path / "file", 1, 7)
