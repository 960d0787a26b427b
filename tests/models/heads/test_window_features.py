"""Heads of documents whose windows are pooled by their largest logits."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional

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
    deviation = features.values.double().std(0, correction=0)

    def objective(weight: Tensor, bias: Tensor) -> Tensor:
        data = cross_entropy(features.pool(features.values.double() @ weight.T + bias), labels).mean()
        return data + 5.0 / (2 * len(labels)) * (weight * deviation).square().sum()

    best = objective(weight.double(), bias.double())
    generator = torch.Generator().manual_seed(2)
    for _ in range(50):
        step = 0.02 * torch.randn(weight.shape, generator=generator, dtype=torch.float64)
        assert objective(weight + step, bias.double()) > best - 1e-6
