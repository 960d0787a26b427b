"""Pooled features are the inputs of the layer that makes the logits."""

import contextlib
import dataclasses
from types import SimpleNamespace

import torch
from torch.nn import functional

from nlp_transfer.data.encoding.tokens import IGNORE_INDEX
from nlp_transfer.methods.context import Context
from nlp_transfer.models.heads.token_losses import row_losses
from nlp_transfer.training.features import features, outputs_of, row_labels
from nlp_transfer.training.target_batches import DOMAIN
from tests.tiny_models import collate, random_rows, tiny_model
from tests.tiny_taggers import pad_tags, tagged_rows, tiny_tagger


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


def test_rows_of_tokens_have_losses_whatever_the_batches():
    model, rows = tiny_tagger("bert").eval(), tagged_rows(9, seed=3)
    trainer = SimpleNamespace(
        accelerator=SimpleNamespace(unwrap_model=lambda wrapped: wrapped),
        model=model,
        args=SimpleNamespace(device=torch.device("cpu")),
        compute_loss_context_manager=contextlib.nullcontext,
        context=Context(train=rows, validation=rows, collate=pad_tags, loss=row_losses, score=None, seed=0),  # type: ignore[arg-type]
    )
    trainer.context = dataclasses.replace(trainer.context, batch_tokens=16)
    found, labels = outputs_of(trainer, rows)
    assert labels.tolist() == [0] * 9
    for place, row in enumerate(rows):
        batch = pad_tags([row])
        tags = batch.pop("labels")
        with torch.no_grad():
            expected = functional.cross_entropy(model(**batch).logits[0], tags[0], reduction="sum")
        torch.testing.assert_close(found.logits[place], torch.stack([expected, (tags[0] >= 0).sum().float()]))
