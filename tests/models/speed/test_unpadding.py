import json

import pytest
import torch

from nlp_transfer.models.families import encoder_layers
from nlp_transfer.models.speed import unpadding
from nlp_transfer.models.speed.unpadding import ATTENTION, read_batch, unpadded
from tests.tiny_models import FAMILIES, MORE_FAMILIES, inputs, tiny_model

UNPADDED = ["bert", "roberta", "xlm-roberta", "distilbert", "electra", "modernbert", "eurobert", "camembert"]
PADDED = sorted({*FAMILIES, *MORE_FAMILIES} - set(UNPADDED))


def widths_seen(model):
    """Records the shape of what each layer is given."""
    seen = []
    for layer in encoder_layers(model):
        layer.register_forward_hook(lambda module, args, output: seen.append(tuple(args[0].shape[:2])))
    return seen


@pytest.mark.parametrize("filled_from", [unpadding.MIN_FILLED_TOKENS, 1])
@pytest.mark.parametrize("kind", UNPADDED)
def test_logits_and_gradients_are_those_with_padding(kind, filled_from, monkeypatch):
    monkeypatch.setattr(unpadding, "MIN_FILLED_TOKENS", filled_from)
    model, batch = tiny_model(kind).double(), inputs()
    seen = widths_seen(model)
    expected = model(**batch)
    wanted = torch.autograd.grad(expected.loss, list(model.parameters()), allow_unused=True)
    seen.clear()
    with unpadded(model) as reason:
        assert reason is None
        seen.clear()
        found = model(**batch)
        got = torch.autograd.grad(found.loss, list(model.parameters()), allow_unused=True)
    tokens = int(batch["attention_mask"].sum())
    assert set(seen) == {
        (1, tokens if filled_from > 1 else -(-tokens // unpadding.FILL_MULTIPLE) * unpadding.FILL_MULTIPLE)
    }
    assert tokens % unpadding.FILL_MULTIPLE
    assert tokens < batch["attention_mask"].numel()
    torch.testing.assert_close(found.logits, expected.logits, rtol=1e-9, atol=1e-9)
    for one, other in zip(got, wanted, strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            torch.testing.assert_close(one, other, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("kind", PADDED)
def test_other_families_keep_their_padding_and_say_why(kind):
    model = tiny_model(kind)
    before = model.config._attn_implementation
    with unpadded(model) as reason:
        assert reason == f"the attention of {kind} is its own"
        assert model.config._attn_implementation == before


def test_eager_attention_is_left_alone():
    model = tiny_model("bert")
    model.set_attn_implementation("eager")
    with unpadded(model) as reason:
        assert reason == "its attention is 'eager', not 'sdpa'"


def test_a_network_that_mixes_tokens_is_refused():
    model = tiny_model("bert")
    layer = encoder_layers(model)[1]
    layer.register_forward_hook(lambda module, args, output: output + output.mean(1, keepdim=True))
    with unpadded(model) as reason:
        assert reason.startswith("its logits without padding differ by 0.")
        assert model.config._attn_implementation == "sdpa"


def test_nothing_is_left_behind(tmp_path):
    model = tiny_model("bert")
    with unpadded(model):
        assert model.config._attn_implementation == ATTENTION
        model.save_pretrained(tmp_path)
        with unpadded(model) as again:
            assert again is None
        assert model.config._attn_implementation == ATTENTION
    assert ATTENTION not in (tmp_path / "config.json").read_text()
    assert json.loads((tmp_path / "config.json").read_text()).get("attn_implementation") in (None, "sdpa")
    assert model.config._attn_implementation == "sdpa"
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_states_that_were_asked_for_have_their_padding():
    model, batch = tiny_model("bert"), inputs()
    expected = model(**batch, output_hidden_states=True).hidden_states
    with unpadded(model):
        found = model(**batch, output_hidden_states=True).hidden_states
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_gradient_checkpointing_gives_the_same_gradients():
    model, batch = tiny_model("bert").double(), inputs()
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    model.train()
    wanted = torch.autograd.grad(model(**batch).loss, list(model.parameters()), allow_unused=True)
    model.gradient_checkpointing_enable({"use_reentrant": False})
    with unpadded(model):
        got = torch.autograd.grad(model(**batch).loss, list(model.parameters()), allow_unused=True)
    for one, other in zip(got, wanted, strict=True):
        if one is not None:
            torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)


def test_a_batch_without_padding_stays_whole():
    model = tiny_model("bert")
    batch = {"input_ids": torch.randint(5, 100, (3, 7)), "attention_mask": torch.ones(3, 7, dtype=torch.long)}
    seen = widths_seen(model)
    expected = model(**batch).logits
    with unpadded(model):
        seen.clear()
        torch.testing.assert_close(model(**batch).logits, expected, rtol=1e-4, atol=1e-5)
    assert set(seen) == {(3, 7)}


@pytest.mark.parametrize(
    "rows",
    [[[1, 1, 1], [1, 1, 1]], [[1, 0, 1], [1, 1, 1]], [[0, 0, 0], [1, 1, 1]], [[0, 1, 1], [1, 1, 1]]],
    ids=["no padding", "a hole", "an empty row", "padding to the left"],
)
def test_masks_that_are_left_alone(rows):
    assert read_batch(torch.tensor(rows)) is None


def test_a_mask_of_another_form_is_left_alone():
    assert read_batch(None) is None
    assert read_batch(torch.ones(2, 1, 3, 3)) is None


def test_the_longest_text_comes_first():
    batch = read_batch(torch.tensor([[1, 1, 0, 0], [1, 1, 1, 1], [1, 1, 1, 0]]))
    assert batch.lengths == [4, 3, 2]
    assert batch.rows.tolist() == [1, 2, 0]
    assert batch.places.tolist() == [4, 5, 6, 7, 8, 9, 10, 0, 1]
    assert (batch.tokens, batch.filling) == (9, 0)


@pytest.mark.parametrize(("tokens", "filling"), [(511, 0), (512, 0), (513, 63), (575, 1), (576, 0)])
def test_large_batches_are_filled_up_to_few_different_numbers_of_tokens(tokens, filling):
    mask = torch.ones(2, tokens, dtype=torch.long)
    mask[1] = 0
    mask[1, 0] = 1  # one token of its own
    batch = read_batch(mask[:, : tokens - 1])
    assert (batch.tokens, batch.filling) == (tokens, filling)


def test_half_precision_is_compared_by_its_own_rounding():
    with unpadded(tiny_model("bert", scale=1.0).to(torch.bfloat16)) as reason:
        assert reason is None
    assert unpadding.TOLERANCE == 1e-5
