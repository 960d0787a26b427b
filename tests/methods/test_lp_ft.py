"""The probe is the frozen encoder's best head; then everything trains that does not merely pass the pooled state on."""

import pytest
import torch

from nlp_transfer.errors import ConfigError
from nlp_transfer.methods import LPFT, FrozenEncoder
from nlp_transfer.models.families import count_parameters, encoder_layers, final_linear
from tests.tiny_models import FAMILIES, collate, context, inputs, logits, tiny_model


def test_it_begins_where_a_frozen_encoder_on_the_last_layer_ends() -> None:
    model = LPFT(l2=[3.0]).prepare(tiny_model("bert"), context())
    frozen = FrozenEncoder(layers=[3], l2=[3.0]).prepare(tiny_model("bert"), context())
    torch.testing.assert_close(logits(model), logits(frozen))


def test_no_layer_is_dropped_unless_layers_are_named() -> None:
    ctx = context()
    model = LPFT(pooling=["cls"]).prepare(tiny_model("bert"), ctx)
    assert (model.config.num_hidden_layers, ctx.facts["lp_ft"]["layer"]) == (3, 3)
    assert LPFT(pooling=["cls"], layers=[1]).prepare(tiny_model("bert"), context()).config.num_hidden_layers == 1


@pytest.mark.parametrize("family", FAMILIES)
def test_the_encoder_and_the_final_layer_train_and_the_loss_starts_low(family: str) -> None:
    batch = collate(list(context().train))
    with torch.no_grad():
        before = tiny_model(family)(**batch).loss.item()
    model = LPFT(l2=[1.0]).prepare(tiny_model(family), context()).eval()
    loss = model(**batch).loss
    assert loss.item() < before
    loss.backward()
    trained = {name for name, p in model.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0}
    assert any("embeddings" in name or "embed" in name or "tok_" in name for name in trained)
    assert any(".0." in name for name in trained)
    assert f"{final_linear(model)[0]}.weight" in trained
    trainable, total = count_parameters(model)
    assert total / 2 < trainable < total


def test_what_passes_the_pooled_state_on_stays_exact_while_all_else_moves() -> None:
    model = LPFT(pooling=["mean"], l2=[1.0]).prepare(tiny_model("bert"), context()).train()
    averaging = {name: p.detach().clone() for name, p in model.named_parameters() if not p.requires_grad}
    assert {name.split(".")[3] for name in averaging if "layer" in name} == {"3"}
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        model(**inputs()).loss.backward()
        optimizer.step()
    parameters = dict(model.named_parameters())
    assert all(torch.equal(parameters[name], before) for name, before in averaging.items())


@pytest.mark.parametrize("family", FAMILIES)
def test_only_the_top_layers_train_where_a_number_is_named(family: str) -> None:
    model = LPFT(l2=[1.0], trained_layers=1).prepare(tiny_model(family), context())
    layers = list(encoder_layers(model))
    free = [i for i, layer in enumerate(layers) if any(p.requires_grad for p in layer.parameters())]
    assert len(free) == 1
    assert free[0] >= len(layers) - 2  # the layer that averages stays above it
    assert final_linear(model)[1].weight.requires_grad
    assert not model.get_input_embeddings().weight.requires_grad
    with pytest.raises(ConfigError, match="trained_layers is 0; expected 1 or more, or null for all"):
        LPFT(trained_layers=0)
    with pytest.raises(ConfigError, match=r"trained_layers is 9, but this \S+ encoder has"):
        LPFT(trained_layers=9).check(tiny_model(family))


def test_wrong_values_are_named_by_the_method() -> None:
    with pytest.raises(ConfigError, match=r"lp_ft\.l2 holds 0\.0; expected more than 0"):
        LPFT(l2=[0.0])
    with pytest.raises(ConfigError, match=r"lp_ft\.layers holds 9; this bert encoder can be read at 1 to 3"):
        LPFT(layers=[9]).check(tiny_model("bert"))
