"""Baselines of pairs read what they say, and no more."""

import numpy as np
import pytest

from nlp_transfer.tasks.sentence_pairs.baselines import BASELINES, hypothesis_only, tfidf_cosine

PAIRS = [("red apple tree", "red apple"), ("red apple tree", "blue car"), ("blue car door", "blue car")] * 4
LABELS = np.array([1, 0, 1] * 4)


def test_the_hypothesis_alone_cannot_tell_pairs_apart():
    predict = hypothesis_only(PAIRS, np.array([0, 1, 1] * 4))
    assert predict([("anything", "red apple"), ("red apple", "blue car")]).tolist() == [0, 1]
    swapped = [("nothing alike", second) for _, second in PAIRS]
    assert predict(swapped).tolist() == predict(PAIRS).tolist()


def test_the_cosine_goes_by_shared_words():
    predict = tfidf_cosine(PAIRS, LABELS)
    assert predict(PAIRS).tolist() == LABELS.tolist()
    assert predict([("blue car", "red apple tree"), ("door tree", "tree door")]).tolist() == [0, 1]


def test_the_cosine_of_several_labels():
    labels = np.stack([LABELS, 1 - LABELS], axis=1)
    assert tfidf_cosine(PAIRS, labels)(PAIRS).tolist() == labels.tolist()


def test_pairs_without_words_or_of_one_class_are_the_majority():
    assert tfidf_cosine([("?", "!"), ("!", "?")], np.array([0, 0]))([("a", "b")]).tolist() == [0]
    assert tfidf_cosine(PAIRS, np.ones(12))([("a", "b")]).tolist() == [1]


@pytest.mark.parametrize("name", BASELINES)
def test_each_predicts_as_many_rows_as_it_is_given(name):
    assert BASELINES[name](PAIRS, LABELS)(PAIRS[:5]).shape == (5,)
