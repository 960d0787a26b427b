"""What may be written where: nothing that is there is ever lost."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from nlp_transfer.errors import CheckpointError
from nlp_transfer.reporting.run_folder import archive, check_results, check_run_folder, inspect, open_run_folder

CONFIG = {"model": "encoder", "training": {"seed": 0, "output_dir": "runs/a", "hub_token": "hf_secret"}}
OTHER = {"model": "encoder", "training": {"seed": 1, "output_dir": "runs/b"}}


def finished_run(path):
    folder = open_run_folder(path, CONFIG, resume=False)
    (path / "metrics.json").write_text("{}")
    folder.finish()
    return path


def contents(path):
    return {item.name: item.read_bytes() for item in path.iterdir()}


@pytest.mark.parametrize("resume", [False, True])
def test_absent_and_empty_folders_begin_a_run(tmp_path, resume, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["train.py", "--training.hub_token", "hf_secret"])
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / ".gitkeep").touch()
    for path in (tmp_path / "deep" / "new", tmp_path / "empty"):
        assert inspect(path).state == "empty"
        folder = open_run_folder(path, CONFIG, resume=resume)
        assert (folder.state, folder.path) == ("empty", path)
        record = json.loads((path / "run.json").read_bytes())
        assert record["status"] == "running"
        assert record["command"] == ["train.py", "--training.hub_token", "***"]
        assert record["versions"]["torch"]
        assert record["resumed"] == []
        assert "hf_secret" not in (path / "run.json").read_text()
        assert inspect(path).state == "unfinished"


def test_only_the_owner_may_open_a_new_run_until_he_says_otherwise(tmp_path):
    (tmp_path / "made").mkdir(mode=0o755)
    for name in ("new", "made"):
        open_run_folder(tmp_path / name, CONFIG, resume=False).leave()
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o700
    (tmp_path / "made").chmod(0o750)
    open_run_folder(tmp_path / "made", CONFIG, resume=True).leave()
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o750


def test_check_writes_nothing(tmp_path):
    assert check_run_folder(tmp_path / "new", CONFIG, resume=False).state == "empty"
    assert not (tmp_path / "new").exists()


def test_finish_needs_metrics_and_marks(tmp_path):
    folder = open_run_folder(tmp_path / "run", CONFIG, resume=False)
    with pytest.raises(CheckpointError, match=r"run cannot be marked as finished: it has no metrics\.json\."):
        folder.finish()
    finished_run(tmp_path / "other")
    found = inspect(tmp_path / "other")
    assert found.state == "finished"
    assert found.record["started"] <= found.record["finished"]


@pytest.mark.parametrize("key", ["config", "inputs", "process", "results", "by_rows"])
def test_a_record_with_values_of_another_kind_is_no_run_of_ours(tmp_path, key):
    path = finished_run(tmp_path / "run")
    record = json.loads((path / "run.json").read_text())
    (path / "run.json").write_text(json.dumps({**record, key: [1]}))
    assert inspect(path).state == "foreign"


def test_finished_marker_without_metrics_is_unfinished(tmp_path):
    (finished_run(tmp_path / "run") / "metrics.json").unlink()
    assert inspect(tmp_path / "run").state == "unfinished"


def test_finished_run_is_refused_and_untouched(tmp_path):
    path = finished_run(tmp_path / "run")
    before = contents(path)
    text = (
        rf"{re.escape(str(path))} holds a finished run, started \d{{4}}-.*, and is not overwritten; "
        r"choose another training\.output_dir, pass --resume to read its results, or --archive_existing to keep it "
        r"under another name \(in Python, resume=True or archive_existing=True\)\."
    )
    with pytest.raises(CheckpointError, match=text):
        open_run_folder(path, CONFIG, resume=False)
    assert contents(path) == before


def test_finished_run_is_done_on_resume(tmp_path):
    path = finished_run(tmp_path / "run")
    before = contents(path)
    assert open_run_folder(path, CONFIG, resume=True).state == "finished"
    assert contents(path) == before


def test_unfinished_run_is_refused_or_goes_on(tmp_path):
    first = open_run_folder(tmp_path / "run", CONFIG, resume=False)
    first.leave()
    with pytest.raises(
        CheckpointError, match=r"holds an unfinished run, .*, pass --resume to go on with it, or --archive_existing"
    ):
        open_run_folder(tmp_path / "run", CONFIG, resume=False)
    again = open_run_folder(tmp_path / "run", CONFIG, resume=True)
    assert again.state == "unfinished"
    assert again.record["started"] == first.record["started"]
    assert len(again.record["resumed"]) == 1
    (tmp_path / "run" / "metrics.json").write_text("{}")
    again.finish()
    assert inspect(tmp_path / "run").state == "finished"


@pytest.mark.parametrize("finished", [False, True])
def test_more_epochs_are_refused_with_the_way_to_train_on(tmp_path, finished):
    path = tmp_path / "run"
    finished_run(path) if finished else open_run_folder(path, CONFIG, resume=False).leave()
    longer = {"model": "encoder", "training": {**CONFIG["training"], "num_train_epochs": 6}}
    with pytest.raises(CheckpointError) as caught:
        check_run_folder(path, longer, resume=True)
    first = "" if finished else "finish this run as it was planned, and then "
    assert str(caught.value).endswith(
        "\n  training.num_train_epochs: not set -> 6\nThe learning rate of each step was planned for those epochs: "
        f"a longer run is another one. To train on from these weights, {first}begin a new run with model: {path}/model, "
        "another training.output_dir and the epochs to add."
    )


def test_a_constant_learning_rate_is_no_reason_against_more_epochs(tmp_path):
    constant = {"model": "encoder", "training": {**CONFIG["training"], "lr_scheduler_type": "constant"}}
    open_run_folder(tmp_path, constant, resume=False).leave()
    longer = {"model": "encoder", "training": {**constant["training"], "num_train_epochs": 6}}
    with pytest.raises(CheckpointError) as caught:
        check_run_folder(tmp_path, longer, resume=True)
    assert "not set -> 6\nTo train on from these weights, finish this run as it was planned, and" in str(caught.value)


def test_threads_and_loggers_may_change(tmp_path):
    open_run_folder(tmp_path, CONFIG, resume=False).leave()
    changes = {"cpu_threads": 1, "report_to": "none", "disable_tqdm": True, "logging_steps": 3}
    changed = {"model": "encoder", "training": {**CONFIG["training"], **changes}}
    assert check_run_folder(tmp_path, changed, resume=True).state == "unfinished"


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize("finished", [False, True])
def test_different_run_is_refused_with_what_differs(tmp_path, resume, finished):
    path = tmp_path / "run"
    if finished:
        finished_run(path)
    else:
        open_run_folder(path, CONFIG, resume=False).leave()
    before = contents(path)
    with pytest.raises(CheckpointError, match=r"of a different configuration, and is not overwritten") as caught:
        open_run_folder(path, OTHER, resume=resume)
    assert str(caught.value).endswith("What differs (there -> now):\n  training.seed: 0 -> 1")
    assert ("resume it with its own configuration" in str(caught.value)) == resume
    assert contents(path) == before


def test_resume_with_keys_without_effect_changed(tmp_path):
    open_run_folder(tmp_path / "run", CONFIG, resume=False).leave()
    changed = {"model": "encoder", "training": {"seed": 0, "output_dir": "runs/b", "logging_steps": 5}}
    assert open_run_folder(tmp_path / "run", changed, resume=True).state == "unfinished"


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize("marker", [None, "{torn", "[]", '{"status": "finished"}'])
def test_foreign_folder_is_refused(tmp_path, resume, marker):
    for name in ("thesis.tex", "a", "b", "c", "d"):
        (tmp_path / name).touch()
    if marker is not None:
        (tmp_path / "run.json").write_text(marker)
    before = contents(tmp_path)
    text = r"is not empty and holds no run of ours \(no readable run\.json\): a, b, c, d, .*Nothing in it is touched"
    with pytest.raises(CheckpointError, match=text):
        open_run_folder(tmp_path, CONFIG, resume=resume)
    assert contents(tmp_path) == before


def test_path_that_is_a_file(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(
        CheckpointError, match=r"file is a file; a run needs a folder: choose another training\.output_dir"
    ):
        open_run_folder(tmp_path / "file", CONFIG, resume=False)
    with pytest.raises(CheckpointError, match=r"below cannot be written \(Not a directory: .*file"):
        open_run_folder(tmp_path / "file" / "below", CONFIG, resume=False)


def test_path_that_cannot_be_written(tmp_path, monkeypatch):
    def refuse(self, *args, **kwargs):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(CheckpointError, match=r"new cannot be written \(Permission denied: .*new\); choose another"):
        open_run_folder(tmp_path / "new", CONFIG, resume=False)


def test_a_second_run_in_the_folder_is_refused_while_the_first_goes_on(tmp_path):
    first = open_run_folder(tmp_path / "run", CONFIG, resume=False)
    with pytest.raises(CheckpointError, match=rf"run is in use: process {os.getpid()} on .* runs there now"):
        open_run_folder(tmp_path / "run", CONFIG, resume=True)
    with pytest.raises(CheckpointError, match="is in use"):
        archive(tmp_path / "run")
    first.leave()
    open_run_folder(tmp_path / "run", CONFIG, resume=True).leave()
    assert not (tmp_path / "run" / ".run.lock").exists()


def test_a_dead_process_holds_no_lock(tmp_path):
    code = (
        "import os, sys; from nlp_transfer.reporting.run_folder import open_run_folder; "
        f"open_run_folder({str(tmp_path / 'run')!r}, {CONFIG!r}, resume=False); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    assert (tmp_path / "run" / ".run.lock").exists()
    assert open_run_folder(tmp_path / "run", CONFIG, resume=True).state == "unfinished"


def test_a_run_is_set_aside_under_the_next_free_name(tmp_path):
    (tmp_path / "run-1").mkdir()
    finished_run(tmp_path / "run")
    assert archive(tmp_path / "run") == tmp_path / "run-2"
    assert inspect(tmp_path / "run-2").state == "finished"
    assert archive(tmp_path / "run") is None
    assert open_run_folder(tmp_path / "run", OTHER, resume=False).state == "empty"


def test_what_is_not_ours_is_not_set_aside(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.tex").touch()
    with pytest.raises(CheckpointError, match="holds no run of ours, so it is not set aside"):
        archive(tmp_path / "run")
    assert (tmp_path / "run" / "thesis.tex").exists()


def test_an_unfinished_run_goes_on_with_the_same_rows_only(tmp_path):
    open_run_folder(tmp_path / "run", CONFIG, resume=False, inputs={"source corpus": "a" * 64}).leave()
    with pytest.raises(CheckpointError, match=r"with another source corpus: its fingerprint was aaaaaaaaaaaa…, now"):
        open_run_folder(tmp_path / "run", CONFIG, resume=True, inputs={"source corpus": "b" * 64})
    assert (
        open_run_folder(tmp_path / "run", CONFIG, resume=True, inputs={"source corpus": "a" * 64}).state == "unfinished"
    )


def test_an_unfinished_run_keeps_what_its_rows_decided(tmp_path):
    def config(**training):
        return {"training": {"seed": 1, **training}}

    sized = config(num_train_epochs=10)
    open_run_folder(tmp_path / "run", sized, resume=False, by_rows={"num_train_epochs": 10}).leave()
    for same in (sized, config()):
        assert check_run_folder(tmp_path / "run", same, resume=True).state == "unfinished"
    with pytest.raises(CheckpointError, match=r"training\.num_train_epochs: 10 -> 3"):
        check_run_folder(tmp_path / "run", config(num_train_epochs=3), resume=True)
    open_run_folder(tmp_path / "given", sized, resume=False).leave()
    with pytest.raises(CheckpointError, match=r"training\.num_train_epochs: 10 -> not set"):
        check_run_folder(tmp_path / "given", config(), resume=True)


DAMAGES = [b"", b"{", b"[]", b"null", b"{}", b'{"source": {"test": {"macro_f1": NaN}}}', b'{"source": {}}', b"\xff\x00"]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["metrics.json", "report.json", "predictions.jsonl.gz"])
def test_results_are_those_of_the_run(tmp_path, name, damage):
    path = tmp_path / "run"
    folder = open_run_folder(path, CONFIG, resume=False)
    for number, one in enumerate(("metrics.json", "report.json", "predictions.jsonl.gz")):
        (path / one).write_text(f'{{"source": {{"test": {{"macro_f1": 0.{number}}}}}}}')
    folder.finish()
    check_results(path, inspect(path).record, complete=True)
    (path / name).write_bytes(damage)
    with pytest.raises(CheckpointError) as caught:
        check_results(path, inspect(path).record, complete=True)
    assert str(caught.value) == (
        f"{path / name} was changed after the run had finished. Put the files back as they were, or delete {path} and "
        "make the run again."
    )


def test_results_that_are_gone_or_swapped(tmp_path):
    path = tmp_path / "run"
    folder = open_run_folder(path, CONFIG, resume=False)
    (path / "metrics.json").write_text('{"source": {}}')
    (path / "report.json").write_text("{}")
    folder.finish()
    (path / "report.json").rename(path / "metrics.json")
    check = inspect(path)
    with pytest.raises(
        CheckpointError, match=r"2 problems:\n.*metrics\.json was changed .*\n.*report\.json cannot be read"
    ):
        check_results(path, check.record, complete=True)
    with pytest.raises(CheckpointError, match=r"metrics\.json was changed after the run had finished"):
        check_results(path, check.record, complete=False)


def test_a_run_that_learned_nothing_leaves_nothing(tmp_path):
    folder = open_run_folder(tmp_path / "run", CONFIG, resume=False)
    (folder.path / "tensorboard").mkdir()
    (folder.path / "tensorboard" / "events.out").touch()
    assert not folder.has_learned()
    folder.discard()
    assert not (tmp_path / "run").exists()
