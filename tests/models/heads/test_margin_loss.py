import numpy as np
import pytest
import torch
from sklearn.svm import LinearSVC

from nlp_transfer.models.heads.linear_probe import fit_linear_heads
from nlp_transfer.models.heads.margin_loss import fit_scale, squared_hinge


def test_by_hand():
    loss = squared_hinge(torch.tensor([0, 0, 0, 1]), 2)
    # Class 0 has 3 of 4 rows, so its rows weigh 4 / (2 · 3), and those of class 1 weigh 4 / (2 · 1).
    found = loss(torch.tensor([[0.5, -2.0], [0.0, 0.25]]), torch.tensor([0, 1]))
    torch.testing.assert_close(found, torch.tensor([2 / 3 * 0.25 + 0.0, 1.0 + 2 * 0.75**2]))


def test_several_labels_by_hand():
    loss = squared_hinge(torch.tensor([[1.0, 0.0], [0.0, 0.0], [1.0, 1.0], [1.0, 0.0]]), 2)
    found = loss(torch.tensor([[0.5, 0.5]]), torch.tensor([[1.0, 0.0]]))
    torch.testing.assert_close(found, torch.tensor([4 / 6 * 0.25 + 4 / 6 * 2.25]))


def test_a_class_without_rows_weighs_something_finite():
    assert torch.isfinite(squared_hinge(torch.tensor([0, 0]), 3)(torch.zeros(2, 3), torch.tensor([0, 2]))).all()


def test_heads_decide_as_scikit_learns():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 300)
    x = rng.normal(size=(300, 5)) + 0.8 * np.eye(3, 5)[labels]
    x = (x - x.mean(0)) / x.std(0)
    theirs = LinearSVC(C=0.1, class_weight="balanced", intercept_scaling=1000.0, max_iter=200_000, tol=1e-8)
    theirs.fit(x, labels)
    y = torch.from_numpy(labels)
    weight, bias = fit_linear_heads(torch.from_numpy(x), y, squared_hinge(y, 3), l2=[10.0], num_labels=3)[0]
    np.testing.assert_allclose(weight.numpy(), theirs.coef_, atol=2e-3)
    np.testing.assert_allclose(bias.numpy(), theirs.intercept_, atol=2e-3)


@pytest.mark.parametrize("multi_label", [False, True])
def test_the_scale_is_that_of_the_probabilities(multi_label):
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(20_000, 3, generator=generator) * 2
    if multi_label:
        labels = (torch.rand(logits.shape, generator=generator) < logits.sigmoid()).float()
    else:
        labels = torch.multinomial(logits.softmax(-1), 1, generator=generator)[:, 0]
    assert fit_scale(logits / 3, labels) == pytest.approx(3, rel=0.1)
