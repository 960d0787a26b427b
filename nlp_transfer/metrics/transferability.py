"""Score how well features of an encoder suit labels, before any training.

    LogME:    max over a, b of log N(y; 0, I/b + F Fᵀ/a) / n,  the mean over classes; y is 1 for rows of the class
    H-score:  tr(S⁻¹ B),  S the covariance of the features, shrunk (Ledoit-Wolf), B that of their class means

LogME is exact for any number of rows, also below that of dimensions: with t = b / a, F = U diag(s) Vᵀ and z = Uᵀy,

    log p = -(n log 2π + n + Σ log(1 + t sᵢ²) - n log b) / 2,   b = n / (Σ zᵢ² / (1 + t sᵢ²) + |y|² - |z|²)

and the best t is found by search in one dimension.
Reference: You et al. (2021), https://arxiv.org/abs/2102.11005; Bao et al. (2019), https://doi.org/10.1109/ICIP.2019.8803726
"""

import numpy as np

_LOG_RATIOS = np.linspace(-40, 40, 161)
"""Natural logarithms of t that bracket the search. The best t is 0 of features without meaning, and infinite where
fewer rows than dimensions are fitted without noise: as near as these ends are, the evidence is the limit's.
"""

_ROUNDING = 1e-12
"""Share of |y|² below which |y|² - |z|² is rounding, and y a combination of the features."""


def log_evidence(features: np.ndarray, labels: np.ndarray) -> float:
    """Return LogME: the larger, the better a linear model on the features explains the labels.

    Args:
        features: shape (rows, hidden).
        labels: class ids, shape (rows,), or zeros and ones, shape (rows, classes).

    Example:
        >>> x = np.array([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0], [0.1, 1.0]])
        >>> log_evidence(x, np.array([0, 0, 1, 1])) > log_evidence(x, np.array([0, 1, 0, 1]))
        True
    """
    from scipy.optimize import minimize_scalar

    x, targets = _checked(features, labels)
    u, s, _ = np.linalg.svd(x, full_matrices=False)
    kind = features.dtype if np.issubdtype(features.dtype, np.floating) else x.dtype
    s[s < s[0] * max(x.shape) * np.finfo(kind).eps] = 0.0  # rounding of the features, as in matrix_rank
    scores = []
    for y in targets.T:
        z = u.T @ y
        rest = float(y @ y - z @ z)
        parts = (s**2, z**2, rest if rest > _ROUNDING * float(y @ y) else 0.0, len(y))
        start = _LOG_RATIOS[np.argmax([_evidence(ratio, *parts) for ratio in _LOG_RATIOS])]
        step = _LOG_RATIOS[1] - _LOG_RATIOS[0]
        found = minimize_scalar(lambda r: -_evidence(r, *parts), bounds=(start - step, start + step), method="bounded")  # noqa: B023
        scores.append(max(-float(found.fun), _evidence(start, *parts)) / len(y))
    return float(np.mean(scores))


def _evidence(log_ratio: float, squares: np.ndarray, projected: np.ndarray, rest: float, rows: int) -> float:
    """Return log p at the best b for a ratio t; the arguments are s², z², |y|² - |z|² and n."""
    scale = 1 + np.exp(log_ratio) * squares
    precision = rows / max(float((projected / scale).sum()) + rest, 1e-300)
    return float(-0.5 * (rows * np.log(2 * np.pi) + rows + np.log(scale).sum() - rows * np.log(precision)))


def h_score(features: np.ndarray, labels: np.ndarray) -> float:
    """Return the H-score with a shrunk covariance; of several labels a row the mean over labels.

    Args:
        features: shape (rows, hidden).
        labels: class ids, shape (rows,), or zeros and ones, shape (rows, classes).

    Example:
        >>> x = np.array([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0], [0.1, 1.0]])
        >>> h_score(x, np.array([0, 0, 1, 1])) > h_score(x, np.array([0, 1, 0, 1]))
        True
    """
    from sklearn.covariance import ledoit_wolf

    x, _ = _checked(features, labels)
    centred = x - x.mean(axis=0)
    covariance, shrinkage = ledoit_wolf(centred, assume_centered=True)
    columns = [labels] if labels.ndim == 1 else list(labels.T)
    scores = []
    for column in columns:
        values, places = np.unique(column, return_inverse=True)
        means = np.stack([centred[places == place].mean(axis=0) for place in range(len(values))])[places]
        between = (1 - shrinkage) * means.T @ means / len(means)
        scores.append(np.trace(np.linalg.solve(covariance, between)))
    return float(np.mean(scores))


def _checked(features: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return float64 features, and a column of zeros and ones for each class; raise ValueError."""
    if len(features) != len(labels) or len(labels) < 2:
        raise ValueError(f"A score needs two rows or more with labels; got {len(features)} and {len(labels)}.")
    x = np.asarray(features, np.float64)
    if not np.isfinite(x).all():
        raise ValueError("The features hold a value that is not finite.")
    classes = np.unique(labels) if labels.ndim == 1 else None
    return x, np.asarray(labels if classes is None else labels[:, None] == classes, np.float64)
