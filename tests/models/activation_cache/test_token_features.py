"""Features of tagged tokens, in the order of the rows."""

import numpy as np
import pytest
import torch
from datasets import Dataset

from nlp_transfer.models.activation_cache import token_features as module
from nlp_transfer.models.activation_cache.token_features import limited_rows, token_features
from tests.tiny_taggers import pad_tags, tagged_rows, tiny_tagger


@pytest.mark.parametrize("max_tokens", [8, 1000])
def test_each_tagged_token_has_the_state_of_its_layer(max_tokens):
    model, rows = tiny_tagger("bert").eval(), tagged_rows(9, seed=3)
    found = token_features(model, rows, collate=pad_tags, max_tokens=max_tokens, layers=[1, 3])
    states, labels = [], []
    for row in rows:
        batch = pad_tags([row])
        tagged = batch.pop("labels")[0]
        with torch.no_grad():
            hidden = model(**batch, output_hidden_states=True).hidden_states
        states.append([hidden[layer][0][tagged >= 0].numpy() for layer in (1, 3)])
        labels += tagged[tagged >= 0].tolist()
    assert found.labels.tolist() == labels
    for place, layer in enumerate((1, 3)):
        expected = np.concatenate([of_row[place] for of_row in states])
        np.testing.assert_allclose(found.features[layer, "token"], expected, atol=1e-5)


def test_many_tokens_are_those_of_evenly_spaced_rows(monkeypatch):
    monkeypatch.setattr(module, "MAX_TAGGED_TOKENS", 40)
    rows = Dataset.from_dict({"length": [10] * 12, "number": list(range(12))})
    assert limited_rows(rows)["number"][:] == [0, 4, 7, 11]
    assert len(limited_rows(rows.select(range(4)))) == 4
