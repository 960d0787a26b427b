"""Select models for a target without labels, by their predictions and features.

These scores rank checkpoints or settings and are no measure of quality. Each has a failure mode, which its function
names; compare what two of them select.
"""

import numpy as np

from nlp_transfer.metrics.metric import TargetRows, WeightedRows

MIN_ROWS = 3
"""Fewer rows have no neighbours."""


TARGET_MACRO_F1 = "target_macro_f1"
"""Name of the macro-F1 on the target's validation split, which needs labels."""


def target_scores(rows: TargetRows) -> dict[str, float]:
    """Compute the scores of a target's predictions; those of neighbours from `MIN_ROWS` rows on."""
    scores = {
        "target_entropy": mean_entropy(rows.probabilities, multi_label=rows.multi_label),
        "target_infomax": infomax(rows.probabilities, multi_label=rows.multi_label),
    }
    if len(rows.probabilities) >= MIN_ROWS:
        scores["target_density"] = soft_neighborhood_density(rows.probabilities)
    return scores


def weighted_scores(rows: WeightedRows) -> dict[str, float]:
    """Compute the score of source rows that are weighted for the target."""
    return {"target_dev": deep_embedded_validation(rows.losses, rows.weights)}


def mean_entropy(probabilities: np.ndarray, *, multi_label: bool = False) -> float:
    """Return the mean entropy of predictions in nats (for multi-label also over labels); less is better.

    It fails for a model that predicts one class for everything, whose entropy is 0.
    Reference: Morerio et al. (2018), https://arxiv.org/abs/1711.10288

    Args:
        probabilities: shape (rows, classes).
        multi_label: each column is a probability of its own.

    Example:
        >>> round(mean_entropy(np.array([[1.0, 0.0], [0.5, 0.5]])), 3)
        0.347
    """
    from scipy.special import entr

    probabilities = np.asarray(probabilities, dtype=np.float64)
    if multi_label:
        return float((entr(probabilities) + entr(1 - probabilities)).mean(axis=1).mean())
    return float(entr(probabilities).sum(axis=1).mean())


def infomax(probabilities: np.ndarray, *, multi_label: bool = False) -> float:
    """Return the mutual information of texts and predicted classes in nats; more is better.

        H(mean p) - mean H(p)

    It rewards certain predictions that use all classes, and fails for a target with few frequent classes.
    Reference: Krause et al. (2010), https://papers.nips.cc/paper/4154

    Example:
        >>> round(infomax(np.eye(2)), 3)
        0.693
    """
    probabilities = np.asarray(probabilities, dtype=np.float64)
    together = mean_entropy(probabilities.mean(axis=0, keepdims=True), multi_label=multi_label)
    return together - mean_entropy(probabilities, multi_label=multi_label)


def soft_neighborhood_density(probabilities: np.ndarray, temperature: float = 0.05) -> float:
    """Return the mean entropy of the similarities of each row to others in nats; more is better.

        p_ij = softmax over j != i of <f_i, f_j> / temperature,    f = predictions of length 1

    It is highest for a model that predicts one class for everything; the reference ranks models trained on source
    labels.
    Reference: Saito et al. (2021), https://arxiv.org/abs/2108.10860

    Args:
        probabilities: shape (rows, classes), of three rows at least.
        temperature: of the softmax; the default is the authors'.
    """
    from scipy.special import softmax

    rows = np.asarray(probabilities, dtype=np.float64)
    if len(rows) < MIN_ROWS:
        raise ValueError(f"Soft neighbourhood density got {len(rows)} rows; it needs three.")
    rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    similarities = rows @ rows.T / temperature
    np.fill_diagonal(similarities, -np.inf)
    return mean_entropy(softmax(similarities, axis=1))


def deep_embedded_validation(losses: np.ndarray, weights: np.ndarray) -> float:
    """Return the target's risk, from losses on source validation weighted by density ratios; less is better.

        mean(w·l) + eta·mean(w) - eta,    eta = -cov(w·l, w) / var(w)

    The last two terms are a control variate: their expectation is 0 and they reduce the variance.
    Reference: You et al. (2019), https://proceedings.mlr.press/v97/you19a.html

    Args:
        losses: of source validation rows, shape (rows,).
        weights: density of each row in the target over that in the source, shape (rows,).

    Example:
        >>> deep_embedded_validation(np.array([1.0, 3.0]), np.array([1.0, 1.0]))
        2.0
    """
    losses, weights = np.asarray(losses, dtype=np.float64), np.asarray(weights, dtype=np.float64)
    if len(losses) < 2:
        raise ValueError(f"The weighted risk got {len(losses)} rows; a variance needs two.")
    weighted = losses * weights
    variance = weights.var(ddof=1)
    eta = -np.cov(weighted, weights)[0, 1] / variance if variance > 0 else 0.0
    return float(weighted.mean() + eta * weights.mean() - eta)


def density_ratios(source: np.ndarray, target: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the density of each row in the target over that in the source, shape (rows,), by a classifier.

    w(x) = (n_source / n_target) · p(target | x) / p(source | x)
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    features = np.concatenate([source, target])
    domains = np.repeat([0, 1], [len(source), len(target)])
    classifier = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000)).fit(features, domains)
    odds = np.exp(np.clip(classifier.decision_function(rows), -20, 20))
    return np.asarray(len(source) / len(target) * odds)
