"""Joint training: L = λ · L_S + (1 - λ) · L_T."""

import pytest
import torch

from nlp_transfer.errors import ConfigError
from nlp_transfer.methods import Joint
from nlp_transfer.training.extensions.adaptation_loss import total_loss
from tests.methods.adapting import side


def losses(method: Joint, progress: float) -> tuple[float, dict[str, float]]:
    """The total of source losses with mean 3 and target losses with mean 10, and what is shown."""
    source = side(torch.zeros(2, 4), losses=torch.tensor([2.0, 4.0]))
    target = side(torch.zeros(4, 4), losses=torch.tensor([10.0, 10.0, 10.0, 10.0]))
    loss, shown = total_loss([method], source, target, progress, {})
    return loss.item(), shown


def test_the_loss_by_hand() -> None:
    total, shown = losses(Joint(source_weight_start=0.75), 0.4)
    assert total == pytest.approx(0.75 * 3 + 0.25 * 10)
    assert shown == {"source_loss": 3.0, "joint_loss": 10.0, "joint_lambda": 0.75}


def test_one_is_the_source_alone_and_zero_the_target_alone() -> None:
    assert losses(Joint(source_weight_start=1.0), 0.5)[0] == 3.0
    assert losses(Joint(source_weight_start=0.0), 0.5)[0] == 10.0


def test_all_weight_on_the_source_all_along_needs_no_target_row() -> None:
    assert not Joint(source_weight_start=1.0).active
    assert not Joint(source_weight_start=1.0, source_weight_end=1.0).active
    assert Joint(source_weight_start=1.0, source_weight_end=0.9).active
    assert Joint(source_weight_start=0.0).active


def test_the_weight_moves_in_a_line() -> None:
    method = Joint(source_weight_start=1.0, source_weight_end=0.2)
    assert [method.source_weight(progress) for progress in (0.0, 0.5, 1.0)] == pytest.approx([1.0, 0.6, 0.2])


def test_wrong_values() -> None:
    with pytest.raises(ConfigError) as caught:
        Joint(source_weight_start=1.5, source_weight_end=-0.1)
    assert caught.value.problems == [
        "joint.source_weight_start is 1.5; expected 0 <= λ <= 1.",
        "joint.source_weight_end is -0.1; expected 0 <= λ <= 1.",
    ]
