"""A linear probe on tokens: the best layer, written into a plain network that tags tokens."""

import pytest
import torch
from transformers import AutoModelForTokenClassification

from nlp_transfer.errors import ConfigError
from nlp_transfer.methods import LPFT, FrozenEncoder
from nlp_transfer.methods.context import Context
from nlp_transfer.methods.token_probing import token_context
from nlp_transfer.models.families import encoder_layers
from tests.tiny_models import LAYERS
from tests.tiny_taggers import TAGS, pad_tags, tagged_rows, tiny_tagger


def probed(**changes):
    values = {"train": tagged_rows(24, seed=1), "validation": tagged_rows(8, seed=2), "collate": pad_tags, "seed": 0}
    return Context(**{**values, "loss": None, "score": None, **changes})


@pytest.mark.parametrize("family", ["bert", "roberta", "distilbert", "modernbert", "eurobert", "deberta-v2"])
def test_the_fitted_head_is_that_of_the_saved_network(family, tmp_path):
    model, context = tiny_tagger(family), probed()
    FrozenEncoder(layers=[1, 2]).check(model)
    model = FrozenEncoder(layers=[1, 2]).prepare(model, context)
    fact = context.facts["frozen_encoder"]
    assert len(encoder_layers(model)) == model.config.num_hidden_layers == fact["layer"]
    assert fact["pooling"] == "token"
    assert len(fact["candidates"]) == 2 * len(FrozenEncoder().l2)
    assert next(name for name, one in model.named_parameters() if one.requires_grad).startswith("classifier")
    model.save_pretrained(tmp_path)
    again = AutoModelForTokenClassification.from_pretrained(tmp_path).eval()
    batch = pad_tags([context.validation[i] for i in range(4)])
    tagged = batch.pop("labels") >= 0
    with torch.no_grad():
        assert torch.allclose(again(**batch).logits[tagged], model.eval()(**batch).logits[tagged], atol=1e-5)


def test_the_head_is_the_optimum_on_the_training_tokens():
    model, context = tiny_tagger("bert"), probed()
    method = FrozenEncoder(layers=[LAYERS], l2=[1e-3])
    model = method.prepare(model, context).eval()
    batch = pad_tags([context.train[i] for i in range(24)])
    labels = batch.pop("labels")
    tagged = labels >= 0
    seen: list[torch.Tensor] = []
    model.classifier.register_forward_hook(lambda module, args, output: seen.append(args[0]))
    loss = torch.nn.functional.cross_entropy(model(**batch).logits[tagged], labels[tagged])
    (by_bias,) = torch.autograd.grad(loss, [model.classifier.bias])
    assert by_bias.abs().max() < 1e-4
    assert model.classifier.out_features == TAGS


def test_lp_ft_trains_everything_from_there():
    model, context = tiny_tagger("bert"), probed()
    model = LPFT(l2=[1.0]).prepare(model, context)
    assert all(one.requires_grad for one in model.parameters())


def test_poolings_are_for_texts_and_validation_is_needed():
    with pytest.raises(ConfigError, match=r"holds 'mean', which a bert encoder cannot express .* Possible: token\."):
        FrozenEncoder(pooling=["mean"]).check(tiny_tagger("bert"))
    with pytest.raises(ConfigError, match="frozen_encoder chooses a layer and a penalty for tags on validation rows"):
        token_context("frozen_encoder", probed(validation=tagged_rows(2).select([])))
