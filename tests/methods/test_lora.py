"""LoRA's equation, its defaults and its refusals. That heads survive a reload: tests/models/test_adapters.py."""

import pytest
import torch

from nlp_transfer.errors import ConfigError
from nlp_transfer.methods.lora import LoRA
from nlp_transfer.models.families import count_parameters
from tests.tiny_models import context, logits, tiny_model


def test_the_change_is_zero_at_the_start() -> None:
    model = tiny_model("roberta")
    before = logits(model)
    assert torch.equal(logits(LoRA(r=4).prepare(model, context())), before)


@pytest.mark.parametrize(("rslora", "scale"), [(False, 6 / 4), (True, 6 / 2)])
def test_equation(rslora: bool, scale: float) -> None:
    adapted = LoRA(r=4, alpha=6, use_rslora=rslora).prepare(tiny_model("bert"), context()).eval()
    layer = adapted.base_model.model.bert.encoder.layer[0].attention.self.query
    a, b = layer.lora_A["default"].weight, layer.lora_B["default"].weight
    assert (a.shape, b.shape) == ((4, 32), (32, 4))
    torch.manual_seed(0)
    with torch.no_grad():
        b.normal_()
        x = torch.randn(5, 32)
        expected = x @ (layer.base_layer.weight + scale * b @ a).T + layer.base_layer.bias
        torch.testing.assert_close(layer(x), expected, atol=1e-4, rtol=1e-4)


def test_defaults_and_facts() -> None:
    ctx = context()
    adapted = LoRA().prepare(tiny_model("bert"), ctx)
    config = adapted.active_peft_config
    assert (config.r, config.lora_alpha, config.lora_dropout) == (16, 32, 0.05)
    assert not config.use_dora
    assert not config.use_rslora
    assert ctx.facts["lora"]["saved_modules"] == ["bert.pooler", "classifier"]
    assert "attention.self.query" in ctx.facts["lora"]["target_modules"]


def test_count() -> None:
    adapted = LoRA(r=2, target_modules=["query", "value"]).prepare(tiny_model("bert"), context())
    matrices = 3 * 2 * (2 * 32 + 32 * 2)
    head = 32 * 32 + 32 + 32 * 3 + 3
    assert count_parameters(adapted)[0] == matrices + head


def test_own_learning_rate_is_for_the_matrices_only() -> None:
    method = LoRA(r=2, learning_rate=1e-3)
    adapted = method.prepare(tiny_model("bert"), context())
    [(names, rate)] = method.parameter_groups(adapted, 1e-5)
    assert rate == 1e-3
    assert len(names) == 3 * 6 * 2
    assert all(".lora_A." in name or ".lora_B." in name for name in names)
    assert list(LoRA().parameter_groups(adapted, 1e-5)) == []


def test_dora_learns_magnitudes() -> None:
    adapted = LoRA(r=2, use_dora=True).prepare(tiny_model("distilbert"), context())
    assert any("lora_magnitude_vector" in name and p.requires_grad for name, p in adapted.named_parameters())


def test_unknown_target() -> None:
    with pytest.raises(
        ConfigError, match=r"lora\.target_modules: Unknown linear layer 'querry'\. Did you mean 'query'\?"
    ):
        LoRA(target_modules=["querry"]).check(tiny_model("bert"))


def test_wrong_values_are_reported_together() -> None:
    with pytest.raises(ConfigError) as error:
        LoRA(r=0, alpha=0, dropout=1.0, target_modules=[], learning_rate=0.0)
    assert error.value.problems == [
        "lora.r is 0; expected a rank of 1 or more.",
        "lora.alpha is 0; expected more than 0.",
        "lora.dropout is 1.0; expected 0 <= dropout < 1.",
        "lora.target_modules is []; expected names; leave it out for all linear layers of the encoder.",
        "lora.learning_rate is 0.0; expected more than 0.",
    ]


def test_upper_layers_only() -> None:
    adapted = LoRA(r=2, layers=2).prepare(tiny_model("bert"), context())
    with_adapter = {name.split(".layer.")[1][0] for name, _ in adapted.named_parameters() if ".lora_A." in name}
    assert with_adapter == {"1", "2"}
    assert count_parameters(adapted)[0] == 2 * (4 * 2 * 64 + 2 * 2 * 80) + 32 * 32 + 32 + 32 * 3 + 3
    queries = LoRA(r=2, layers=1, target_modules=["query"]).prepare(tiny_model("bert"), context())
    names = [name for name, _ in queries.named_parameters() if ".lora_A." in name]
    assert [name.split(".layer.")[1] for name in names] == ["2.attention.self.query.lora_A.default.weight"]


def test_layers_that_are_not_there() -> None:
    with pytest.raises(
        ConfigError, match=r"lora\.layers is 4, but this bert encoder has 3 layers\. Set it to 3 or less"
    ):
        LoRA(layers=4).check(tiny_model("bert"))
    with pytest.raises(ConfigError, match=r"lora\.layers is 0; expected 1 or more, or leave it out for all\."):
        LoRA(layers=0)
    with pytest.raises(
        ConfigError, match=r"lora\.layers is 1, and none of these layers has one of lora\.target_modules \(classifier\)"
    ):
        LoRA(layers=1, target_modules=["classifier"]).check(tiny_model("bert"))
