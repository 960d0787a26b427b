"""An update that is not finite never reaches the weights."""

import json

import pytest
import torch
from torch import nn

from nlp_transfer import TransferArguments
from nlp_transfer.errors import ConfigError, TrainingError
from nlp_transfer.training.extensions.nonfinite_guard import NonfiniteGuard
from nlp_transfer.training.optimizer_step import OptimizerStep
from tests.tiny_models import random_rows, tiny_model
from tests.training.faulty import ROWS, Faulty, trainer, weights
from tests.training.stand_in import attached, stand_in


@pytest.fixture
def model():
    return tiny_model("bert")


def test_a_loss_that_is_not_finite_stops_before_the_weights_take_it(tmp_path, model):
    before = weights(model)
    Faulty(model, ruined=[2])
    run = trainer(tmp_path, model, gradient_accumulation_steps=2)
    text = (
        r"The loss became nan at step 1 \(epoch 0\.00\), with the rows row-4, row-5, row-6, row-7\. "
        r"The weights did not take this update\..*No checkpoint was saved before it\."
    )
    with pytest.raises(TrainingError, match=text):
        run.train()
    assert torch.equal(weights(model), before)


def test_the_last_good_checkpoint_stays(tmp_path, model):
    Faulty(model, ruined=[3])
    with pytest.raises(TrainingError, match=r"at step 3 .* row-8, .*The last good checkpoint is .*checkpoint-2\."):
        trainer(tmp_path, model).train()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-1", "checkpoint-2"]


def test_a_gradient_that_is_not_finite_stops_too(tmp_path, model):
    model.classifier.weight.register_hook(lambda gradient: gradient * float("inf"))
    with pytest.raises(
        TrainingError, match=r"The gradient is not finite, though the loss is, at step 1 .*row-0, row-1"
    ):
        trainer(tmp_path, model, max_grad_norm=0.0).train()


def test_skipping_leaves_the_update_out_and_counts_it(tmp_path, model):
    seen = []
    Faulty(model, ruined=[2])
    run = trainer(tmp_path, model, on_nonfinite="skip")
    original = run._maybe_log_save_evaluate

    def note(*args, **kwargs):
        seen.append(weights(model))
        return original(*args, **kwargs)

    run._maybe_log_save_evaluate = note
    run.train()
    assert torch.equal(seen[0], seen[1]) and not torch.equal(seen[1], seen[2])
    assert run.extension(NonfiniteGuard).skipped_updates == 1
    assert run.summary() == {"updates left out, not finite": 1}
    logged = [entry for entry in run.state.log_history if "loss" in entry]
    assert [entry["step"] for entry in logged] == [1, 3, 4]
    assert all(entry["loss"] > 0 for entry in logged)
    assert [entry.get("skipped_updates") for entry in logged] == [None, 1, 1]
    assert json.loads((tmp_path / "checkpoint-2" / "transfer_state.json").read_text())["extensions"] == [
        {"NonfiniteGuard": {"skipped_updates": 1}, "OomGuard": {"micro_batch_parts": 1}}
    ]


def test_skipping_stops_after_its_bound(tmp_path, model):
    Faulty(model, ruined=[1, 2, 3])
    text = r"2 updates were left out before it \(training\.max_skipped_updates\)"
    with pytest.raises(TrainingError, match=text):
        trainer(tmp_path, model, on_nonfinite="skip", max_skipped_updates=2).train()


def test_a_negative_bound_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"max_skipped_updates is -1; expected 0 or more"):
        TransferArguments(output_dir=str(tmp_path), max_skipped_updates=-1)


def test_rows_without_ids_are_said_to_have_none(tmp_path, model):
    Faulty(model, ruined=[1])
    run = trainer(tmp_path, model)
    run.train_dataset = random_rows(ROWS)
    with pytest.raises(TrainingError, match=r"of which no ids are known \(the dataset has no column id\)"):
        run.train()


def test_a_loss_that_is_not_finite_is_named_by_its_rows():
    trainer = stand_in(current_step=OptimizerStep([{}], [["a", "b"]], torch.tensor(0.0)))
    guard = attached(NonfiniteGuard(), trainer)
    guard.prepare_step([{}])
    guard.backward(lambda *_: torch.tensor(float("nan")), nn.Linear(1, 1), {}, None)
    with pytest.raises(TrainingError, match=r"The loss became nan at step 1 .*with the rows a, b\..*No checkpoint"):
        guard.before_optimizer_step(torch.tensor(1.0), nn.Linear(1, 1))
    guard.reset_step()
    assert guard.before_optimizer_step(torch.tensor(1.0), nn.Linear(1, 1)) == 1.0
