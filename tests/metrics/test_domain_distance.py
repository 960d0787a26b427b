"""How much of the target looks like each source."""

import numpy as np
import pytest

from nlp_transfer.metrics.domain_distance import different_words, source_shares, two_sample_test


def texts(words: range, count: int, seed: int) -> list[list[int]]:
    random = np.random.default_rng(seed)
    return [random.choice(list(words), 12).tolist() for _ in range(count)]


def test_a_target_like_one_source_gives_it_most() -> None:
    sources = [texts(range(20), 60, 0), texts(range(15, 35), 60, 1), texts(range(30, 50), 60, 2)]
    shares = source_shares(sources, texts(range(15, 35), 40, 3))
    assert shares.sum() == pytest.approx(1)
    assert shares.argmax() == 1
    assert shares[1] > 0.6


def test_a_mixture_gets_shares_near_its_own_whatever_the_sizes_are() -> None:
    sources = [texts(range(20), 200, 0), texts(range(20, 40), 50, 1)]
    target = texts(range(20), 25, 3) + texts(range(20, 40), 75, 4)
    shares = source_shares(sources, target)
    assert shares == pytest.approx([0.25, 0.75], abs=0.1)


def test_words_that_no_source_has_say_nothing() -> None:
    sources = [texts(range(20), 50, 0), texts(range(20, 40), 50, 1)]
    assert source_shares(sources, [[99, 98, 97]] * 4) == pytest.approx([0.5, 0.5], abs=0.05)


def test_what_is_needed() -> None:
    for sources, target in ([[[[1]]], [[1]]], [[[[1]], []], [[1]]], [[[[1]], [[2]]], []]):
        with pytest.raises(ValueError, match="two sources at least, and texts of each and of the target"):
            source_shares(sources, target)


def test_domains_that_are_alike_are_at_chance() -> None:
    random = np.random.default_rng(0)
    tests = [two_sample_test(random.normal(size=(120, 64)), random.normal(size=(400, 64)), seed=i) for i in range(40)]
    assert np.mean([test.accuracy for test in tests]) == pytest.approx(0.5, abs=0.03)  # held out, not fitted
    assert sum(test.p < 0.05 for test in tests) <= 6
    assert {test.rows for test in tests} == {120}


def test_domains_that_differ_are_told_apart() -> None:
    random = np.random.default_rng(0)
    first, second = random.normal(size=(200, 8)), random.normal(size=(200, 8)) + np.eye(8)[0] * 9
    found = two_sample_test(first, second)
    assert found.accuracy == 1.0
    assert found.a_distance == 2.0
    assert found.p == pytest.approx(0.5**200, rel=1e-6)
    assert found.low == pytest.approx(0.025 ** (1 / 200))  # Clopper-Pearson
    with pytest.raises(ValueError, match="four texts or more"):
        two_sample_test(first[:3], second)


def test_the_words_that_differ_are_not_the_frequent_ones() -> None:
    first = ["the court finds the claim"] * 20 + ["the fees"]
    second = ["the patient has the fever"] * 20 + ["the fees"]
    ours, theirs = different_words(first, second, 3)
    assert set(ours) == {"court", "finds", "claim"}
    assert set(theirs) == {"patient", "has", "fever"}
    assert different_words(["same text"], ["same text"], 5) == ([], [])
