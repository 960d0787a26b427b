"""Frozen layers compute without dropout while the others train, and keep their batch statistics."""

import torch

from nlp_transfer.models.families import encoder_layers
from nlp_transfer.training.extensions.frozen_layers import FrozenLayers
from tests.tiny_images import SIZE, tiny_image_model
from tests.tiny_models import tiny_model
from tests.training.stand_in import attached, stand_in


def test_frozen_layers_have_no_dropout_in_training():
    model = tiny_model("bert")
    layers = encoder_layers(model)
    for module in (model.base_model.embeddings, layers[0]):
        module.requires_grad_(False)
    frozen = attached(FrozenLayers(), stand_in(model))
    modes = lambda *_: [layer.training for layer in layers[:2]]  # noqa: E731
    assert frozen.loss(modes, model.train(), {}, False, None) == [True, True]  # outside of training
    with frozen.training():
        assert frozen.loss(modes, model.train(), {}, False, None) == [False, True]
        assert frozen.loss(modes, model.eval(), {}, False, None) == [False, False]


def test_frozen_batch_norms_keep_their_statistics_wherever_they_are():
    model = tiny_image_model("resnet").requires_grad_(False)
    top = model.base_model.encoder.stages[1].layers[0].layer[1].normalization
    top.requires_grad_(True)
    before = {name: buffer.clone() for name, buffer in model.named_buffers() if "running_" in name}
    frozen = attached(FrozenLayers(), stand_in(model))
    images = torch.randn(4, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    with frozen.training():
        frozen.loss(lambda *_: model(pixel_values=images), model.train(), {}, False, None)
    moved = {name for name, buffer in model.named_buffers() if name in before and not torch.equal(buffer, before[name])}
    assert moved == {
        f"resnet.encoder.stages.1.layers.0.layer.1.normalization.running_{which}" for which in ("mean", "var")
    }
