"""TF-IDF features of texts, and the ridge regression on them that several tasks have."""

import numpy as np

from nlp_transfer.tasks.reading.baselines import tfidf_ridge, vectorized

TEXTS, VALUES = ["cheap thing", "dear thing"] * 6, np.array([[1.0, 10.0], [9.0, 90.0]] * 6)


def test_words_and_pairs_of_words_are_terms():
    fitted = vectorized(TEXTS)
    assert fitted is not None
    assert set(fitted[0].vocabulary_) == {"cheap", "dear", "thing", "cheap thing", "dear thing"}
    assert fitted[1].shape == (12, 5)
    assert vectorized(["?", "!"]) is None


def test_the_ridge_learns_several_numbers_from_words():
    found = tfidf_ridge(TEXTS, VALUES)(["dear thing", "cheap thing"])
    np.testing.assert_allclose(found, [[9.0, 90.0], [1.0, 10.0]], rtol=0.1)
    assert tfidf_ridge(["?", "!"], VALUES[:2])(["a"]).tolist() == [[5.0, 50.0]]
