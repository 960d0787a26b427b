"""The choice is made on validation and survives in a plain model."""

from pathlib import Path
from typing import Any

import pytest
import torch

from nlp_transfer.methods.frozen_encoder import FrozenEncoder
from nlp_transfer.methods.lp_ft import LPFT
from nlp_transfer.models.activation_cache.store import ActivationStore
from nlp_transfer.models.families import count_parameters
from tests.logged import logged
from tests.tiny_models import FAMILIES, accuracy, collate, context, logits, random_rows, tiny_model


def learnable(count: int, seed: int) -> Any:
    """Rows whose class is the token most of them is made of."""

    def paint(row: dict[str, Any]) -> dict[str, Any]:
        ids = [10 + row["labels"] if i % 2 else token for i, token in enumerate(row["input_ids"])]
        return {**row, "input_ids": ids}

    return random_rows(count, seed=seed).map(paint)


@pytest.mark.parametrize("family", FAMILIES)
def test_learns_and_reports(family: str) -> None:
    ctx = context(train=learnable(90, 1), validation=learnable(60, 2))
    model = FrozenEncoder(l2=[1.0, 10.0]).prepare(tiny_model(family), ctx)
    facts = ctx.facts["frozen_encoder"]
    batch = collate(list(ctx.validation))
    labels = batch.pop("labels")
    with torch.no_grad():
        score = accuracy(model(**batch).logits, labels)
    assert score == pytest.approx(facts["validation_score"], abs=1e-6)
    assert score > (0.6 if family == "albert" else 0.8)
    assert facts["validation_score"] == max(candidate["validation_score"] for candidate in facts["candidates"])
    poolings = 1 if family == "albert" else 2
    assert len(facts["candidates"]) == 3 * poolings * 2
    assert [best["layer"] for best in facts["best_per_layer"]] == [1, 2, 3]
    assert count_parameters(model)[0] == 32 * 3 + 3


@pytest.mark.parametrize("method", [FrozenEncoder(), LPFT()], ids=["frozen_encoder", "lp_ft"])
@pytest.mark.parametrize("family", ["bert", "modernbert", "albert"])
def test_kept_features_make_the_same_model_in_every_run(family: str, method: Any, tmp_path: Path) -> None:
    plain = context()
    expected = logits(method.prepare(tiny_model(family), plain))
    store = ActivationStore(10**8, tmp_path / "kept")
    for seed, words in ((0, "Every row was encoded once, and the features are kept"), (1, "Features were found")):
        ctx = context(activations=store, seed=seed)
        model = tiny_model(family)
        passes: list[int] = []
        model.get_input_embeddings().register_forward_hook(lambda *_, passes=passes: passes.append(1))
        with logged() as said:
            prepared = method.prepare(model, ctx)
        found = logits(prepared)
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
        facts = dict(ctx.facts[method.name])
        size = facts.pop("features_kept_bytes")
        assert facts == plain.facts[method.name]
        assert said.pop() == f"{words}: {size / 1000:.1f} kB in {tmp_path / 'kept'}."
        assert len(passes) == (2 if seed else 2 + passes_over_rows())  # the check of the finished model, and `logits`


def passes_over_rows() -> int:
    from nlp_transfer.models.speed.batching import token_budget_batches

    ctx = context()
    return sum(len(token_budget_batches(rows["length"], ctx.batch_tokens)) for rows in (ctx.train, ctx.validation))


def test_features_that_do_not_fit_are_said(tmp_path: Path) -> None:
    store = ActivationStore(10, tmp_path / "kept", setting="the.limit")
    ctx = context(activations=store)
    with logged() as said:
        FrozenEncoder(layers=[1], pooling=["cls"]).prepare(tiny_model("bert"), ctx)
    reason = "it would take 8.7 kB, more than the 10 bytes that the.limit allows"
    assert said[0].startswith(f"Features are not kept for other runs: {reason}; it would take ")
    assert ctx.facts["frozen_encoder"]["features_not_kept"].startswith(reason)
