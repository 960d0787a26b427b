"""The state of a method's own steps: a resumed training equals an uninterrupted one, and a bad file is an error."""

import itertools
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from nlp_transfer.config.experiment import load_config
from nlp_transfer.errors import CheckpointError, RunInterrupted, TrainingError
from nlp_transfer.files import file_digest
from nlp_transfer.methods import FewShot, contrastive, step_state
from nlp_transfer.methods.contrastive import Contrastive
from nlp_transfer.methods.step_state import StepState
from nlp_transfer.runner import run
from tests.methods.test_contrastive import painted
from tests.tiny_models import context, tiny_model
from tests.tiny_runs import run_tree

FILE = "contrastive.safetensors"


def trained(folder: Path | None, method: Contrastive = Contrastive(steps=8, learning_rate=1e-3)) -> Any:  # noqa: B008
    """Return the weights of a small encoder after contrastive training, and the facts about it."""
    rows = painted(24, 1)
    own = context(train=rows, validation=rows.select([]), folder=folder, seed=3)
    torch.manual_seed(0)
    model: Any = method.prepare(tiny_model("bert"), own)
    return {name: weight.detach().clone() for name, weight in model.state_dict().items()}, own.facts["contrastive"]


def interrupt(monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    """Let the loss of a step be the last that is computed."""
    calls: list[int] = []
    loss = contrastive.contrastive_loss

    def counted(*args: Any, **kwargs: Any) -> Any:
        calls.append(1)
        if len(calls) > at:
            raise TrainingError("interrupted")
        return loss(*args, **kwargs)

    monkeypatch.setattr(contrastive, "contrastive_loss", counted)


@pytest.mark.parametrize("method", [Contrastive(steps=8, learning_rate=1e-3), Contrastive(steps=8, lora_r=2)])
def test_a_resumed_training_equals_an_uninterrupted_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, method: Contrastive
) -> None:
    expected, facts = trained(None, method)
    monkeypatch.setattr(step_state, "SAVE_SECONDS", 0.0)
    for steps in (3, 2):  # interrupted in the fourth step, and again in the sixth
        with monkeypatch.context() as patched, pytest.raises(TrainingError, match="interrupted"):
            interrupt(patched, steps)
            trained(tmp_path, method)
    assert [path.name for path in tmp_path.iterdir()] == [FILE]
    torch.manual_seed(99)  # the state has its own
    found, resumed = trained(tmp_path, method)
    assert resumed.pop("earlier_seconds") > 0
    assert resumed == facts
    assert found.keys() == expected.keys()
    for name, weight in expected.items():
        assert torch.equal(weight, found[name]), name
    again, _ = trained(tmp_path, method)  # after the last step: none is made again
    assert all(torch.equal(weight, again[name]) for name, weight in expected.items())


def test_a_run_goes_on_from_its_checkpoints_and_counts_what_came_before(
    encoder: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(step_state, "SAVE_SECONDS", 0.0)
    steps = {"methods": [{"name": "contrastive", "steps": 6}], "baselines": []}
    whole, cut = (load_config(tree=run_tree(encoder, corpus, tmp_path / name) | steps) for name in ("whole", "cut"))
    run(whole)
    with monkeypatch.context() as patched, pytest.raises(TrainingError, match="interrupted"):
        interrupt(patched, 3)
        clock = itertools.count(0, 1000)
        patched.setattr(step_state, "time", SimpleNamespace(monotonic=lambda: next(clock)))
        run(cut)
    assert (tmp_path / "cut" / "checkpoints" / FILE).is_file()
    report = run(cut, resume=True)
    assert report is not None
    assert 1000 <= report.facts["contrastive"]["earlier_seconds"] < report.cost.train_seconds
    expected, found = (tmp_path / name / "model" / "model.safetensors" for name in ("whole", "cut"))
    assert file_digest(found) == file_digest(expected)


def test_short_trainings_leave_no_file(tmp_path: Path) -> None:
    trained(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_torn_file_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"torn")
    with pytest.raises(CheckpointError, match=rf"{FILE} cannot be used .*Delete it, and the run begins these steps"):
        trained(tmp_path)


@pytest.mark.parametrize("method", [Contrastive(steps=9, learning_rate=1e-3), Contrastive(steps=8, lora_r=2)])
def test_the_state_of_another_training_is_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, method: Contrastive
) -> None:
    monkeypatch.setattr(step_state, "SAVE_SECONDS", 0.0)
    trained(tmp_path)
    with pytest.raises(CheckpointError, match=r"cannot be used \(it is of other settings, texts or weights\)"):
        trained(tmp_path, method)


def test_the_state_of_other_weights_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(step_state, "SAVE_SECONDS", 0.0)
    states = []
    for width in (2, 3):
        weight = torch.nn.Parameter(torch.zeros(width))
        optimizer = torch.optim.AdamW([weight])
        weight.grad = torch.ones(width)
        optimizer.step()
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0)
        states.append(StepState(tmp_path / FILE, {}, [weight], optimizer, schedule))
    states[0].save_if_due([0.5])
    assert states[0].restore() == [0.5]
    with pytest.raises(CheckpointError, match="of other settings, texts or weights"):
        states[1].restore()


def test_a_signal_while_a_state_is_saved_leaves_no_rest(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def stopped(_: Any, place: Path, *__: Any) -> None:
        place.write_bytes(b"half")
        raise RunInterrupted("SIGTERM: stopped.")

    monkeypatch.setattr(step_state, "SAVE_SECONDS", 0.0)
    monkeypatch.setattr("safetensors.torch.save_file", stopped)
    with pytest.raises(RunInterrupted):
        trained(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_folds_of_few_shot_save_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    files: list[Path | None] = []
    made = StepState.__init__

    def noted(self: StepState, file: Path | None, *args: Any) -> None:
        files.append(file)
        made(self, file, *args)

    monkeypatch.setattr(StepState, "__init__", noted)
    rows = painted(16, 1)
    own = context(train=rows, validation=rows.select([]), folder=tmp_path)
    few_shot: Any = FewShot(candidates=["contrastive", "prototypes"])
    monkeypatch.setattr(FewShot, "_compare", lambda *_: {"chosen": "contrastive"})
    few_shot.prepare(tiny_model("bert"), own)
    assert files == [*[None] * 4, tmp_path / FILE]


def test_a_disk_without_room_warns(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def no_room(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(step_state, "SAVE_SECONDS", 0.0)
    monkeypatch.setattr("safetensors.torch.save_file", no_room)
    with caplog.at_level(logging.WARNING):
        trained(tmp_path)
    assert "was not saved ([Errno 28] No space left on device)" in caplog.text
    assert list(tmp_path.iterdir()) == []
