"""Decode the tags of a text: the most probable sequence of tags in which I-X follows B-X or I-X.

    best path   argmax over valid tags of the product over tokens of p(tag), by Viterbi's algorithm
    entity      the sum of these products over valid tags that have it, over the sum over all valid tags, by
                the forward-backward algorithm (Rabiner, 1989, https://doi.org/10.1109/5.18626)

Where the most probable tags of all tokens are valid, they are the best path.
"""

from collections.abc import Sequence

import numpy as np


def best_tags(log_probabilities: np.ndarray) -> np.ndarray:
    """Return the best valid tags of one text, shape (tokens,).

    Args:
        log_probabilities: of the tags `O, B-0, I-0, B-1, …`, shape (tokens, tags).

    Example:
        >>> best_tags(np.log([[0.6, 0.35, 0.05], [0.1, 0.1, 0.8]])).tolist()
        [1, 2]
    """
    scores = np.asarray(log_probabilities, dtype=np.float64)
    tags = scores.argmax(axis=1)
    if is_valid(tags):
        return tags
    begins, inside = np.arange(1, scores.shape[1], 2), np.arange(2, scores.shape[1], 2)
    total = scores[0].copy()
    total[inside] = -np.inf
    before = np.zeros(scores.shape, dtype=int)
    for place in range(1, len(scores)):
        before[place] = total.argmax()
        opened = total[begins] >= total[inside]
        before[place, inside] = np.where(opened, begins, inside)
        total = total[before[place]] + scores[place]
    tags[-1] = total.argmax()
    for place in range(len(scores) - 1, 0, -1):
        tags[place - 1] = before[place, tags[place]]
    return tags


def is_valid(tags: np.ndarray) -> bool:
    """Return whether each I-X follows B-X or I-X.

    Example:
        >>> is_valid(np.array([0, 1, 2])), is_valid(np.array([0, 2]))
        (True, False)
    """
    previous = np.concatenate([[0], tags[:-1]])
    is_inside = (tags > 0) & (tags % 2 == 0)
    return bool(((previous == tags) | (previous == tags - 1))[is_inside].all())


def span_probabilities(probabilities: np.ndarray, runs: Sequence[tuple[int, int, int]]) -> list[float]:
    """Return the probability of each entity: the share of all valid sequences of tags that have exactly this one.

    Args:
        probabilities: of the tags of one text's tokens, shape (tokens, tags).
        runs: first token, the one after the last, and class of each entity.

    Example:
        >>> span_probabilities(np.array([[0.5, 0.5, 0.0], [0.5, 0.0, 0.5]]), [(0, 2, 0)])
        [0.3333333333333333]
    """
    p, size = np.asarray(probabilities, dtype=np.float64), len(probabilities)
    begins, inside = np.arange(1, p.shape[1], 2), np.arange(2, p.shape[1], 2)
    scales, forward = np.empty(size), p[0].copy()
    forward[inside] = 0.0
    for place in range(size):
        if place:
            opened = forward[begins] + forward[inside]
            forward = p[place].copy()  # of a sum of 1 before it
            forward[inside] *= opened
        scales[place] = forward.sum()
        forward /= scales[place]
    closing, backward = np.ones(size), np.ones(p.shape[1])
    for place in range(size - 2, -1, -1):
        following = p[place + 1] * backward / scales[place + 1]
        closing[place] = following[0] + following[begins].sum()
        backward = np.full(p.shape[1], closing[place])
        backward[begins] += following[inside]
        backward[inside] += following[inside]
    found = []
    for first, last, label in runs:
        tags = np.array([1 + 2 * label, *[2 + 2 * label] * (last - first - 1)])
        ratios = p[np.arange(first, last), tags] / scales[first:last]
        found.append(float(ratios.prod() * closing[last - 1]))
    return found
