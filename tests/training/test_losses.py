"""Row losses are those that transformers' heads average, and `update_mean` is their mean over an update."""

from types import SimpleNamespace

import pytest
import torch

from nlp_transfer.training.losses import is_classifier, mean_loss, primary_score, row_loss, update_mean
from tests.tiny_models import collate, random_rows, tiny_model


@pytest.mark.parametrize("multi_label", [False, True])
def test_the_mean_of_row_losses_is_the_heads_loss(multi_label):
    model = tiny_model("bert", multi_label=multi_label).eval()
    batch = collate(list(random_rows(5, multi_label=multi_label)))
    outputs = model(**batch)
    losses = row_loss(outputs.logits, batch["labels"], model.config)
    assert losses.shape == (5,)
    assert losses.mean().item() == pytest.approx(outputs.loss.item(), rel=1e-5)
    trainer = SimpleNamespace(compute_loss_func=None, label_smoother=None, model=model)
    assert mean_loss(outputs.logits, batch["labels"], trainer) == pytest.approx(outputs.loss.item(), rel=1e-5)


def test_an_updates_mean_adds_up_over_its_parts():
    logits, labels = torch.randn(6, 3), torch.tensor([0, 1, 2, 0, 1, 2])
    loss = update_mean(lambda scores, classes: torch.nn.functional.cross_entropy(scores, classes, reduction="none"))
    whole = loss({"logits": logits}, labels)
    parts = [loss({"logits": logits[rows]}, labels[rows], torch.tensor(6)) for rows in (slice(0, 4), slice(4, 6))]
    assert sum(parts).item() == pytest.approx(whole.item(), rel=1e-6)


def test_classifiers_and_their_primary_metric():
    assert is_classifier(tiny_model("bert"))
    assert not is_classifier(torch.nn.Linear(1, 1))
    assert primary_score(torch.eye(3), torch.arange(3)) == 1.0
    assert primary_score(torch.eye(3), torch.tensor([0, 1, 1])) == pytest.approx((1 + 2 / 3 + 0) / 3)
