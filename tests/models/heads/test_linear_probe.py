"""The fitted head is the optimum that scikit-learn finds."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC
from torch.nn import functional

from nlp_transfer.models.heads.linear_probe import fit_linear_heads, fit_scale, prototype_head, squared_hinge


def cross_entropy(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return functional.cross_entropy(logits, labels, reduction="none")


def iris() -> tuple[torch.Tensor, torch.Tensor]:
    x, y = load_iris(return_X_y=True)
    return torch.tensor(x, dtype=torch.float32), torch.tensor(y)


@pytest.mark.parametrize("l2", [0.1, 1.0, 50.0])
def test_equals_scikit_learn(l2: float) -> None:
    x, y = iris()
    weight, bias = fit_linear_heads(x, y, cross_entropy, l2=[l2], num_labels=3)[0]
    assert weight.dtype == bias.dtype == torch.float32
    assert (weight.shape, bias.shape) == ((3, 4), (3,))
    mean, std = x.double().mean(0), x.double().std(0, correction=0)
    theirs = LogisticRegression(C=1 / l2, tol=1e-10, max_iter=10_000).fit(
        ((x.double() - mean) / std).numpy(), y.numpy()
    )
    np.testing.assert_allclose(weight.double().numpy() * std.numpy(), theirs.coef_, atol=1e-3)
    logits = x @ weight.T + bias
    expected = torch.from_numpy(theirs.decision_function(((x.double() - mean) / std).numpy()))
    difference = (torch.log_softmax(logits.double(), -1) - torch.log_softmax(expected, -1)).abs().max()
    assert difference < 2e-3


def test_multi_label_is_one_problem_a_label() -> None:
    x, y = iris()
    labels = functional.one_hot(y, 3).float()

    def loss(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return functional.binary_cross_entropy_with_logits(logits, targets, reduction="none").sum(-1)

    weight, _ = fit_linear_heads(x, labels, loss, l2=[1.0], num_labels=3)[0]
    mean, std = x.double().mean(0), x.double().std(0, correction=0)
    standardised = ((x.double() - mean) / std).numpy()
    for label in range(3):
        theirs = LogisticRegression(tol=1e-10, max_iter=10_000).fit(standardised, labels[:, label].numpy())
        np.testing.assert_allclose(weight[label].double().numpy() * std.numpy(), theirs.coef_[0], atol=1e-3)


def test_by_hand() -> None:
    # Two points at -1 and 1, classes 0 and 1, w = W[1, 0] = -W[0, 0], b = 0 by symmetry. The objective is
    # log(1 + exp(-2 w)) + (l2 / 4) 2 w²; at l2 = 1 its derivative -2 / (1 + exp(2 w)) + w is 0 at w = 0.5213…
    x, y = torch.tensor([[-1.0], [1.0]]), torch.tensor([0, 1])
    weight, bias = fit_linear_heads(x, y, cross_entropy, l2=[1.0], num_labels=2)[0]
    w = weight[1, 0].item()
    assert w == pytest.approx(-weight[0, 0].item(), abs=1e-5)
    assert w == pytest.approx(2 / (1 + np.exp(2 * w)), abs=1e-4)
    assert w == pytest.approx(0.5213, abs=1e-4)
    assert bias.abs().max() < 1e-5


def test_class_weights_hold() -> None:
    x, y = torch.zeros(4, 2), torch.tensor([0, 0, 0, 1])
    weights = torch.tensor([1.0, 3.0], dtype=torch.float64)

    def loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return cross_entropy(logits, labels) * weights[labels]

    _, bias = fit_linear_heads(x, y, loss, l2=[1.0], num_labels=2)[0]
    assert bias[0].item() == pytest.approx(bias[1].item(), abs=1e-5)  # 3 rows of weight 1 against 1 row of weight 3


def test_constant_feature_is_harmless() -> None:
    x, y = iris()
    with_constant = torch.cat([x, torch.full((len(x), 1), 7.0)], dim=1)
    weight, bias = fit_linear_heads(with_constant, y, cross_entropy, l2=[1.0], num_labels=3)[0]
    expected, expected_bias = fit_linear_heads(x, y, cross_entropy, l2=[1.0], num_labels=3)[0]
    assert weight[:, 4].abs().max() < 1e-4
    torch.testing.assert_close(weight[:, :4], expected, atol=1e-3, rtol=1e-3)
    assert torch.isfinite(bias).all()
    assert bias.shape == expected_bias.shape


def test_several_penalties_come_in_the_order_asked() -> None:
    x, y = iris()
    heads = fit_linear_heads(x, y, cross_entropy, l2=[1.0, 100.0, 10.0], num_labels=3)
    norms = [weight.norm().item() for weight, _ in heads]
    assert norms[0] > norms[2] > norms[1]
    alone, _ = fit_linear_heads(x, y, cross_entropy, l2=[1.0], num_labels=3)[0]
    torch.testing.assert_close(heads[0][0], alone, atol=1e-3, rtol=1e-3)


def test_wrong_use() -> None:
    with pytest.raises(ValueError, match="at least one row"):
        fit_linear_heads(torch.zeros(0, 2), torch.zeros(0, dtype=torch.long), cross_entropy, l2=[1.0], num_labels=2)[0]
    x = torch.tensor([[1.0], [float("nan")]])
    with pytest.raises(ValueError, match="not finite"):
        fit_linear_heads(x, torch.tensor([0, 1]), cross_entropy, l2=[1.0], num_labels=2)[0]


def test_rounding_of_a_constant_feature_gets_no_weight():
    """Standardised, it would be as good as any other, with a weight of many millions on the feature as it came."""
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(60, 4, generator=generator)
    labels = (rows[:, 0] > 0).long()
    rows[:, 3] = 0.7 + 1e-8 * labels  # gives the class away
    weight, bias = fit_linear_heads(rows.double(), labels, cross_entropy, l2=[1.0], num_labels=2)[0]
    assert weight[:, 3].tolist() == [0.0, 0.0]
    assert weight.abs().max() < 100
    plain, _ = fit_linear_heads(rows[:, :3].double(), labels, cross_entropy, l2=[1.0], num_labels=2)[0]
    torch.testing.assert_close(weight[:, :3], plain, atol=1e-4, rtol=1e-4)
    constant, bias = fit_linear_heads(torch.ones(60, 2), labels, cross_entropy, l2=[1.0], num_labels=2)[0]
    assert constant.abs().max() == 0
    assert torch.isfinite(bias).all()


def test_the_squared_hinge_by_hand():
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


def test_prototypes_by_hand() -> None:
    features = torch.tensor([[3.0, 0.0], [1.0, 0.0], [0.0, 2.0]])
    weight, bias = prototype_head(features, torch.tensor([0, 0, 1]), 3)
    assert weight.tolist() == [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]  # no row of the third class
    assert bias.tolist() == [0.0, 0.0, 0.0]
    several, _ = prototype_head(features, torch.tensor([[1.0], [1.0], [0.0]]), 1)
    assert several.tolist() == [[1.0, -1.0]]
