"""Turn the logits of a classifier into probabilities and chosen classes."""

import numpy as np


def class_probabilities(logits: np.ndarray, *, multi_label: bool) -> np.ndarray:
    """Return the softmax of single-label logits, or the sigmoid of multi-label ones.

    Args:
        logits: shape (rows, classes).
        multi_label: whether a row may have any number of labels.

    Returns:
        float64, shape (rows, classes).

    Example:
        >>> class_probabilities(np.log([[1.0, 3.0]]), multi_label=False)
        array([[0.25, 0.75]])
    """
    from scipy.special import expit, softmax

    logits = np.asarray(logits, dtype=np.float64)
    return expit(logits) if multi_label else softmax(logits, axis=-1)


def choose_classes(probabilities: np.ndarray, thresholds: np.ndarray | None = None) -> np.ndarray:
    """Return the most probable class of each row, or every label that reaches its threshold.

    Args:
        probabilities: shape (rows, classes).
        thresholds: of multi-label classification, shape (classes,); None takes one class a row.

    Returns:
        Class ids, shape (rows,); with thresholds 0 or 1, shape (rows, classes).

    Example:
        >>> choose_classes(np.array([[0.2, 0.8]])), choose_classes(np.array([[0.2, 0.8]]), np.array([0.1, 0.5]))
        (array([1]), array([[1, 1]]))
    """
    if thresholds is None:
        return probabilities.argmax(axis=-1)
    return (probabilities >= thresholds).astype(int)
