"""TransferTrainer with heads that no task of the package has: entities, regression, pairs, spans."""

import pytest
import torch
from datasets import Dataset
from transformers import (
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    Trainer,
    TrainingArguments,
)

from nlp_transfer import TransferArguments, TransferTrainer
from nlp_transfer.methods import LoRA
from tests.tiny_models import VOCABULARY, tiny_config
from tests.training.test_trainer import arguments

LENGTH = 12


def dataset(labels):
    """Rows whose first tokens are the answer, so that a few steps learn something."""
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(5, VOCABULARY, (32, LENGTH), generator=generator)
    rows = {"input_ids": ids.tolist(), "attention_mask": [[1] * LENGTH] * 32}
    return Dataset.from_dict({**rows, **labels(ids)})


def pairs(ids):
    return {"token_type_ids": [[0] * 6 + [1] * 6] * len(ids), "labels": (ids[:, 0] % 2).tolist()}


HEADS = {
    "entities": (AutoModelForTokenClassification, {}, lambda ids: {"labels": (ids % 3).tolist()}),
    "regression": (
        AutoModelForSequenceClassification,
        {"num_labels": 1, "problem_type": "regression"},
        lambda ids: {"labels": (ids[:, 0] / VOCABULARY).tolist()},
    ),
    "pairs": (AutoModelForSequenceClassification, {"num_labels": 2}, pairs),
    "spans": (
        AutoModelForQuestionAnswering,
        {"num_labels": 2},
        lambda ids: {"start_positions": (ids[:, 0] % 6).tolist(), "end_positions": (6 + ids[:, 0] % 6).tolist()},
    ),
}


def trained(folder, head, cls=TransferTrainer, args=TransferArguments, parts=None, **changes):
    auto, settings, labels = HEADS[head]
    config = tiny_config("bert")
    config.update(settings)
    torch.manual_seed(0)
    rows, values = dataset(labels), {"max_steps": 8, "learning_rate": 5e-3, **changes}
    model = auto.from_config(config)
    run = cls(model, arguments(folder, args, **values), train_dataset=rows, eval_dataset=rows, **(parts or {}))
    before = run.evaluate()["eval_loss"]
    run.train()
    return run, before


@pytest.mark.parametrize("head", HEADS)
def test_a_head_trains_as_with_trainer(head, tmp_path):
    slow = {"unpadding": False, "fast_dropout": False, "fast_linear": False}  # other sums, and other random numbers
    ours, before = trained(tmp_path, head, **slow)
    theirs, _ = trained(tmp_path, head, Trainer, TrainingArguments)
    for name, weight in theirs.model.state_dict().items():
        torch.testing.assert_close(ours.model.state_dict()[name], weight, rtol=0, atol=1e-6)
    assert ours.evaluate()["eval_loss"] == pytest.approx(theirs.evaluate()["eval_loss"], rel=1e-5)
    assert ours.evaluate()["eval_loss"] < before


@pytest.mark.parametrize("head", HEADS)
def test_a_head_learns_with_the_defaults_and_with_an_adapter(head, tmp_path):
    for parts in ({}, {"methods": [LoRA(r=4)]}):
        run, before = trained(tmp_path, head, parts=parts)
        assert run.evaluate()["eval_loss"] < 0.99 * before
        assert len(run.predict(run.eval_dataset).predictions[0]) in (32, LENGTH, 3, 2, 1)
