"""Floating-point operations: the rule against numbers by hand, and against PyTorch's own counter."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from nlp_transfer.methods import FrozenEncoder, FullFineTuning, LoRA, PartialFineTuning
from scripts.benchmark.flops import forward_flops, training_flops
from tests.tiny_models import HIDDEN, LAYERS, VOCABULARY, context, tiny_model
from tests.tiny_writers import tiny_writer

LENGTH, TEXTS = 24, 4
INNER, CLASSES = 48, 3  # sizes of the tiny models
LAYER = 4 * HIDDEN * HIDDEN + 2 * HIDDEN * INNER  # weights of a BERT layer's matrices
POOLER, CLASSIFIER = HIDDEN * HIDDEN, HIDDEN * CLASSES
ATTENTION = 2 * 2 * HIDDEN  # of a token and a layer, for each token of the text


def full(model):
    return FullFineTuning().prepare(model, context())


def top_layer(model):
    return PartialFineTuning(layers=1).prepare(model, context())


def adapted(model):
    return LoRA(r=2).prepare(model, context())


def head_only(model):
    model.requires_grad_(False)
    model.classifier.requires_grad_(True)
    return model


def counted(model, *, train):
    """What PyTorch's counter sees; eager attention, because it does not know every fused kernel."""
    model.set_attn_implementation("eager")
    ids = torch.randint(5, VOCABULARY, (TEXTS, LENGTH))
    labels = torch.zeros(TEXTS, dtype=torch.long)
    with FlopCounterMode(display=False) as counter:
        if train:
            model(input_ids=ids, attention_mask=torch.ones_like(ids), labels=labels).loss.backward()
        else:
            with torch.no_grad():
                model(input_ids=ids, attention_mask=torch.ones_like(ids))
    return counter.get_total_flops()


@pytest.mark.parametrize("family", ["bert", "roberta", "distilbert", "albert", "electra", "modernbert"])
@pytest.mark.parametrize("prepare", [full, top_layer, adapted, head_only])
def test_training_is_what_pytorch_counts(family, prepare):
    model = prepare(tiny_model(family))
    expected = counted(model, train=True)
    assert training_flops(model, [LENGTH] * TEXTS) == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("family", ["bert", "roberta", "distilbert", "albert", "electra", "modernbert", "eurobert"])
def test_predicting_is_what_pytorch_counts(family):
    model = tiny_model(family)
    assert forward_flops(model, [LENGTH] * TEXTS) == pytest.approx(counted(model, train=False), rel=0.02)


def test_full_training_by_hand():
    lengths = [10, 3]
    matrices = 6 * LAYERS * LAYER * 13 + 6 * (POOLER + CLASSIFIER) * 2
    attention = 3 * LAYERS * ATTENTION * (10 * 10 + 3 * 3)
    assert training_flops(tiny_model("bert"), lengths) == matrices + attention


def test_the_lower_layers_are_only_run_forward():
    model = top_layer(tiny_model("bert"))
    frozen, trained = (
        2 * (LAYERS - 1) * LAYER,
        6 * LAYER - 2 * 3 * HIDDEN * HIDDEN,
    )  # nothing below the top layer's Q, K, V
    attention = ATTENTION * (LAYERS - 1) + 3 * ATTENTION
    expected = 10 * (frozen + trained) + 100 * attention + 6 * (POOLER + CLASSIFIER)
    assert training_flops(model, [10]) == expected


def test_a_frozen_encoder_is_a_forward_pass():
    method_context = context()
    model = FrozenEncoder(layers=[LAYERS], pooling=["cls"], l2=[1.0]).prepare(tiny_model("bert"), method_context)
    extra = training_flops(model, [10]) - forward_flops(model, [10])
    assert extra == 2 * CLASSIFIER


def test_lora_leaves_out_the_gradients_of_the_weights():
    model = adapted(tiny_model("bert"))
    adapters = sum(p.numel() for name, p in model.named_parameters() if ".lora_" in name)
    base = 4 * LAYERS * LAYER - 2 * 3 * HIDDEN * HIDDEN  # the lowest Q, K, V read what nothing below can change
    lowest_inputs = 2 * 3 * 2 * HIDDEN  # nor do their three A
    expected = 10 * (base + 6 * adapters - lowest_inputs) + 100 * 3 * LAYERS * ATTENTION
    assert training_flops(model, [10]) == expected + 6 * (POOLER + CLASSIFIER)


def test_counting_leaves_no_trace():
    model = tiny_model("bert").train()
    model.bert.encoder.layer[0].eval()
    state = torch.get_rng_state()
    training_flops(model, [5])
    assert torch.equal(torch.get_rng_state(), state)
    assert model.training and not model.bert.encoder.layer[0].training
    assert not any(module._forward_pre_hooks for module in model.modules())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_what_is_written_counts_by_its_tokens():
    model = tiny_writer("bert2bert")
    cross, head = 2 * HIDDEN * HIDDEN, HIDDEN * HIDDEN + HIDDEN * VOCABULARY
    read = 2 * LAYERS * (LAYER + cross) * LENGTH + LAYERS * ATTENTION * LENGTH**2  # keys and values of each text token
    token = 2 * (LAYERS * (LAYER + cross) + head)  # queries and outputs of each written one
    assert forward_flops(model, [LENGTH], [10]) == pytest.approx(read + 10 * token, rel=0.02)
    more = forward_flops(model, [LENGTH], [20]) - forward_flops(model, [LENGTH], [10])
    assert more == pytest.approx(10 * token, rel=0.05)
    assert training_flops(full(model), [LENGTH], [10]) > 2.5 * forward_flops(model, [LENGTH], [10])
