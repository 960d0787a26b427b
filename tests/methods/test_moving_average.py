"""A moving average of weights that labels target rows."""

from contextlib import nullcontext
from typing import Any

import pytest
import torch

from nlp_transfer.methods.alignment import TEACHER_LOGITS
from nlp_transfer.methods.moving_average import Teacher
from tests.tiny_models import collate, random_rows, tiny_model
from tests.tiny_pretraining import tiny_tokenizer
from tests.training.stand_in import attached, stand_in


def teacher(model: Any, decay: float = 0.95, mask_probability: float = 0.0, **changes: Any) -> Any:
    changes = {"processing_class": tiny_tokenizer(), "compute_loss_context_manager": nullcontext, **changes}
    return attached(Teacher("mean_teacher", decay, mask_probability), stand_in(model=model, **changes))


def batch_of(rows: int = 2) -> dict[str, torch.Tensor]:
    return collate(list(random_rows(rows)))


def step(model: Any, extension: Any, value: float) -> None:
    """Set all trainable weights, as an optimizer step would, and count it."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.fill_(value)
    extension.trainer.state.global_step += 1


def test_the_average_by_hand() -> None:
    model = tiny_model("bert")
    with torch.no_grad():
        model.classifier.bias.fill_(0.0)
    extension = teacher(model, decay=0.3)
    with extension.training():
        extension.trainer.state.global_step = 9
        step(model, extension, 1.0)
        extension.prepare_target(batch_of(), [0, 1], [0, 1])
        extension.prepare_target(batch_of(), [0, 1], [2, 3])  # another micro-batch of the same step
        assert extension.state_dict()["classifier.bias"].tolist() == pytest.approx([0.7] * 3)
        step(model, extension, 0.0)
        extension.prepare_target(batch_of(), [0, 1], [4, 5])
        assert extension.state_dict()["classifier.bias"].tolist() == pytest.approx([0.21] * 3)
        assert extension.state_dict()["step"] == 11


def test_the_first_steps_keep_less() -> None:
    model = tiny_model("bert")
    extension = teacher(model, decay=0.99)
    with torch.no_grad():
        model.classifier.bias.fill_(1.0)
    with extension.training():
        step(model, extension, 0.0)
        extension.prepare_target(batch_of(), [0, 1], [0, 1])
        assert extension.state_dict()["classifier.bias"].tolist() == pytest.approx([2 / 11] * 3)


def test_rows_are_labelled_by_the_average_as_they_are_and_then_masked() -> None:
    model = tiny_model("bert")
    batch, plain = batch_of(), batch_of()
    expected = model.eval()(**{name: value for name, value in plain.items() if name != "labels"}).logits
    extension = teacher(model.train(), mask_probability=0.5)
    with extension.training():
        extension.prepare_target(batch, [0, 1], [0, 1])
    torch.testing.assert_close(batch[TEACHER_LOGITS], expected.detach())
    assert not batch[TEACHER_LOGITS].requires_grad
    assert not torch.equal(batch["input_ids"], plain["input_ids"])
    assert model.training


def test_frozen_weights_are_shared_and_not_in_checkpoints() -> None:
    model = tiny_model("bert")
    model.base_model.requires_grad_(False)
    extension = teacher(model)
    with extension.training():
        assert set(extension.state_dict()) == {"step", "classifier.weight", "classifier.bias"}
    assert extension.state_dict() == {}  # a checkpoint after training has no average


def test_a_resumed_average_goes_on() -> None:
    model = tiny_model("bert")
    first, second = teacher(model, decay=0.5), teacher(model, decay=0.5)
    with first.training():
        step(model, first, 2.0)
        first.prepare_target(batch_of(), [0, 1], [0, 1])
        saved = {name: value.clone() if name != "step" else value for name, value in first.state_dict().items()}
        step(model, first, 3.0)
        first.prepare_target(batch_of(), [0, 1], [2, 3])
        with second.training():
            second.load_state_dict(saved)
            second.trainer.state.global_step = 2
            second.prepare_target(batch_of(), [0, 1], [2, 3])
            for name, value in first.state_dict().items():
                assert torch.equal(torch.as_tensor(value), torch.as_tensor(second.state_dict()[name])), name
