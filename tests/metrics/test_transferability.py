"""LogME against the direct Gaussian evidence, and the H-score by hand."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import multivariate_normal
from sklearn.covariance import ledoit_wolf

from nlp_transfer.metrics.transferability import h_score, log_evidence


def direct(x: np.ndarray, y: np.ndarray) -> float:
    """Maximise the density of y, of mean 0 and covariance I/b + F Fᵀ/a, over a and b without any algebra."""

    def negative(logs: np.ndarray) -> float:
        a, b = np.exp(logs)
        return -float(multivariate_normal(np.zeros(len(y)), np.eye(len(y)) / b + x @ x.T / a).logpdf(y))

    options = {"xatol": 1e-10, "fatol": 1e-12, "maxiter": 4000}
    starts = ([0.0, 0.0], [4.0, 2.0], [-2.0, 4.0])
    return -min(minimize(negative, start, method="Nelder-Mead", options=options).fun for start in starts) / len(y)


@pytest.mark.parametrize(("rows", "hidden"), [(12, 30), (30, 12), (20, 20), (40, 100)])
def test_log_evidence_is_the_direct_gaussian_evidence(rows: int, hidden: int) -> None:
    random = np.random.default_rng(rows)
    x, labels = random.normal(size=(rows, hidden)), np.arange(rows) % 3
    x[:, 0] += labels
    expected = np.mean([direct(x, (labels == label).astype(float)) for label in range(3)])
    assert log_evidence(x, labels) == pytest.approx(expected, abs=1e-8)


def test_rounding_of_the_features_explains_nothing() -> None:
    labels = np.arange(30) % 3
    same = np.ones((30, 20), np.float32)
    rounded = same + 3e-8 * labels[:, None].astype(np.float32) * np.linspace(1, 4, 20, dtype=np.float32)
    assert (rounded != same).any()
    assert log_evidence(rounded, labels) == pytest.approx(log_evidence(same, labels), abs=1e-6)


def test_several_labels_are_columns() -> None:
    random = np.random.default_rng(0)
    x, labels = random.normal(size=(15, 4)), (random.random((15, 2)) < 0.5).astype(int)
    expected = np.mean([direct(x, column.astype(float)) for column in labels.T])
    assert log_evidence(x, labels) == pytest.approx(expected, abs=1e-8)


def test_features_without_meaning_score_less() -> None:
    random = np.random.default_rng(1)
    labels = np.arange(60) % 2
    noise = random.normal(size=(60, 384))  # fewer rows than dimensions
    useful = noise.copy()
    useful[:, :5] += 2 * labels[:, None]
    assert log_evidence(useful, labels) > log_evidence(noise, labels)
    assert h_score(useful, labels) > h_score(noise, labels)


def test_the_h_score_by_hand() -> None:
    x = np.array([[1.0, 0.0], [3.0, 1.0], [-1.0, 1.0], [-3.0, 0.0], [2.0, -1.0], [-2.0, -1.0]])
    labels = np.array([0, 0, 1, 1, 0, 1])
    covariance, shrinkage = ledoit_wolf(x, assume_centered=True)  # the columns have mean 0
    between = (1 - shrinkage) * np.diag([4.0, 0.0])  # class means are (2, 0) and (-2, 0)
    assert h_score(x, labels) == pytest.approx(np.trace(np.linalg.inv(covariance) @ between))


@pytest.mark.parametrize("score", [log_evidence, h_score])
def test_what_cannot_be_scored(score) -> None:
    with pytest.raises(ValueError, match="two rows or more"):
        score(np.zeros((1, 2)), np.array([0]))
    with pytest.raises(ValueError, match="not finite"):
        score(np.array([[np.nan], [1.0]]), np.array([0, 1]))
