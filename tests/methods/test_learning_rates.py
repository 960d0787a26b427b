"""Learning rates by depth and of the head, as full fine-tuning sets them."""

import pytest

from nlp_transfer.methods.full_fine_tuning import FullFineTuning
from tests.tiny_models import context, tiny_model
from tests.tiny_pretraining import tiny_masked_lm


def test_layer_decay_rates() -> None:
    model = FullFineTuning(layer_decay=0.5).prepare(tiny_model("bert"), context())
    rate = {name: lr for names, lr in FullFineTuning(layer_decay=0.5).parameter_groups(model, 0.8) for name in names}
    assert rate["bert.encoder.layer.1.output.dense.weight"] == pytest.approx(0.4)
    assert rate["bert.encoder.layer.0.output.dense.weight"] == pytest.approx(0.2)
    assert rate["bert.embeddings.word_embeddings.weight"] == pytest.approx(0.1)
    # The top layer and the head, pooler included, take the run's rate.
    rest = {name for name, _ in model.named_parameters()} - set(rate)
    assert {name.split(".layer.2.")[0] for name in rest} == {
        "bert.encoder",
        "bert.pooler.dense.weight",
        "bert.pooler.dense.bias",
        "classifier.weight",
        "classifier.bias",
    }


def test_final_norm_belongs_to_the_top() -> None:
    model = tiny_model("modernbert")
    names = {name for group, _ in FullFineTuning(layer_decay=0.5).parameter_groups(model, 1.0) for name in group}
    assert "model.embeddings.tok_embeddings.weight" in names
    assert not any(
        "final_norm" in name or "layers.2" in name or name.startswith(("head", "classifier")) for name in names
    )


def test_the_head_may_have_a_rate_of_its_own() -> None:
    method = FullFineTuning(layer_decay=0.5, head_learning_rate=3.0)
    rates = [(rate, sorted(names)) for names, rate in method.parameter_groups(tiny_model("bert"), 0.8)]
    assert [rate for rate, _ in rates] == [3.0, 0.4, 0.2, 0.1]
    assert rates[0][1] == ["bert.pooler.dense.bias", "bert.pooler.dense.weight", "classifier.bias", "classifier.weight"]
    assert [rate for _, rate in FullFineTuning(head_learning_rate=3.0).parameter_groups(tiny_model("bert"), 0.8)] == [
        3.0
    ]


def test_a_masked_lm_takes_layer_decay_and_a_rate_for_what_its_head_does_not_share() -> None:
    model = tiny_masked_lm("bert")
    rates = {rate for _, rate in FullFineTuning(layer_decay=0.5).parameter_groups(model, 0.8)}
    assert sorted(rates) == [0.1, 0.2, 0.4]
    method = FullFineTuning(head_learning_rate=3.0)
    method.check(model)
    ((names, rate),) = method.parameter_groups(model, 0.8)
    assert rate == 3.0
    assert sorted(names) == [
        "cls.predictions.bias",
        "cls.predictions.transform.LayerNorm.bias",
        "cls.predictions.transform.LayerNorm.weight",
        "cls.predictions.transform.dense.bias",
        "cls.predictions.transform.dense.weight",
    ]


def test_no_decay_has_no_groups() -> None:
    assert list(FullFineTuning().parameter_groups(tiny_model("bert"), 1.0)) == []
