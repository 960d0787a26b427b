"""The baselines of numbers of pairs, against values worked out by hand."""

import numpy as np
import pytest

from nlp_transfer.tasks.pair_regression.baselines import BASELINES, hypothesis_only, tfidf_cosine

PAIRS = [("red apple", "red apple"), ("red apple", "blue car"), ("blue car", "blue car"), ("blue car", "red apple")]
VALUES = np.array([[5.0, 1.0], [0.0, 1.0], [5.0, 1.0], [0.0, 1.0]])


def test_shared_words_make_a_line():
    predict = tfidf_cosine(PAIRS * 2, np.concatenate([VALUES, VALUES]))
    np.testing.assert_allclose(
        predict([("red apple", "red apple"), ("red apple", "blue car")]), [[5, 1], [0, 1]], atol=1e-6
    )
    middle = predict([("red apple", "red car")])[0, 0]
    assert 0 < middle < 5


def test_the_second_text_alone_tells_nothing_here():
    predicted = hypothesis_only(PAIRS * 2, np.concatenate([VALUES, VALUES]))(PAIRS)
    np.testing.assert_allclose(predicted, np.tile(VALUES.mean(axis=0), (4, 1)), atol=1e-6)


@pytest.mark.parametrize("name", ["hypothesis_only", "tfidf_cosine"])
def test_texts_without_words_have_the_mean(name):
    predicted = BASELINES[name]([("!", "?")] * 2, np.array([[1.0], [3.0]]))([("!", "?")])
    np.testing.assert_allclose(predicted, [[2.0]])
