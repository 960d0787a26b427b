"""What every task promises, over every task in the table, single- and multi-label."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch
from transformers import AutoTokenizer

from nlp_transfer.data import corpus_from
from nlp_transfer.tasks import TASKS
from tests.tiny_runs import rows, tiny_encoder

CASES = [(name, multi_label) for name in TASKS for multi_label in (False, True)]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return tiny_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(params=CASES, ids=lambda case: f"{case[0]}-{'multi' if case[1] else 'single'}")
def bound(request):
    name, multi_label = request.param
    frames = {
        split: pd.DataFrame(rows(size, multi_label=multi_label, seed=seed))
        for seed, (split, size) in enumerate({"train": 12, "validation": 6, "test": 6}.items())
    }
    corpus = corpus_from(frames)
    return TASKS[name](max_length=16).bind(corpus), corpus


@pytest.mark.parametrize("name", TASKS)
def test_a_task_is_known_by_its_name_and_rebuilt_from_its_fields(name):
    task = TASKS[name]()
    assert task.name == name
    assert TASKS[name](**dataclasses.asdict(task)) == task


def test_encoding_keeps_rows_and_their_order(bound, encoder):
    task, corpus = bound
    encoded = task.encode(corpus, AutoTokenizer.from_pretrained(encoder))
    for split, dataset in corpus.splits.items():
        assert list(encoded[split]["id"]) == list(dataset["id"])
        assert all(
            len(ids) == length <= 16
            for ids, length in zip(encoded[split]["input_ids"], encoded[split]["length"], strict=True)
        )


def test_a_batch_goes_through_the_model_to_one_loss_a_row(bound, encoder):
    task, corpus = bound
    tokenizer = AutoTokenizer.from_pretrained(encoder)
    train = task.encode(corpus, tokenizer)["train"]
    loaded = task.build_model(str(encoder), revision=None, trust_remote_code=False, attention_dropout=0.0)
    batch = task.collator(tokenizer)([train[i] for i in range(5)])
    labels = batch.pop("labels")
    logits = loaded.model(**batch).logits
    losses = task.loss(logits, labels)
    assert losses.shape == (5,)
    assert torch.isfinite(losses).all()
    assert (losses >= 0).all()
    losses.mean().backward()
    assert all(p.grad is not None for name, p in loaded.model.named_parameters() if name in loaded.new_parameters)


def test_batches_of_a_compiled_model_have_few_lengths(bound, encoder):
    task, corpus = bound
    tokenizer = AutoTokenizer.from_pretrained(encoder)
    tokenizer.model_max_length = 512
    train = task.encode(corpus, tokenizer)["train"]
    rows = [train[i] for i in range(5)]
    assert task.collator(tokenizer, compiled=True)(rows)["attention_mask"].shape[1] == 64
    assert task.collator(tokenizer)(rows)["attention_mask"].shape[1] < 64


def test_metrics_are_named_and_perfect_for_perfect_logits(bound):
    task, _ = bound
    truth = np.eye(3)[[0, 1, 2, 1]]
    labels = truth if task.multi_label else truth.argmax(1)
    logits = (truth * 2 - 1).astype(np.float32) * 20
    metrics = task.metrics(logits, labels)
    assert metrics["macro_f1"] == 1.0
    assert set(task.config.metric_names) >= {"loss", "macro_f1"}
    assert {name for name in metrics if name in task.config.metric_names} >= {
        "loss",
        "accuracy",
        "macro_f1",
        "micro_f1",
    }
    assert set(metrics["per_class"]) == set(task.label_names)
    probabilities = task.probabilities(logits)
    assert probabilities.shape == (4, 3)
    assert ((probabilities >= 0) & (probabilities <= 1)).all()
    assert (task.predictions(logits) == labels).all()
