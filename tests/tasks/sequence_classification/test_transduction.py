"""Predictions for a set of texts are corrected by their words, as the equation says."""

import zlib

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.feature_extraction.text import TfidfVectorizer

from nlp_transfer.tasks.sequence_classification.transduction import transductive_logits
from tests.tiny_classifiers import random_texts


def case(rows=60, classes=3, seed=0):
    return random_texts(rows, seed=seed), np.random.default_rng(seed).normal(size=(rows, classes)) * 2


def explained(texts, logits):
    """Return texts of which words say something of the first class."""
    return texts, logits + np.array([[4.0 * bool({"w1", "w2", "w3"} & set(text.split())), 0, 0] for text in texts])


def by_hand(texts, logits):
    """Closed-form ridge regression with an intercept in each fold, and the slope of least squares over all cells."""
    features = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2).fit_transform(texts).toarray()
    answers, words = softmax(logits, axis=1), np.zeros_like(logits)
    folds = np.array([zlib.crc32(text.encode()) % 5 for text in texts])
    for fold in range(5):
        x, p, held_out = features[folds != fold], answers[folds != fold], folds == fold
        centred = x - x.mean(0)
        weights = np.linalg.solve(centred.T @ centred + np.eye(x.shape[1]), centred.T @ (p - p.mean(0)))
        words[held_out] = (features[held_out] - x.mean(0)) @ weights + p.mean(0)
    words -= words.mean(0)
    own = logits - logits.mean(axis=1, keepdims=True)
    return own + words * (((own - own.mean(0)) * words).sum() / (words**2).sum())


def test_logits_are_those_of_the_equation_up_to_their_scale_and_offsets():
    texts, logits = explained(*case(rows=200))
    corrected, expected = transductive_logits(texts, logits), by_hand(texts, logits)
    left, right = (one - one.mean(0) for one in (corrected, expected))  # without the offset of each class
    scale = (left * right).sum() / (right**2).sum()
    assert scale > 0 and (corrected.argmax(1) != logits.argmax(1)).any()
    np.testing.assert_allclose(left, scale * right, atol=1e-3)


def test_each_class_is_predicted_as_often_as_before():
    for shift in ([0, 0, 0], [2, 0, -1]):
        texts, logits = explained(*case(rows=600))
        logits = logits + shift
        before, after = (
            np.bincount(one.argmax(1), minlength=3) for one in (logits, transductive_logits(texts, logits))
        )
        changed = (logits.argmax(1) != transductive_logits(texts, logits).argmax(1)).mean()
        assert changed > 0.05
        assert np.abs(before - after).max() <= 3


def test_neither_order_nor_copies_nor_further_texts_of_a_fold_change_a_prediction():
    texts, logits = explained(*case(rows=200))
    order = np.random.default_rng(1).permutation(200)
    shuffled = transductive_logits([texts[i] for i in order], logits[order])
    np.testing.assert_allclose(shuffled, transductive_logits(texts, logits)[order], atol=1e-3)
    twice = transductive_logits(texts * 2, np.concatenate([logits, logits]))
    np.testing.assert_allclose(twice[:200], twice[200:], atol=1e-3)


def test_the_mean_confidence_stays():
    texts, logits = explained(*case())
    sure = [softmax(one, axis=1).max(axis=1).mean() for one in (logits, transductive_logits(texts, logits))]
    assert sure[1] == pytest.approx(sure[0], abs=1e-9)


def test_words_overrule_a_model_that_is_not_sure():
    texts = [f"{weather} {day}" for day in range(10, 30) for weather in ("fine weather", "heavy rain")]
    logits = np.array([[2.0, -2.0], [-2.0, 2.0]] * 20)
    logits[[0, 3]] = [[-0.2, 0.2], [0.2, -0.2]]
    assert transductive_logits(texts, logits).argmax(axis=1).tolist() == [0, 1] * 20
    logits[[0, 3]] = [[-9.0, 9.0], [9.0, -9.0]]  # and not one that is
    assert transductive_logits(texts, logits).argmax(axis=1).tolist() == logits.argmax(1).tolist()


@pytest.mark.parametrize("texts", [["..."] * 20, ["the same"] * 20], ids=["no words", "the same words"])
def test_texts_whose_words_say_nothing_keep_their_logits(texts):
    logits = np.random.default_rng(0).normal(size=(20, 2))
    assert transductive_logits(texts, logits).argmax(axis=1).tolist() == logits.argmax(axis=1).tolist()


def test_a_model_that_says_the_same_of_all_keeps_its_logits():
    logits = np.tile([1.0, -1.0], (20, 1))
    corrected = transductive_logits(random_texts(20), logits)
    np.testing.assert_allclose(softmax(corrected, axis=1), softmax(logits, axis=1), atol=1e-6)
