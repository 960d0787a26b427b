"""Frozen layers compute without dropout while the others train."""

from nlp_transfer.models.families import encoder_layers
from nlp_transfer.training.extensions.frozen_layers import FrozenLayers
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
