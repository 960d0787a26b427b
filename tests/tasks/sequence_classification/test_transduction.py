"""Predictions for a set of texts are corrected by their words, as the equation says."""

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import KFold

from nlp_transfer.tasks.sequence_classification.transduction import transductive_logits
from tests.tiny_classifiers import random_texts


def case(rows=60, classes=3, seed=0):
    return random_texts(rows, seed=seed), np.random.default_rng(seed).normal(size=(rows, classes)) * 2


def by_hand(texts, logits):
    """Closed-form ridge regression with an intercept in each fold, and the slope of least squares over all cells."""
    features = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2).fit_transform(texts).toarray()
    answers, words = softmax(logits, axis=1), np.zeros_like(logits)
    for train, held_out in KFold(5, shuffle=True, random_state=0).split(texts):
        x, p = features[train], answers[train]
        centred = x - x.mean(0)
        weights = np.linalg.solve(centred.T @ centred + np.eye(x.shape[1]), centred.T @ (p - p.mean(0)))
        words[held_out] = (features[held_out] - x.mean(0)) @ weights + p.mean(0)
    words -= words.mean(0)
    own = logits - logits.mean(axis=1, keepdims=True)
    return own + words * (((own - own.mean(0)) * words).sum() / (words**2).sum())


def test_logits_are_those_of_the_equation_up_to_their_scale():
    texts, logits = case()
    logits[:, 0] += [3.0 * ("w1" in text.split()) for text in texts]  # so that words explain something
    corrected, expected = transductive_logits(texts, logits), by_hand(texts, logits)
    scale = (corrected * expected).sum() / (expected**2).sum()
    assert scale > 0 and (corrected.argmax(1) != logits.argmax(1)).any()
    np.testing.assert_allclose(corrected, scale * expected, atol=1e-3)


def test_the_mean_confidence_stays():
    texts, logits = case()
    logits[:, 0] += [3.0 * ("w1" in text.split()) for text in texts]
    sure = [softmax(one, axis=1).max(axis=1).mean() for one in (logits, transductive_logits(texts, logits))]
    assert sure[1] == pytest.approx(sure[0], abs=1e-9)


def test_words_overrule_a_model_that_is_not_sure():
    texts = ["fine weather", "heavy rain"] * 20
    logits = np.array([[2.0, -2.0], [-2.0, 2.0]] * 20)
    logits[[0, 3]] = [[-0.2, 0.2], [0.2, -0.2]]
    logits[4] = [-4.0, 4.0]  # and not one that is
    assert transductive_logits(texts, logits).argmax(axis=1).tolist() == [0, 1, 0, 1, 1, 1, *[0, 1] * 17]


def test_frequencies_of_classes_are_not_evened_out():
    texts, logits = case(rows=200, classes=2)
    logits += [0.3, -0.3]
    before, after = logits, transductive_logits(texts, logits)
    assert abs((before.argmax(1) == 0).mean() - (after.argmax(1) == 0).mean()) < 0.05


@pytest.mark.parametrize("texts", [["..."] * 20, ["the same"] * 20], ids=["no words", "the same words"])
def test_texts_whose_words_say_nothing_keep_their_logits(texts):
    logits = np.random.default_rng(0).normal(size=(20, 2))
    assert transductive_logits(texts, logits).argmax(axis=1).tolist() == logits.argmax(axis=1).tolist()


def test_a_model_that_says_the_same_of_all_keeps_its_logits():
    logits = np.tile([1.0, -1.0], (20, 1))
    corrected = transductive_logits(["fine weather", "heavy rain"] * 10, logits)
    np.testing.assert_allclose(softmax(corrected, axis=1), softmax(logits, axis=1), atol=1e-6)
