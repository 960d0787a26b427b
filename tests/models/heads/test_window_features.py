"""Heads of documents whose windows are pooled by their largest logits."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from nlp_transfer.models.heads.document_pooling import pool
from nlp_transfer.models.heads.linear_probe import fit_linear_heads, prototype_head
from nlp_transfer.models.heads.window_features import Features, WindowFeatures, apply_head, document_means

COUNTS = torch.tensor([10, 30, 5])


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    return functional.cross_entropy(logits, labels, reduction="none")


def documents(pooling: str, size: int = 60, seed: int = 0) -> tuple[WindowFeatures, Tensor]:
    """Make documents of 1 to 24 windows of noise, in one of which a feature names the class."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(size) % 2
    values, numbers = [], []
    for document, label in enumerate(labels.tolist()):
        count = 1 + document % 24
        windows = torch.randn(count, 6, generator=generator)
        windows[document % count, label] = 5
        values.append(windows)
        numbers += [document] * count
    return WindowFeatures(torch.cat(values), torch.tensor(numbers), torch.ones(len(numbers)).long(), pooling), labels


def test_some_documents_are_taken_by_a_mask_or_a_slice() -> None:
    features = WindowFeatures(torch.arange(3.0)[:, None], torch.tensor([0, 0, 1]), COUNTS, "max")
    assert len(features) == 2
    second = features[torch.tensor([False, True])]
    assert (second.values.tolist(), second.documents.tolist(), second.counts.tolist()) == ([[2.0]], [0], [5])
    assert features[:1].values.tolist() == [[0.0], [1.0]]
    assert len(features[:0]) == 0


def test_logits_and_means_by_hand() -> None:
    features = WindowFeatures(torch.tensor([[2.0], [4.0], [-1.0]]), torch.tensor([0, 0, 1]), COUNTS, "max")
    assert document_means(features).tolist() == [[(2 * 10 + 4 * 30) / 40], [-1.0]]
    weight, bias = torch.tensor([[1.0], [-1.0]]), torch.tensor([0.0, 0.5])
    assert apply_head(features, weight, bias).tolist() == [[4.0, -1.5], [-1.0, 1.5]]
    assert apply_head(features.values, weight, bias).tolist() == [[2.0, -1.5], [4.0, -3.5], [-1.0, 1.5]]
    assert prototype_head(features, torch.tensor([0, 1]), 2)[0].tolist() == [[1.0], [-1.0]]


@pytest.mark.parametrize("pooling", ["max", "top_k"])
def test_documents_of_one_window_get_the_head_of_rows(pooling: str) -> None:
    values, labels = torch.randn(40, 5, generator=torch.Generator().manual_seed(1)), torch.arange(40) % 3
    rows = WindowFeatures(values, torch.arange(40), torch.ones(40).long(), pooling)
    ((weight, bias),) = fit_linear_heads(rows, labels, cross_entropy, l2=[1.0], num_labels=3)
    ((expected, expected_bias),) = fit_linear_heads(values, labels, cross_entropy, l2=[1.0], num_labels=3)
    torch.testing.assert_close(weight, expected, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(bias, expected_bias, atol=1e-4, rtol=1e-4)


def test_one_deciding_window_is_learned() -> None:
    (train, labels), (test, truth) = documents("max"), documents("max", size=200, seed=1)

    def accuracy(features: Features, tested: Features) -> float:
        ((weight, bias),) = fit_linear_heads(features, labels, cross_entropy, l2=[1.0], num_labels=2)
        return float((apply_head(tested, weight, bias).argmax(1) == truth).float().mean())

    assert accuracy(train, test) > 0.97
    assert accuracy(document_means(train), document_means(test)) < 0.9


@pytest.mark.parametrize("pooling", ["max", "top_k"])
def test_the_fitted_head_is_a_minimum(pooling: str) -> None:
    features, labels = documents(pooling)
    ((weight, bias),) = fit_linear_heads(features, labels, cross_entropy, l2=[5.0], num_labels=2)
    ((mean, mean_bias),) = fit_linear_heads(document_means(features), labels, cross_entropy, l2=[5.0], num_labels=2)
    deviation = features.values.double().std(0, correction=0)

    def objective(weight: Tensor, bias: Tensor) -> float:
        data = cross_entropy(features.pool(features.values.double() @ weight.T + bias), labels).mean()
        return float(data + 5.0 / (2 * len(labels)) * (weight * deviation).square().sum())

    best = objective(weight.double(), bias.double())
    assert best < 0.9 * objective(mean.double(), mean_bias.double())
    generator = torch.Generator().manual_seed(2)
    for size in (0.02, 0.1):
        for _ in range(100):
            steps = [size * torch.randn(part.shape, generator=generator).double() for part in (weight, bias)]
            assert objective(weight + steps[0], bias + steps[1]) > best


@pytest.mark.parametrize("pooling", ["max", "top_k"])
def test_rounding_does_not_choose_another_head(pooling: str) -> None:
    features, labels = documents(pooling)
    noise = 1e-6 * torch.randn(features.values.shape, generator=torch.Generator().manual_seed(3))
    heads = [
        fit_linear_heads(replace(features, values=values), labels, cross_entropy, l2=[0.1], num_labels=2)[0]
        for values in (features.values, features.values + noise)
    ]
    first, second = (apply_head(features, *head).softmax(1) for head in heads)
    torch.testing.assert_close(first, second, atol=1e-3, rtol=0)


@pytest.mark.parametrize(("pooling", "most"), [("max", 1), ("top_k", 3)])
def test_smoothed_poolings_by_hand(pooling: str, most: int) -> None:
    values = torch.tensor([[2.0], [1.0], [0.0], [-1.0], [5.0]], dtype=torch.float64, requires_grad=True)
    numbers, counts = torch.tensor([0, 0, 0, 0, 1]), torch.ones(5).long()
    features = WindowFeatures(values.detach(), numbers, counts, pooling)
    cold = features.smoothed_pool(values, 1e-3)
    expected = torch.tensor([[2.0 if most == 1 else 1.0], [5.0]], dtype=torch.float64)  # (2 + 1 + 0) / 3
    torch.testing.assert_close(cold, expected, atol=3e-3, rtol=0)  # 3e-3 > 1e-3 log 4
    if most == 1:
        torch.testing.assert_close(features.smoothed_pool(values, 1.0)[0], torch.logsumexp(values[:4], 0))
    torch.autograd.gradcheck(lambda z: features.smoothed_pool(z, 0.7), (values,), eps=1e-5, atol=1e-5)


def test_one_long_document_needs_no_room_for_the_others() -> None:
    size, long = 2000, 3000
    numbers = torch.cat([torch.arange(size), torch.full((long,), size)])
    values = torch.randn(size + long, 50, generator=torch.Generator().manual_seed(0))
    with torch.autograd.profiler.profile(profile_memory=True) as profile:
        made = pool(values, numbers, torch.ones(len(numbers)).long(), "top_k", size + 1)
    torch.testing.assert_close(made[:size], values[:size])
    torch.testing.assert_close(made[size], values[size:].topk(3, dim=0).values.mean(0))
    assert max(event.cpu_memory_usage for event in profile.key_averages()) < 100 * values.nbytes
