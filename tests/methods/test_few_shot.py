"""The choice among few-shot methods: what it is scored on, when another than the first is taken, and wrong settings."""

from typing import Any

import numpy as np
import pytest
import torch

from nlp_transfer.errors import ConfigError
from nlp_transfer.methods.contrastive import Contrastive
from nlp_transfer.methods.few_shot import CANDIDATES, FewShot
from tests.methods.test_contrastive import painted
from tests.tiny_models import context, logits, tiny_model


def accuracy(made: torch.Tensor, truth: torch.Tensor) -> float:
    return float((made.argmax(dim=-1) == truth).float().mean())


def chosen(right: dict[str, list[int]], **settings: Any) -> dict[str, Any]:
    """Return the facts for candidates that are right about these of 40 rows."""
    truth = torch.zeros(40, dtype=torch.long)
    made = {name: torch.eye(2)[[int(row not in rows) for row in range(40)]] for name, rows in right.items()}
    method = FewShot(candidates=list(right), **settings)  # type: ignore[arg-type]
    return method._compare(made, truth, context(score=accuracy))


def test_the_best_score_is_taken_and_its_lead_has_an_interval() -> None:
    facts = chosen({"prototypes": list(range(20)), "frozen_encoder": list(range(30))})
    assert facts["chosen"] == "frozen_encoder"
    assert facts["scores"] == {"prototypes": 0.5, "frozen_encoder": 0.75}
    assert facts["lead"]["over prototypes"].startswith("+0.250 (95 % +0.1")


def test_of_equal_scores_the_first_is_taken() -> None:
    assert chosen({"prototypes": list(range(20)), "contrastive": list(range(20, 40))})["chosen"] == "prototypes"


def test_without_validation_each_row_is_scored_by_a_model_that_has_not_seen_it() -> None:
    train = painted(24, 1)
    ctx = context(train=train, validation=train.select([]))
    seen = []
    for fitted, held_out in FewShot(repeats=2)._divisions(ctx):
        rows = [set(map(tuple, part["input_ids"])) for part in (fitted, held_out)]
        assert not rows[0] & rows[1]
        seen += held_out["input_ids"]
    assert sorted(seen) == sorted(2 * list(train["input_ids"]))


def test_descriptions_train_and_are_not_scored() -> None:
    train = painted(24, 1)
    ids = ["description: 0" if row == 5 else str(row) for row in range(24)]
    train = train.add_column("id", ids)
    held = [
        row
        for _, held_out in FewShot()._divisions(context(train=train, validation=train.select([])))
        for row in held_out["id"]
    ]
    assert sorted(held) == sorted(set(ids) - {"description: 0"})


def test_adapters_are_a_candidate() -> None:
    ctx = context(train=painted(12, 1), validation=painted(9, 2))
    model = FewShot(candidates=["contrastive_lora", "prototypes"]).prepare(tiny_model("bert"), ctx)
    assert set(ctx.facts["few_shot"]["scores"]) == {"contrastive_lora", "prototypes"}
    adapted = CANDIDATES["contrastive_lora"]
    assert isinstance(adapted, Contrastive) and adapted.lora_r == 16
    assert logits(model).shape == (6, 3)


def test_validation_rows_score_where_there_are_some() -> None:
    ctx = context(train=painted(24, 1), validation=painted(9, 2))
    ((fitted, held_out),) = FewShot()._divisions(ctx)
    assert (len(fitted), len(held_out)) == (24, 9)
    model = FewShot(candidates=["prototypes", "frozen_encoder"]).prepare(tiny_model("bert"), ctx)
    assert ctx.facts["few_shot"]["scored_on"] == "9 validation rows"
    assert ctx.facts["few_shot"]["chosen"] in ctx.facts  # with what the method itself records
    assert logits(model).shape == (6, 3)


def test_the_model_is_that_of_the_chosen_method_on_all_rows() -> None:
    train = painted(24, 1)
    ctx = context(train=train, validation=train.select([]))
    made = FewShot(candidates=["prototypes", "frozen_encoder"]).prepare(tiny_model("bert"), ctx)
    alone = CANDIDATES[ctx.facts["few_shot"]["chosen"]]
    alone = alone.prepare(tiny_model("bert"), context(train=train, validation=train.select([])))
    np.testing.assert_allclose(logits(made).numpy(), logits(alone).numpy(), atol=1e-5)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"candidates": ["contrastiv", "prototypes"]}, r"few_shot\.candidates: Unknown method 'contrastiv'\. Did you"),
        ({"candidates": ["contrastive"]}, r"expected two or more methods, each once"),
        ({"candidates": ["prototypes", "prototypes"]}, r"expected two or more methods, each once"),
        ({"repeats": 0}, r"few_shot\.repeats is 0; expected 1 or more"),
    ],
)
def test_wrong_settings(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        FewShot(**settings)
