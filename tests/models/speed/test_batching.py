"""Batches within a token budget."""

import pytest

from nlp_transfer.models.speed.batching import token_budget_batches


def test_token_budget() -> None:
    assert token_budget_batches([3, 9, 3, 4, 20], 12) == [[4], [1], [3, 0, 2]]
    assert token_budget_batches([5, 5, 5], 10) == [[0, 1], [2]]
    assert token_budget_batches([], 10) == []
    lengths = [(7 * n) % 50 + 1 for n in range(200)]
    batches = token_budget_batches(lengths, 128)
    assert sorted(index for batch in batches for index in batch) == list(range(200))
    assert all(len(batch) * max(lengths[index] for index in batch) <= 128 for batch in batches)
    with pytest.raises(ValueError, match="max_tokens is 0"):
        token_budget_batches([1], 0)
