"""Pooled features are the inputs of the layer that makes the logits."""

import torch

from nlp_transfer.data.encoding.tokens import IGNORE_INDEX
from nlp_transfer.training.features import features, row_labels
from nlp_transfer.training.target_batches import DOMAIN
from tests.tiny_models import collate, random_rows, tiny_model


def test_logits_follow_from_the_features_and_labels_are_not_read():
    model = tiny_model("bert").eval()
    batch = collate(list(random_rows(4)))
    pooled, logits = features(model, model, {**batch, DOMAIN: torch.zeros(4)})
    torch.testing.assert_close(model.classifier(pooled), logits)
    torch.testing.assert_close(model(**batch).logits, logits)


def test_labels_of_tokens_are_one_number_a_row():
    assert row_labels(torch.tensor([[1, 2], [3, IGNORE_INDEX]])).tolist() == [0, 0]
    assert row_labels(torch.tensor([1, 2])).tolist() == [1, 2]
    assert row_labels(torch.tensor([[1.0, 0.0]])).tolist() == [[1.0, 0.0]]
