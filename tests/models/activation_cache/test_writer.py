"""States that leave layers."""

from pathlib import Path

import torch

from nlp_transfer.models.activation_cache.writer import (
    capture,
    from_numpy,
    to_numpy,
)
from tests.models.activation_cache.conftest import ROWS, Calls, batch, stored
from tests.tiny_models import tiny_model


def test_capture_reads_several_layers_in_one_pass() -> None:
    model = tiny_model("distilbert")
    whole = model(**batch(), output_hidden_states=True).hidden_states
    states = capture(model, batch(), [1, 3])
    assert sorted(states) == [1, 3]
    mask = batch()["attention_mask"].bool()
    for layer, found in states.items():
        torch.testing.assert_close(found[mask], whole[layer][mask])


def test_a_pass_computes_every_text_once_and_nothing_above_what_is_wanted(tmp_path: Path) -> None:
    model = tiny_model("bert").train()
    rows = [*ROWS, *ROWS]
    seen: list[tuple[int, ...]] = []
    model.bert.embeddings.register_forward_hook(lambda m, a, out: seen.append(tuple(out.shape[:2])))
    calls = Calls(model)
    states = stored(model, tmp_path, [2], rows=rows)
    assert 2 not in calls.seen
    probes = 2  # one for the type of states, one for that of layers
    assert sum(rows for rows, _ in seen) == len(ROWS) + probes
    assert all(rows * tokens <= 60 for rows, tokens in seen)
    assert len(states.entries[2].digests) == len(ROWS)
    assert all(module.training for module in model.modules())


def test_bfloat16_keeps_its_bits() -> None:
    states = torch.randn(3, 4).to(torch.bfloat16)
    assert torch.equal(from_numpy(to_numpy(states), "bfloat16"), states)
    assert to_numpy(torch.ones(2, dtype=torch.float64)).dtype == "float32"
