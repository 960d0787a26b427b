"""A linear probe: which candidate is chosen, what is encoded, and which model it is written into."""

from typing import Any

import pytest

from nlp_transfer.errors import ConfigError
from nlp_transfer.methods.frozen_encoder import FrozenEncoder
from nlp_transfer.models.activation_cache.features import hidden_states
from tests.logged import logged
from tests.tiny_models import accuracy, context, logits, random_rows, tiny_model


def test_ties_go_to_the_lowest_layer_and_the_strongest_penalty() -> None:
    ctx = context(score=lambda logits, labels: 0.5)
    FrozenEncoder(layers=[3, 2]).prepare(tiny_model("bert"), ctx)
    facts = ctx.facts["frozen_encoder"]
    assert (facts["layer"], facts["pooling"], facts["l2"]) == (2, "mean", 1000.0)


def test_texts_are_encoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def counting(model: Any, dataset: Any, **options: Any) -> Any:
        seen.append(len(dataset))
        return hidden_states(model, dataset, **options)

    monkeypatch.setattr("nlp_transfer.models.activation_cache.features.hidden_states", counting)
    FrozenEncoder().prepare(tiny_model("bert"), context())
    assert seen == [30, 20]


def test_a_head_that_does_not_survive_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nlp_transfer.models.heads.pooling.fold_head", lambda *arguments: None)
    with pytest.raises(RuntimeError, match="does not survive being written into the bert model: its logits differ by"):
        FrozenEncoder().prepare(tiny_model("bert"), context())


def test_what_the_encoder_does_not_have() -> None:
    with pytest.raises(ConfigError, match=r"layers holds 7; this bert encoder can be read at 1 to 3"):
        FrozenEncoder(layers=[7]).check(tiny_model("bert"))
    with pytest.raises(ConfigError, match=r"pooling holds 'mean', which a albert encoder cannot .* Possible: cls\."):
        FrozenEncoder(pooling=["mean"]).check(tiny_model("albert"))


def test_without_validation_rows_it_chooses_by_cross_validation() -> None:
    seen: list[int] = []

    def score(logits: Any, labels: Any) -> float:
        seen.append(len(logits))
        return accuracy(logits, labels)

    ctx = context(validation=random_rows(3).select([]), score=score)
    model = FrozenEncoder(layers=[2], pooling=["mean"], l2=[1.0, 10.0]).prepare(tiny_model("bert"), ctx)
    facts = ctx.facts["frozen_encoder"]
    assert seen == [90, 90]  # 30 rows, each held out three times
    assert facts["chosen_by"] == "cross-validation, 3 times 4 folds"
    assert facts["cross_validation_score"] == max(one["cross_validation_score"] for one in facts["candidates"])
    assert logits(model).shape == (6, 3)


def test_a_class_with_one_row_is_warned_of() -> None:
    rows = random_rows(12, seed=1)
    train = rows.select([rows["labels"].index(label) for label in range(3)])
    with logged() as lines:
        FrozenEncoder(layers=[2], l2=[1.0]).prepare(
            tiny_model("bert"), context(train=train, validation=train.select([]))
        )
    assert any(
        line.startswith("A class has one training text, so that cross-validation cannot judge") for line in lines
    )


def test_one_row_is_too_few() -> None:
    ctx = context(train=random_rows(1), validation=random_rows(3).select([]))
    with pytest.raises(ConfigError, match="chosen by cross-validation, and there are 1 rows; it takes two or more"):
        FrozenEncoder().prepare(tiny_model("bert"), ctx)


def test_wrong_values_are_reported_together() -> None:
    with pytest.raises(ConfigError) as error:
        FrozenEncoder(layers=[], pooling=["meen"], l2=[0.0])
    assert error.value.problems == [
        "frozen_encoder.layers is empty; name at least one, or leave it out.",
        "frozen_encoder.pooling: Unknown pooling 'meen'. Did you mean 'mean'? Poolings: mean, cls.",
        "frozen_encoder.l2 holds 0.0; expected more than 0.",
    ]
