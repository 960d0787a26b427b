"""How much of the target looks like each source."""

import numpy as np
import pytest

from nlp_transfer.metrics.domain_distance import source_shares


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
