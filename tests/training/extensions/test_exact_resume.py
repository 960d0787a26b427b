"""Interrupted and resumed training ends as uninterrupted training does, to the bit."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from transformers import TrainerCallback

from nlp_transfer.errors import CheckpointError
from nlp_transfer.methods import FullFineTuning
from nlp_transfer.training.checkpoint_writer import checkpoint_bytes
from nlp_transfer.training.checkpoints import TRANSFER_STATE
from nlp_transfer.training.extensions.exact_resume import ExactResume, read_transfer_state
from tests.launching import launched
from tests.training.extensions.resume_matrix import Case, cases, trainer_for
from tests.training.stand_in import attached, stand_in

WORKER = Path(__file__).with_name("resume_matrix.py")


@pytest.fixture(scope="module", params=[1, 2], ids=["one process", "two processes"])
def matrix(request, tmp_path_factory):
    out = tmp_path_factory.mktemp("matrix")
    done = launched(WORKER, out, processes=request.param)
    stacks = done.stderr.find("Timeout (")  # what the watchdog of a case that hung says first
    assert done.returncode == 0, done.stderr[stacks:][:20_000] if stacks >= 0 else done.stderr[-3000:]
    return request.param, json.loads((out / f"{request.param}.json").read_text())


@pytest.mark.slow
def test_a_resumed_run_ends_as_an_uninterrupted_one(matrix):
    processes, results = matrix
    assert set(results) == {str(case) for case in cases(processes)}
    different = {
        name: [key for key, value in result["expected"].items() if result["found"][key] != value]
        for name, result in results.items()
    }
    assert not {name: keys for name, keys in different.items() if keys}


@pytest.mark.slow
def test_every_case_was_interrupted_where_it_says(matrix):
    _, results = matrix
    for name, result in results.items():
        how, _, rest = name.partition(" at ")
        if how == "signal":
            step = rest.partition(":")[0]
            assert f": step {step} was finished and saved in " in result["stopped"], name
        else:
            assert result["stopped"] == how, name


@pytest.fixture
def interrupted(tmp_path):
    """A run of 16 steps with checkpoints after 8 and 16."""
    trainer = trainer_for(Case(extra=(("save_total_limit", None),)), tmp_path / "run")
    trainer.train()
    return tmp_path / "run"


def again(folder, **changes):
    return trainer_for(Case(extra=tuple(changes.items())), folder)


@pytest.mark.parametrize("name", ["optimizer.pt", "scheduler.pt", "rng_state.pth", "transfer_state.json"])
def test_a_missing_state_is_an_error_and_never_a_fresh_one(interrupted, name):
    for checkpoint in interrupted.iterdir():
        (checkpoint / name).unlink()
        manifest = json.loads((checkpoint / "manifest.json").read_text())
        del manifest["files"][name]
        (checkpoint / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(CheckpointError, match=rf"checkpoint-16 has no {name}.*cannot go on as it was"):
        again(interrupted).train(resume_from_checkpoint=True)


def test_a_torn_checkpoint_is_passed_over_and_named(interrupted, caplog):
    weights = interrupted / "checkpoint-16" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    trainer = again(interrupted)
    with caplog.at_level("WARNING", logger="nlp_transfer.training.extensions.exact_resume"):
        assert trainer.resume.checkpoint_to_resume(True) == interrupted / "checkpoint-8"
    assert "checkpoint-16 was passed over" in caplog.text
    assert "model.safetensors has" in caplog.text


def test_a_named_checkpoint_without_a_manifest_does_not_exist(interrupted):
    (interrupted / "checkpoint-16" / "manifest.json").unlink()
    with pytest.raises(CheckpointError, match=r"checkpoint-16 has no manifest\.json"):
        again(interrupted).train(resume_from_checkpoint=str(interrupted / "checkpoint-16"))


def test_there_is_nothing_to_go_on_from(tmp_path):
    with pytest.raises(CheckpointError, match="has no whole checkpoint to go on from"):
        again(tmp_path / "new").train(resume_from_checkpoint=True)


def test_a_lost_best_checkpoint_is_an_error(interrupted):
    state = json.loads((interrupted / "checkpoint-16" / "transfer_state.json").read_text())
    assert state["best_checkpoint"] == "checkpoint-8"
    shutil.rmtree(interrupted / "checkpoint-8")
    with pytest.raises(CheckpointError) as caught:
        again(interrupted).train(resume_from_checkpoint=True)
    best = interrupted / "checkpoint-8"
    assert caught.value.problems == [
        f"There is no folder {best}.",
        f"{best} held the best weights so far, so training cannot end as it would have. Put it back, or train anew; "
        "archive_existing keeps a run's folder under another name.",
    ]


def test_a_moved_run_goes_on(interrupted, tmp_path):
    moved = interrupted.rename(tmp_path / "moved")
    trainer = again(moved)
    trainer.train(resume_from_checkpoint=True)
    assert Path(trainer.state.best_model_checkpoint).parent == moved


def test_a_run_goes_on_in_another_folder_with_the_best_checkpoint_of_the_first(interrupted, tmp_path, caplog):
    trainer = again(tmp_path / "new", num_train_epochs=3)
    trainer.train(resume_from_checkpoint=str(interrupted / "checkpoint-16"))
    assert trainer.state.best_model_checkpoint == str(interrupted / "checkpoint-8")
    later = again(tmp_path / "newer", num_train_epochs=4, save_total_limit=None)
    shutil.copytree(interrupted / "checkpoint-16", tmp_path / "alone" / "checkpoint-16")
    shutil.rmtree(interrupted)
    with caplog.at_level("WARNING", logger="nlp_transfer.training.extensions.exact_resume"):
        later.train(resume_from_checkpoint=str(tmp_path / "alone" / "checkpoint-16"))
    assert "checkpoint-8 held the best weights so far, and is not used: " in caplog.text
    assert later.state.global_step == 32


def test_a_run_that_max_steps_ended_goes_on_with_more_steps(tmp_path):
    steps = {"save_strategy": "steps", "save_steps": 3, "load_best_model_at_end": False, "save_total_limit": None}
    again(tmp_path / "run", max_steps=3, **steps).train()
    trainer = again(tmp_path / "run", max_steps=10, **steps)
    trainer.train(resume_from_checkpoint=True)
    assert trainer.state.global_step == 10
    assert [entry["epoch"] for entry in trainer.state.log_history if "eval_loss" in entry] == [1.0, 1.25]


@pytest.mark.parametrize(("now", "logged"), [(3, [9, 12, 15]), (0.25, [12, 16])])
def test_other_logging_steps_are_followed_and_a_share_of_the_steps_is_no_change(tmp_path, monkeypatch, now, logged):
    saves = {"save_strategy": "steps", "save_steps": 0.5, "save_total_limit": None, "load_best_model_at_end": False}
    again(tmp_path / "run", logging_steps=4, **saves).train()
    warned = []
    monkeypatch.setattr("transformers.trainer_utils.logger.warning_once", warned.append)
    trainer = again(tmp_path / "run", logging_steps=now, **saves)
    trainer.train(resume_from_checkpoint=str(tmp_path / "run" / "checkpoint-8"))
    assert [entry["step"] for entry in trainer.state.log_history if "loss" in entry and entry["step"] > 8] == logged
    assert not warned and trainer.args.logging_steps == now


@pytest.mark.parametrize("change", ["changed", "added"])
def test_the_advice_about_a_changed_checkpoint_helps(interrupted, change):
    checkpoint = interrupted / "checkpoint-16"
    changed = checkpoint / ("config.json" if change == "changed" else "model-extra.safetensors")
    changed.write_bytes((checkpoint / "config.json").read_bytes() + b"\n")
    with pytest.raises(CheckpointError) as caught:
        again(interrupted).train(resume_from_checkpoint=str(checkpoint))
    (advice,) = re.findall(rf"If it was you who {change} it, list it anew in Python: (.+)\.$", str(caught.value))
    subprocess.run([sys.executable, "-c", advice], check=True)
    trainer = again(interrupted)
    trainer.train(resume_from_checkpoint=str(checkpoint))
    assert trainer.state.global_step == 16


def test_a_run_that_early_stopping_ended_says_that_it_does_not_go_on(tmp_path, caplog):
    values = {"early_stopping_patience": 1, "early_stopping_threshold": 0.9, "num_train_epochs": 4}
    again(tmp_path / "run", **values, save_total_limit=None).train()
    trainer = again(tmp_path / "run", **{**values, "early_stopping_patience": 9})
    with caplog.at_level("WARNING", logger="nlp_transfer.training.extensions.exact_resume"):
        trainer.train(resume_from_checkpoint=True)
    assert trainer.state.global_step == 16
    assert (
        "checkpoint-16: early stopping had ended this training. It is not trained further, whatever patience is given "
        "now. To train on, start anew from its weights: from_pretrained("
    ) in caplog.text


def test_a_run_that_a_time_limit_stopped_goes_on(tmp_path, caplog):
    class TimeLimit(TrainerCallback):
        def on_step_end(self, args, state, control, **kwargs):
            if state.global_step == 5:
                control.should_save = control.should_training_stop = True

    stopped = again(tmp_path / "run", save_total_limit=None)
    stopped.add_callback(TimeLimit())
    stopped.train()
    assert stopped.state.global_step == 5
    resumed = again(tmp_path / "run")
    resumed.train(resume_from_checkpoint=True)
    assert resumed.state.global_step == 16
    assert "early stopping" not in caplog.text


def test_what_a_checkpoint_saved_without_the_optimizer_says(tmp_path):
    again(tmp_path / "run", save_only_model=True).train()
    with pytest.raises(
        CheckpointError, match=r"optimizer\.pt \(save_only_model leaves states out, or it was deleted\), so"
    ):
        again(tmp_path / "run").train(resume_from_checkpoint=True)


def test_another_number_of_processes_is_refused(interrupted):
    for checkpoint in interrupted.iterdir():
        state = json.loads((checkpoint / "transfer_state.json").read_text())
        (checkpoint / "transfer_state.json").write_text(json.dumps({**state, "processes": 2}))
        from nlp_transfer.models.files.manifest import write_manifest

        write_manifest(checkpoint)
    with pytest.raises(CheckpointError, match="saved by 2 processes, and there are 1 now"):
        again(interrupted).train(resume_from_checkpoint=True)


def test_other_methods_are_refused(interrupted):
    trainer = again(interrupted)
    trainer.methods = [FullFineTuning(layer_decay=0.9)]
    with pytest.raises(
        CheckpointError,
        match=r"with methods=\[\{'name': 'full_fine_tuning', 'layer_decay': 1\.0, .*, and the trainer has methods=.*: 0\.9",
    ):
        trainer.train(resume_from_checkpoint=True)


def test_a_save_that_fails_leaves_the_earlier_checkpoint_whole(interrupted, monkeypatch):
    trainer = again(interrupted, num_train_epochs=3, save_total_limit=None)

    def fails(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(trainer, "_save_scaler", fails)
    with pytest.raises(
        CheckpointError, match=r"checkpoint-24 cannot be saved \(No space left on device\); it needs about [\d,]+ bytes"
    ):
        trainer.train(resume_from_checkpoint=True)
    assert sorted(path.name for path in interrupted.iterdir()) == ["checkpoint-16", "checkpoint-8"]


def test_a_checkpoint_needs_what_it_is_said_to_need(interrupted):
    trainer = again(interrupted, save_total_limit=None)
    trainer.train(resume_from_checkpoint=True)
    checkpoint = interrupted / "checkpoint-16"
    written = sum((checkpoint / name).stat().st_size for name in ("model.safetensors", "optimizer.pt"))
    assert checkpoint_bytes(trainer) == pytest.approx(written, rel=0.2)


def test_a_checkpoint_that_is_not_there_is_named(tmp_path):
    resume = attached(ExactResume(), stand_in(args={"output_dir": str(tmp_path)}))
    assert resume.checkpoint_to_resume(None) is None
    assert resume.newest_checkpoint() == (None, [])
    with pytest.raises(CheckpointError, match=r"Can't find a valid checkpoint at .*checkpoint-3"):
        resume.checkpoint_to_resume(str(tmp_path / "checkpoint-3"))


# ---- checks of the checkpoint ----

FILES = ("trainer_state.json", "optimizer.pt", "scheduler.pt", "rng_state.pth")


@pytest.fixture
def checkpoint(tmp_path):
    for name in FILES:
        (tmp_path / name).write_text("{}")
    state = {"processes": 1, "threads": torch.get_num_threads(), "ended": False, "methods": []}
    (tmp_path / TRANSFER_STATE).write_text(json.dumps(state))
    return tmp_path


def test_the_state_of_a_checkpoint_with_all_its_files_is_read(checkpoint):
    assert read_transfer_state(stand_in(train_dataset=[1]), checkpoint)["processes"] == 1


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_missing_is_named(checkpoint, name):
    (checkpoint / name).unlink()
    with pytest.raises(CheckpointError, match=f"has no {name}"):
        read_transfer_state(stand_in(train_dataset=[1]), checkpoint)


def test_other_methods_and_processes_are_refused(checkpoint):
    methods = (FullFineTuning(),)
    with pytest.raises(CheckpointError, match=r"with methods=\[\], and the trainer has methods="):
        read_transfer_state(stand_in(train_dataset=[1], methods=methods), checkpoint)
    with pytest.raises(CheckpointError, match="saved by 1 processes, and there are 2 now"):
        read_transfer_state(stand_in(train_dataset=[1], args={"world_size": 2}), checkpoint)
