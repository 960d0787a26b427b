"""Classifiers of images are described by looking at them."""

import pytest
import torch
from transformers import (
    AutoModelForImageClassification,
    BeitConfig,
    CLIPConfig,
    ConvNextConfig,
    Dinov2Config,
    EfficientNetConfig,
    MobileNetV2Config,
    SwinConfig,
)

from nlp_transfer.errors import ConfigError
from nlp_transfer.models.adapters import peft_model
from nlp_transfer.models.families import (
    check_layer_count,
    encoder_layers,
    family,
    final_linear,
    lora_targets,
    train_top_layers,
    unused_parameters,
)
from nlp_transfer.models.heads.pooling import available_layers, available_poolings, fold_head, pooled_and_logits
from nlp_transfer.models.image_family import reads_images
from tests.tiny_images import SIZE, tiny_image_model
from tests.tiny_models import tiny_model

SMALL = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
OF_PATCHES = {**SMALL, "image_size": SIZE, "patch_size": 8}
CONFIGS = {
    "beit": BeitConfig(**OF_PATCHES),
    "clip": CLIPConfig(vision_config={**OF_PATCHES, "projection_dim": 16}, text_config=SMALL),
    "convnext": ConvNextConfig(hidden_sizes=[4, 8, 8, 8], depths=[1, 1, 1, 1]),
    "dinov2": Dinov2Config(**OF_PATCHES),
    "efficientnet": EfficientNetConfig(width_coefficient=0.2, depth_coefficient=0.2, hidden_dim=256),
    "mobilenet_v2": MobileNetV2Config(depth_multiplier=0.25),
    "swin": SwinConfig(image_size=SIZE, patch_size=2, embed_dim=8, depths=[1, 1], num_heads=[1, 2], window_size=4),
}
EXPECTED = {
    "resnet": ("encoder.stages", 2, ("classifier",), "classifier.1", None),
    "vit": ("layers", 2, ("classifier",), "classifier", "layernorm"),
    "beit": ("layers", 2, ("classifier",), "classifier", "pooler"),
    "clip": ("vision_model.encoder.layers", 2, ("classifier",), "classifier", "vision_model.post_layernorm"),
    "convnext": ("encoder.stages", 4, ("classifier",), "classifier", "layernorm"),
    "dinov2": ("encoder.layer", 2, ("classifier",), "classifier", "layernorm"),
    "efficientnet": ("encoder.blocks", 7, ("classifier",), "classifier", None),
    "mobilenet_v2": ("layer", 16, ("classifier",), "classifier", "conv_1x1"),
    "swin": ("encoder.layers", 2, ("classifier",), "classifier", "layernorm"),
}


def made(kind):
    torch.manual_seed(0)
    return (
        AutoModelForImageClassification.from_config(CONFIGS[kind]).eval() if kind in CONFIGS else tiny_image_model(kind)
    )


def pixels(rows=3):
    return torch.randn(rows, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("kind", EXPECTED)
def test_layers_and_head(kind):
    model = made(kind)
    found = family(model)
    name, layer = final_linear(model)
    assert (found.layers, len(encoder_layers(model)), found.head, name, found.final_norm) == EXPECTED[kind]
    assert layer.out_features == model.config.num_labels
    assert reads_images(model)
    assert available_poolings(model) == ("own",)
    assert list(available_layers(model)) == [EXPECTED[kind][1]]


@pytest.mark.parametrize("kind", EXPECTED)
def test_logits_are_linear_in_the_pooled_features(kind):
    model = made(kind)
    with torch.no_grad():
        pooled, logits = pooled_and_logits(model, lambda: model(pixel_values=pixels()).logits, None)
        _, layer = final_linear(model)
        torch.testing.assert_close(layer(pooled), logits)
        weight, bias = torch.randn_like(layer.weight), torch.randn_like(layer.bias)
        fold_head(model, available_layers(model)[-1], "own", weight, bias)
        torch.testing.assert_close(model(pixel_values=pixels()).logits, pooled @ weight.T + bias, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("kind", EXPECTED)
def test_top_layers_train_with_what_is_after_them(kind):
    model = made(kind)
    layers = encoder_layers(model)
    train_top_layers(model, layers[-1:])
    free = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    top = {name for name, p in model.named_parameters() if any(p is q for q in layers[-1].parameters())}
    assert top <= free
    assert all(name.startswith("classifier") for name in free - top if EXPECTED[kind][4] is None)
    below = {name for name, p in model.named_parameters() if any(p is q for q in layers[0].parameters())}
    assert not below & free


def test_an_adapter_that_would_hide_strides_is_refused():
    with pytest.raises(ConfigError, match=r"^A mobilenet_v2 reads the strides of its convolutions \(tf_padding\)"):
        lora_targets(made("mobilenet_v2"))


@pytest.mark.parametrize("kind", [kind for kind in EXPECTED if kind != "mobilenet_v2"])
def test_lora_trains_and_keeps_the_head(kind):
    model = made(kind)
    from peft import LoraConfig

    adapted = peft_model(model, LoraConfig(r=2))
    found = family(adapted.get_base_model())
    assert (found.head, found.final_linear) == EXPECTED[kind][2:4]
    adapted(pixel_values=pixels(), labels=torch.tensor([0, 1, 0])).loss.backward()
    assert any(p.grad is not None for name, p in adapted.named_parameters() if "lora_" in name)
    head = [p for name, p in adapted.named_parameters() if "modules_to_save" in name]
    assert head
    assert all(p.requires_grad and p.grad is not None for p in head)


def test_a_resnet_has_no_linear_layers_so_that_its_convolutions_are_adapted():
    assert {name.rpartition(".")[2] for name in lora_targets(made("resnet"))} == {"convolution"}
    assert "fc1" in {name.rpartition(".")[2] for name in lora_targets(made("vit"))}


def test_the_embedding_of_masked_patches_is_unused():
    assert unused_parameters(made("dinov2")) == ["dinov2.embeddings.mask_token"]
    assert unused_parameters(made("resnet")) == []


def test_too_many_layers_are_refused():
    with pytest.raises(ConfigError, match=r"^methods is 3, but this resnet encoder has 2 layers\. Set it to 2 or less"):
        check_layer_count("methods", 3, made("resnet"))


def test_a_network_with_two_heads_is_refused():
    model = made("vit")
    model.second = torch.nn.Linear(16, model.config.num_labels)
    with pytest.raises(ConfigError, match=r"one linear layer that makes the logits; it has 2 of them\.$"):
        family(model)
    assert not reads_images(tiny_model("bert"))
