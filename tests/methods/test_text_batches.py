"""Batches of texts: balanced over classes, each row as often as the others of its class."""

from collections import Counter
from itertools import islice

import numpy as np
import torch

from nlp_transfer.methods.text_batches import TrainedTexts, balanced_batches, fast_passes
from nlp_transfer.models.speed.batching import CPU_MAX_TOKENS
from nlp_transfer.models.speed.dropout import is_cheap
from tests.tiny_models import context, random_rows, tiny_model


def test_classes_are_balanced_and_rows_take_turns() -> None:
    labels = np.array([0] * 30 + [1] * 6)
    seen: Counter[int] = Counter()
    for batch in islice(balanced_batches(labels, 8, seed=0), 15):
        assert len(batch) == len(set(batch)) == 8
        assert Counter(labels[batch].tolist()) == {0: 4, 1: 4}
        seen.update(batch)
    assert set(seen.values()) == {2, 10}  # 60 draws of 30 rows, and of 6


def test_few_rows_are_all_in_each_batch() -> None:
    labels = np.array([0, 0, 1])
    for batch in islice(balanced_batches(labels, 64, seed=0), 3):
        assert sorted(batch) == [0, 1, 2]


def test_several_labels_are_drawn_alike() -> None:
    labels = np.array([[1, 0], [0, 1], [1, 1], [0, 0]])
    batches = balanced_batches(labels, 2, seed=1)
    assert sorted([*next(batches), *next(batches)]) == [0, 1, 2, 3]


def test_features_are_the_same_in_parts_and_have_the_same_gradient() -> None:
    model = tiny_model("bert").eval()
    found = []
    for tokens in (8192, 20):
        texts = TrainedTexts(model, context(train=random_rows(6, seed=1), batch_tokens=tokens), "mean")
        features = texts.features([3, 0, 3, 5])
        torch.testing.assert_close(features[0], features[2])
        model.zero_grad()
        features.square().sum().backward()
        found.append((features.detach(), model.get_input_embeddings().weight.grad.clone()))
    torch.testing.assert_close(found[0], found[1], atol=1e-5, rtol=1e-4)


def test_fast_passes_drop_padding_and_leave_a_plain_model() -> None:
    model = tiny_model("bert").eval()
    texts = TrainedTexts(model, context(train=random_rows(6, seed=1)), "mean")
    expected = texts.features([0, 1, 2, 3])
    lengths = []
    handle = model.base_model.encoder.layer[-1].register_forward_pre_hook(
        lambda _, states: lengths.append(tuple(states[0].shape[:2]))
    )
    with fast_passes(model):
        assert all(map(is_cheap, model.modules()))
        torch.testing.assert_close(texts.features([0, 1, 2, 3]), expected, atol=1e-5, rtol=1e-4)
    texts.features([0, 1, 2, 3])
    handle.remove()
    real = sum(len(row["input_ids"]) for row in texts.context.train.select(range(4)))
    (one, packed), (several, padded) = lengths[-2:]
    assert (one, packed) == (1, real)
    assert several == 4
    assert 4 * padded > real
    assert not any(map(is_cheap, model.modules()))


def test_a_step_reads_as_many_tokens_at_once_as_training_does() -> None:
    model = tiny_model("bert").eval()
    read: list[int] = []
    texts = TrainedTexts(model, context(train=random_rows(200, seed=1), batch_tokens=8192), "mean")
    handle = model.get_input_embeddings().register_forward_pre_hook(lambda _, inputs: read.append(inputs[0].numel()))
    texts.features(range(200))
    handle.remove()
    assert sum(read) > CPU_MAX_TOKENS >= max(read)
