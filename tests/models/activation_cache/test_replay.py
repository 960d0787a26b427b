"""From stored states a model makes the logits that it makes from tokens, padded or with the padding taken out."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nlp_transfer.models.activation_cache.replay import padded_states, replay_problem
from nlp_transfer.models.families import encoder_layers
from tests.models.activation_cache.conftest import ROWS, Calls, batch, stored
from tests.tiny_models import FAMILIES, MORE_FAMILIES, random_rows, tiny_model

WHOLE_ONLY = ("albert", "deberta", "deberta-v2", "big_bird")
RESTARTED = [family for family in (*FAMILIES, *MORE_FAMILIES) if family not in WHOLE_ONLY]


@pytest.mark.parametrize("family", RESTARTED)
def test_logits_are_those_from_tokens_and_lower_layers_are_not_computed(family: str, tmp_path: Path) -> None:
    model = tiny_model(family)
    assert replay_problem(model) is None
    expected = model(**batch()).logits
    states = stored(model, tmp_path, [1, 2, 3])
    calls = Calls(model)
    for layers in (1, 2, 3):
        states.layers = layers
        calls.seen.clear()
        with states.active():
            found = model(**batch()).logits
        assert sorted(set(calls.seen)) == list(range(layers, 3))
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(model(**batch()).logits, expected, atol=0, rtol=0)
    assert all("forward" not in layer.__dict__ for layer in encoder_layers(model))


@pytest.mark.parametrize("family", WHOLE_ONLY)
def test_families_that_cannot_start_above_are_refused(family: str) -> None:
    assert f"a {family} encoder cannot start above its embeddings: " in replay_problem(tiny_model(family))


def test_batches_that_are_not_known_are_computed(tmp_path: Path) -> None:
    model = tiny_model("bert")
    states = stored(model, tmp_path, [2])
    calls = Calls(model)
    unknown = batch(random_rows(4, seed=9))
    known = batch()
    left = {name: value.flip(1) for name, value in known.items()}
    typed = {**known, "token_type_ids": known["attention_mask"]}
    placed = {**known, "position_ids": torch.arange(known["input_ids"].shape[1])[None]}
    recorded = {**known, "output_hidden_states": True}
    expected = [model(**inputs).logits for inputs in (unknown, left, typed, placed, recorded)]
    with states.active():
        for inputs, logits in zip((unknown, left, typed, placed, recorded), expected, strict=True):
            calls.seen.clear()
            assert torch.equal(model(**inputs).logits, logits)
            assert calls.seen == [0, 1, 2]
        states.layers = 0
        calls.seen.clear()
        model(**known)
        assert calls.seen == [0, 1, 2]


def test_token_types_are_part_of_a_text(tmp_path: Path) -> None:
    model = tiny_model("bert")
    rows = [{**row, "token_type_ids": [0] * 2 + [1] * (len(row["input_ids"]) - 2)} for row in ROWS]
    states = stored(model, tmp_path, [2], rows=rows)
    typed = batch()
    typed["token_type_ids"] = typed["attention_mask"].clone()
    typed["token_type_ids"][:, :2] = 0
    expected = model(**typed).logits
    calls = Calls(model)
    with states.active():
        torch.testing.assert_close(model(**typed).logits, expected, atol=1e-5, rtol=1e-5)
    assert calls.seen == [2]


def test_gradients_above_are_those_from_tokens(tmp_path: Path) -> None:
    model = tiny_model("roberta").requires_grad_(False)
    encoder_layers(model)[2].requires_grad_(True)
    states = stored(model, tmp_path, [2])

    def gradients() -> list[torch.Tensor]:
        model.zero_grad()
        model(**batch()).logits.square().sum().backward()
        return [p.grad.clone() for p in encoder_layers(model)[2].parameters()]

    expected = gradients()
    with states.active():
        found = gradients()
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("family", ["bert", "distilbert"])
@pytest.mark.parametrize("earlier", [False, True], ids=["padding's hooks first", "padding's hooks last"])
def test_goes_together_with_layers_that_see_no_padding(family: str, earlier: bool, tmp_path: Path) -> None:
    """Layers made to compute one text after the other, (1, real tokens, hidden), the longest first."""
    model = tiny_model(family)
    expected = model(**batch()).logits
    states = stored(model, tmp_path, [2, 3])
    mask = batch()["attention_mask"].bool()
    order = mask.sum(1).argsort(descending=True, stable=True)
    lengths = mask.sum(1)[order].tolist()
    shapes: list[tuple[int, ...]] = []
    layers = encoder_layers(model)

    def flatten(layer: Any, args: Any) -> Any:
        return (torch.cat([args[0][row][mask[row]] for row in order])[None], *args[1:])

    def pad(layer: Any, args: Any, output: Any) -> torch.Tensor:
        whole = output.new_zeros(*mask.shape, output.shape[-1])
        for row, part in zip(order, output[0].split(lengths), strict=True):
            whole[row, : len(part)] = part
        return whole

    def install() -> None:
        layers[0].register_forward_pre_hook(flatten)
        layers[-1].register_forward_hook(pad)

    def run(passed_over: int) -> torch.Tensor:
        states.layers = passed_over
        if earlier:
            install()
        with states.active():
            if not earlier:
                install()
            for layer in layers:
                passing = layer.forward

                def one_by_one(hidden: torch.Tensor, *args: Any, forward: Any = passing, **kwargs: Any) -> torch.Tensor:
                    shapes.append(tuple(hidden.shape))
                    return torch.cat([forward(part[None]) for part in hidden[0].split(lengths)], 1)

                layer.forward = one_by_one
            return model(**batch()).logits

    torch.testing.assert_close(run(2 if earlier else 3), expected, atol=1e-5, rtol=1e-5)
    assert shapes == [(1, sum(lengths), 32)] * 3


def test_states_are_put_at_the_first_positions_with_zeros_after(tmp_path: Path) -> None:
    states = stored(tiny_model("bert"), tmp_path, [1])
    entry = states.entries[1]
    short, long = int(entry.starts.argmin()), int((entry.starts[1:] - entry.starts[:-1]).argmax())
    count = len(entry.vectors(long))
    made = padded_states(entry, np.array([long, short]), torch.empty(2, count + 3, 32))
    assert made.shape == (2, count + 3, 32)
    assert torch.equal(made[0, :count], torch.from_numpy(entry.vectors(long).copy()))
    assert not made[0, count:].any()
    assert not made[1, len(entry.vectors(short)) :].any()
    with pytest.raises(
        ValueError, match=rf"is given states of shape \(2, {count - 1}, 32\) for 2 texts of up to {count}"
    ):
        padded_states(entry, np.array([long, short]), torch.empty(2, count - 1, 32))
