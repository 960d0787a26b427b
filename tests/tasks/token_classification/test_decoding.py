"""The best valid tags and the probabilities of entities, against all sequences of tags."""

import itertools

import numpy as np
import pytest

from nlp_transfer.data.encoding.token_tags import tagged_runs
from nlp_transfer.tasks.token_classification.decoding import best_tags, is_valid, span_probabilities


def valid_sequences(tokens, tags):
    return [one for one in itertools.product(range(tags), repeat=tokens) if is_valid(np.array(one))]


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(("tokens", "tags"), [(1, 3), (4, 3), (4, 5)])
def test_the_best_path_is_the_best_of_all_valid_ones(seed, tokens, tags):
    logs = np.log(np.random.default_rng(seed).dirichlet(np.full(tags, 0.4), size=tokens))
    scores = {one: logs[np.arange(tokens), one].sum() for one in valid_sequences(tokens, tags)}
    found = tuple(best_tags(logs).tolist())
    assert scores[found] == pytest.approx(max(scores.values()))


def test_valid_tags_that_are_most_probable_stay():
    logs = np.log([[0.2, 0.7, 0.1], [0.1, 0.3, 0.6], [0.8, 0.1, 0.1]])
    assert best_tags(logs).tolist() == [1, 2, 0]


def test_a_tag_that_nothing_begins_is_mended_by_probability():
    # O I-X is invalid. O O: .6 * .1, B I: .35 * .8, O B: .6 * .1.
    assert best_tags(np.log([[0.6, 0.35, 0.05], [0.1, 0.1, 0.8]])).tolist() == [1, 2]
    # B-Y I-X is invalid; of B-X I-X (.3 * .9) and B-Y I-Y (.6 * .02) the first is better.
    logs = np.log([[0.06, 0.3, 0.02, 0.6, 0.02], [0.03, 0.03, 0.9, 0.02, 0.02]])
    assert best_tags(logs).tolist() == [1, 2]


@pytest.mark.parametrize(
    ("tags", "valid"),
    [([], True), ([0, 1, 2, 2], True), ([2], False), ([1, 4], False), ([3, 4, 2], False), ([2, 2], False)],
)
def test_an_inside_tag_follows_one_of_its_class(tags, valid):
    assert is_valid(np.array(tags, dtype=int)) is valid


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize(("tokens", "tags"), [(1, 3), (4, 3), (4, 5)])
def test_the_probability_of_an_entity_is_its_share_of_all_valid_sequences(seed, tokens, tags):
    p = np.random.default_rng(seed).dirichlet(np.ones(tags), size=tokens)
    weights = {one: p[np.arange(tokens), one].prod() for one in valid_sequences(tokens, tags)}
    total = sum(weights.values())
    every = {run for one in weights for run in tagged_runs(one)}
    for run, found in zip(sorted(every), span_probabilities(p, sorted(every)), strict=True):
        expected = sum(weight for one, weight in weights.items() if run in tagged_runs(one)) / total
        assert found == pytest.approx(expected), run


def test_probabilities_of_long_texts_do_not_vanish():
    p = np.tile([0.05, 0.05, 0.9], (5_000, 1))
    p[0] = [0.0, 1.0, 0.0]
    p[2_500] = [1.0, 0.0, 0.0]
    (found,) = span_probabilities(p, [(0, 2_500, 0)])
    assert 0 < found < 1e-50  # 0.9 to the power of 2,499 is 4e-115
    assert np.isfinite(found)
