"""Interrupted and resumed training ends as uninterrupted training does, to the bit."""

import json
import shutil
from pathlib import Path

import pytest

from nlp_transfer.errors import CheckpointError
from nlp_transfer.methods import FullFineTuning
from tests.launching import launched
from tests.training.resume_matrix import Case, cases, trainer_for

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
    with caplog.at_level("WARNING", logger="nlp_transfer.training.resuming"):
        assert trainer._checkpoint_to_resume(True) == interrupted / "checkpoint-8"
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
    with pytest.raises(CheckpointError, match=r"checkpoint-8 held the best weights so far.*--new_run"):
        again(interrupted).train(resume_from_checkpoint=True)


def test_a_moved_run_goes_on(interrupted, tmp_path):
    moved = interrupted.rename(tmp_path / "moved")
    trainer = again(moved)
    trainer.train(resume_from_checkpoint=True)
    assert Path(trainer.state.best_model_checkpoint).parent == moved


def test_what_a_checkpoint_saved_without_the_optimizer_says(tmp_path):
    again(tmp_path / "run", save_only_model=True).train()
    with pytest.raises(CheckpointError, match="saved without the optimizer's state"):
        again(tmp_path / "run").train(resume_from_checkpoint=True)


def test_another_number_of_processes_is_refused(interrupted):
    for checkpoint in interrupted.iterdir():
        state = json.loads((checkpoint / "transfer_state.json").read_text())
        (checkpoint / "transfer_state.json").write_text(json.dumps({**state, "processes": 2}))
        from nlp_transfer.models.manifest import write_manifest

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
    trainer = again(interrupted)
    trainer.train(resume_from_checkpoint=True)
    checkpoint = interrupted / "checkpoint-16"
    written = sum((checkpoint / name).stat().st_size for name in ("model.safetensors", "optimizer.pt"))
    assert trainer.checkpoint_bytes() == pytest.approx(written, rel=0.2)
