"""Logits of batches are the network's own; a network that gives no numbers is refused."""

from typing import Any

import numpy as np
import pytest
import torch

from nlp_transfer.errors import CheckpointError
from nlp_transfer.models.speed.inference import batch_logits, check_finite
from tests.tiny_models import tiny_model


@pytest.mark.parametrize("rows", [1, 3])
def test_the_logits_are_those_of_a_plain_call(rows: int) -> None:
    model: Any = tiny_model("bert")
    ids = torch.arange(rows * 8).view(rows, 8) % 20 + 5
    mask = (torch.arange(8) < torch.tensor([[8], [5], [2]])[:rows]).long()
    inputs = {"input_ids": ids, "attention_mask": mask}
    with torch.no_grad():
        expected = model(**inputs).logits.numpy()
    with batch_logits(model, rows) as logits:
        found = logits(inputs)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert model.config._attn_implementation == "sdpa"


def test_outputs_that_are_not_finite() -> None:
    check_finite(np.zeros((2, 3)), "folder x")
    with pytest.raises(CheckpointError, match=r"^folder x gives outputs that are not finite"):
        check_finite(np.array([[0.0, np.nan]]), "folder x")
