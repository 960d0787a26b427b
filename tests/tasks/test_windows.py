"""Windows have room for a token, and repeat at most half of one."""

import pytest

from nlp_transfer.tasks.windows import repeated_tokens, window_problems


@pytest.mark.parametrize(("overlap", "expected"), [(None, 25), (0, 0), (50, 50)])
def test_a_window_repeats_what_is_asked_for(overlap, expected):
    assert repeated_tokens(100, overlap) == expected
    assert list(window_problems(100, overlap, "a text")) == []


@pytest.mark.parametrize("overlap", [-1, 51])
def test_a_window_repeats_at_most_half(overlap):
    (problem,) = window_problems(100, overlap, "a text")
    assert problem == f"task.overlap is {overlap}; expected 0 to half of task.max_length, or null."
    (problem,) = window_problems(2, overlap, "a sentence")
    assert problem == "task.max_length is 2; a sentence needs at least 3 tokens."
