"""Contrastive training: the loss by hand, the batches, and an encoder that tells classes apart afterwards."""

import math
from typing import Any

import pytest
import torch
from datasets import Dataset

from nlp_transfer.data.encoding.collators import padding_collator
from nlp_transfer.errors import ConfigError, TrainingError
from nlp_transfer.methods.contrastive import Contrastive, contrastive_loss
from nlp_transfer.methods.text_batches import TrainedTexts
from nlp_transfer.models.families import final_linear
from tests.tiny_classifiers import word_tokenizer
from tests.tiny_models import FAMILIES, context, logits, random_rows, tiny_model


def test_the_loss_by_hand() -> None:
    features = torch.tensor([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]])
    labels = torch.tensor([0, 0, 1])
    first = -(0.6 - math.log(math.exp(0.6) + math.exp(0.0)))
    second = -(0.6 - math.log(math.exp(0.6) + math.exp(0.8)))
    found = contrastive_loss(features, labels, temperature=1.0)  # the third has no partner
    assert found.item() == pytest.approx((first + second) / 2, abs=1e-6)


def test_several_labels_pull_by_the_share_that_is_common() -> None:
    features = torch.eye(3)
    labels = torch.tensor([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    logs = math.log(0.5)  # two others, equally far away
    assert contrastive_loss(features, labels, temperature=0.5).item() == pytest.approx(-logs, abs=1e-6)
    none = torch.zeros(2, 2)  # two texts without a label are alike
    assert contrastive_loss(torch.eye(2), none, temperature=1.0).item() == pytest.approx(0.0, abs=1e-6)


def painted(count: int, seed: int) -> Any:
    """Rows in which one token in four gives the class away."""

    def paint(row: dict[str, Any]) -> dict[str, Any]:
        return {**row, "input_ids": [10 + row["labels"] if i % 4 == 1 else t for i, t in enumerate(row["input_ids"])]}

    return random_rows(count, seed=seed).map(paint)


@pytest.mark.parametrize("family", [name for name in FAMILIES if name in ("bert", "roberta", "modernbert", "albert")])
def test_it_learns_from_few_rows_without_validation(family: str) -> None:
    train = painted(24, 1)
    ctx = context(train=train, validation=train.select([]))
    torch.manual_seed(0)
    model = Contrastive(steps=30, learning_rate=3e-3).prepare(tiny_model(family), ctx)
    facts = ctx.facts["contrastive"]
    assert facts["steps"] == 30
    assert facts["last loss"] < facts["first loss"]
    assert "validation_score" not in facts  # the encoder has seen every row
    assert (facts["layer"], facts["loss"], facts["l2"]) == (3, "task", 1.0)
    assert logits(model).shape == (6, 3)
    assert final_linear(model)[1].weight.requires_grad


def test_adapters_change_all_linear_layers_by_a_low_rank_and_are_merged() -> None:
    train = painted(24, 1)
    ctx, model = context(train=train, validation=train.select([])), tiny_model("bert")
    before = {name: one.detach().clone() for name, one in model.base_model.named_parameters()}
    Contrastive(steps=20, lora_r=2, learning_rate=1e-2).prepare(model, ctx)
    assert ctx.facts.keys() == {"contrastive"}
    assert ctx.facts["contrastive"]["last loss"] < ctx.facts["contrastive"]["first loss"]
    assert not [name for name, _ in model.named_modules() if "lora" in name]
    assert (Contrastive().rate, Contrastive(lora_r=2).rate) == (3e-5, 3e-4)
    first = "encoder.layer.0.attention.self.query.weight"
    change = dict(model.base_model.named_parameters())[first] - before[first]
    assert torch.linalg.matrix_rank(change, rtol=1e-4) == 2
    kept = dict(model.base_model.named_parameters())["embeddings.word_embeddings.weight"]
    assert torch.equal(kept, before["embeddings.word_embeddings.weight"])


def test_a_loss_that_is_not_finite_stops_the_run() -> None:
    train = painted(12, 1)
    model = tiny_model("bert")
    with torch.no_grad():
        model.get_input_embeddings().weight.fill_(float("nan"))
    with pytest.raises(TrainingError, match=r"the loss of step 1 is not finite\. Lower contrastive\.learning_rate"):
        Contrastive(steps=2).prepare(model, context(train=train, validation=train.select([])))


def test_the_same_seed_trains_the_same_model() -> None:
    made = []
    for tokens in (8192, 60):  # in one part and in several, with the same result but for dropout's draws
        ctx = context(train=painted(12, 1), validation=random_rows(3).select([]), batch_tokens=tokens, seed=3)
        model = tiny_model("bert")
        for module in model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        made.append(logits(Contrastive(steps=3).prepare(model, ctx)))
    torch.testing.assert_close(made[0], made[1], atol=2e-3, rtol=2e-3)


def test_with_validation_the_head_is_chosen_there() -> None:
    ctx = context(train=painted(24, 1), validation=painted(20, 2))
    Contrastive(steps=2, l2=[1.0, 10.0]).prepare(tiny_model("bert"), ctx)
    facts = ctx.facts["contrastive"]
    assert facts["layer"] == 3
    assert len(facts["candidates"]) == 4  # two poolings, two penalties
    assert "chosen_by" not in facts


def test_steps_follow_from_the_numbers_of_classes_and_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[int] = []
    monkeypatch.setattr("nlp_transfer.methods.contrastive.MIN_STEPS", 2)
    for rows in (8, 40):  # of three classes
        ctx = context(train=painted(rows, 1), validation=random_rows(3).select([]))
        Contrastive(texts_per_step=8).prepare(tiny_model("bert"), ctx)
        counted.append(ctx.facts["contrastive"]["steps"])
    assert counted == [12, 15]  # four steps a class, three passes


def test_steps_where_none_are_named() -> None:
    assert Contrastive()._steps(torch.arange(24) % 3) == 20
    assert Contrastive()._steps(torch.zeros(24, 7)) == 28
    assert Contrastive()._steps(torch.arange(6400) % 3) == 300


def test_documents_of_several_windows() -> None:
    rows = [
        {"input_ids": [5, 10 + i % 3, 6, 5, 7, 8, 9, 6], "window_ids": [-1, 1, -1, -2, 2, 2, 2, -2], "labels": i % 3}
        for i in range(9)
    ]
    for row in rows:
        row["length"] = 8
    train = Dataset.from_list(rows)
    model, collate = tiny_model("bert").eval(), padding_collator(word_tokenizer(), compiled=False)
    found = TrainedTexts(model, context(train=train, collate=collate), "mean").features([0, 4])
    windows = Dataset.from_list([{"input_ids": [5, 10, 6], "labels": 0}, {"input_ids": [5, 7, 8, 9, 6], "labels": 0}])
    own = TrainedTexts(model, context(train=windows, collate=collate), "mean").features([0, 1])
    torch.testing.assert_close(found[0], (own[0] + 3 * own[1]) / 4, atol=1e-5, rtol=1e-5)


def test_wrong_values_are_reported_together() -> None:
    with pytest.raises(ConfigError) as error:
        Contrastive(steps=0, texts_per_step=1, temperature=0.0, learning_rate=-1.0)
    assert error.value.problems == [
        "contrastive.steps is 0; expected 1 or more, or null.",
        "contrastive.texts_per_step is 1; expected 2 or more: texts are compared with one another.",
        "contrastive.learning_rate is -1.0; expected more than 0.",
        "contrastive.temperature is 0.0; expected more than 0.",
    ]
    with pytest.raises(ConfigError, match=r"^contrastive\.lora_r is 0; expected a rank of 1 or more, or null\.$"):
        Contrastive(lora_r=0)
