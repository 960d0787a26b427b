"""The nearest class mean, written into a plain model."""

import torch
from torch.nn.functional import normalize

from nlp_transfer.methods.prototypes import Prototypes
from nlp_transfer.models.activation_cache.features import hidden_states
from nlp_transfer.models.families import count_parameters
from tests.tiny_models import collate, context, random_rows, tiny_model


def test_it_predicts_the_nearest_mean_of_the_last_layer() -> None:
    train = random_rows(12, seed=1)
    ctx = context(train=train, validation=train.select([]))
    options = {"layers": [3], "poolings": ["mean"], "collate": collate, "max_tokens": 500}
    own = hidden_states(tiny_model("bert"), train, **options)
    x = torch.from_numpy(own.features[3, "mean"])
    means = torch.stack([x[own.labels == label].mean(0) for label in range(3)])
    expected = (normalize(x) @ normalize(means).T).argmax(1)
    model = Prototypes(pooling=["mean"]).prepare(tiny_model("bert"), ctx)
    batch = collate(list(train))
    batch.pop("labels")
    with torch.no_grad():
        assert model.eval()(**batch).logits.argmax(1).tolist() == expected.tolist()
    assert ctx.facts["prototypes"]["layer"] == 3
    assert count_parameters(model)[0] == 32 * 3 + 3


def test_one_text_of_each_class_is_enough() -> None:
    rows = random_rows(12, seed=1)
    train = rows.select([rows["labels"].index(label) for label in range(3)])
    model = Prototypes(pooling=["mean"]).prepare(tiny_model("bert"), context(train=train, validation=train.select([])))
    batch = collate(list(train))
    labels = batch.pop("labels")
    with torch.no_grad():
        assert model.eval()(**batch).logits.argmax(1).tolist() == labels.tolist()
