"""The two-sample test fires where domains differ, and seldom where they do not."""

import numpy as np
import pytest
from scipy.stats import binom

from nlp_transfer.metrics.exchangeability import ALARM, MIN_TEXTS, exchangeability_test


def texts(count, seed, words=200):
    random = np.random.default_rng(seed)
    return [" ".join(f"w{n}" for n in random.integers(words, size=12)) for _ in range(count)]


def test_other_words_are_told_apart():
    found = exchangeability_test(["good book"] * 30, ["good blender"] * 50)
    assert (found.accuracy, found.texts, found.differs) == (1.0, 30, True)
    assert found.p == pytest.approx(0.5**30)


def test_p_is_the_binomial_tail():
    found = exchangeability_test(texts(200, 1), texts(200, 2))
    right = round(found.accuracy * found.texts)
    assert found.p == pytest.approx(sum(binom.pmf(k, found.texts, 0.5) for k in range(right, found.texts + 1)))


def test_texts_of_one_domain_are_seldom_told_apart():
    pool = np.array(texts(800, 0))
    fired = 0
    for seed in range(40):
        order = np.random.default_rng(seed).permutation(800)
        found = exchangeability_test(list(pool[order[:400]]), list(pool[order[400:]]), seed=seed)
        fired += found.differs
    assert fired <= 2  # 0.4 expected at the level of 0.01
    assert ALARM == 0.01


def test_few_texts_or_texts_without_words_give_no_answer():
    assert exchangeability_test(texts(MIN_TEXTS - 1, 0), texts(100, 1)) is None
    assert exchangeability_test(["…"] * 40, ["!"] * 40) is None
