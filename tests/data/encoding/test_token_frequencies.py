"""Frequencies of tokens tell texts of another domain, and seldom those of the same."""

import json

import numpy as np
import pytest
from scipy.stats import hypergeom

from nlp_transfer.data.encoding.token_frequencies import (
    ALARM,
    MIN_COUNT,
    MIN_TEXTS,
    TOKENS,
    TokenFrequencies,
    exchangeability,
    untested,
)


def texts(count, seed, words=500):
    random = np.random.default_rng(seed)
    return [(words * random.random(30) ** 2).astype(int).tolist() for _ in range(count)]


def test_a_token_counts_once_a_text():
    counted = TokenFrequencies.of([[5, 7, 7], [5], []])
    assert (counted.texts, dict(counted.counts)) == (3, {5: 2, 7: 1})
    counted.add([[7]])
    assert (counted.texts, counted.counts[7]) == (4, 2)


def test_p_by_hand():
    # Token 1 is in 20 of 20 known and 10 of 20 new texts: P(X >= 20) of 30 among 40, 20 drawn; times 2 and 1 token.
    known = TokenFrequencies.of([[1]] * 20)
    new = TokenFrequencies.of([[1]] * 10 + [[2]] * 10)
    assert exchangeability(known, new) == pytest.approx(2 * hypergeom.pmf(20, 40, 30, 20))
    assert exchangeability(known, TokenFrequencies.of([[1]] * 20)) == 1.0


def test_texts_of_one_domain_are_seldom_told_apart():
    fired = 0
    for seed in range(60):
        known = TokenFrequencies.of(texts(200, seed)).most_frequent()
        p = exchangeability(known, TokenFrequencies.of(texts(300, 1000 + seed)))
        fired += p < ALARM
    assert fired <= 2
    assert exchangeability(known, TokenFrequencies.of(texts(300, 0, words=400))) < ALARM


def test_few_texts_are_not_compared():
    many, few = TokenFrequencies.of([[1]] * 50), TokenFrequencies.of([[1]] * (MIN_TEXTS - 1))
    assert exchangeability(many, few) is None
    assert exchangeability(few, many) is None
    assert untested(many, few) == "19 texts are too few for the shift test, which takes 20"
    assert untested(few, many) == "the decision was fitted on texts that are too few for the shift test, which takes 20"


def test_a_record_has_the_most_frequent_tokens_and_is_read_back():
    counted = TokenFrequencies.of([[n % 2, 10 + n % 400, 1000 + n] for n in range(4000)])
    known = counted.most_frequent()
    assert len(known.counts) == TOKENS
    assert known.counts[0] == known.counts[1] == 2000
    assert dict(TokenFrequencies.of([[1, 2]] * MIN_COUNT + [[2]]).most_frequent().counts) == {
        1: MIN_COUNT,
        2: MIN_COUNT + 1,
    }
    assert dict(TokenFrequencies.of([[1]] * (MIN_COUNT - 1)).most_frequent().counts) == {}
    assert TokenFrequencies.from_record(json.loads(json.dumps(known.record()))) == known
