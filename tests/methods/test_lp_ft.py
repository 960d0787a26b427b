"""The probe is the optimum on what the final linear layer sees; then everything trains."""

import pytest
import torch

from nlp_transfer.errors import ConfigError
from nlp_transfer.methods.lp_ft import LPFT
from nlp_transfer.models.families import count_parameters
from nlp_transfer.models.features import head_inputs
from nlp_transfer.models.linear_head import fit_linear_head
from tests.tiny_models import FAMILIES, collate, context, cross_entropy, tiny_model


def test_the_probe_is_written_into_the_head() -> None:
    ctx = context(new_parameters=("bert.pooler.dense.weight", "classifier.weight"))
    features, labels = head_inputs(tiny_model("bert"), ctx.train, collate=collate, max_tokens=200)
    weight, bias = fit_linear_head(features, labels, cross_entropy, l2=3.0, num_labels=3)
    model = LPFT(l2=3.0).prepare(tiny_model("bert"), ctx)
    torch.testing.assert_close(model.classifier.weight.data, weight)
    torch.testing.assert_close(model.classifier.bias.data, bias)
    loss = cross_entropy(features @ weight.T + bias, labels).mean().item()
    assert ctx.facts["lp_ft"]["probe_training_loss"] == pytest.approx(loss, rel=1e-4)
    assert ctx.facts["lp_ft"]["random_before_probe"] == ["bert.pooler.dense.weight"]


@pytest.mark.parametrize("family", FAMILIES)
def test_loss_is_lower_than_that_of_a_random_head(family: str) -> None:
    ctx = context()
    batch = collate(list(ctx.train))
    with torch.no_grad():
        before = tiny_model(family)(**batch).loss.item()
        model = LPFT(l2=1.0).prepare(tiny_model(family), ctx)
        after = model.eval()(**batch).loss.item()
    assert after < before
    assert after == pytest.approx(ctx.facts["lp_ft"]["probe_training_loss"], abs=1e-3)
    trainable, total = count_parameters(model)
    assert total - trainable == (32 * 32 + 32 if family == "big_bird" else 0)


def test_wrong_value() -> None:
    with pytest.raises(ConfigError, match=r"lp_ft\.l2 is 0\.0; expected more than 0"):
        LPFT(l2=0.0)
