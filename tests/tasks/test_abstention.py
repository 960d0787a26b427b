"""Shares are between 0 and 1."""

import pytest

from nlp_transfer.errors import ConfigError
from nlp_transfer.tasks.abstention import Abstention, check_shares


def test_a_share_is_more_than_0_and_less_than_1():
    check_shares("sets", coverage=None)
    check_shares("sets", coverage=0.5)
    with pytest.raises(ConfigError) as caught:
        check_shares("sets", coverage=0.0, other=1.5)
    assert caught.value.problems == [
        "task.decision.sets.coverage is 0.0; expected more than 0 and less than 1, such as 0.9.",
        "task.decision.sets.other is 1.5; expected more than 0 and less than 1, such as 0.9.",
    ]


def test_abstention_has_a_confidence():
    assert (Abstention().precision, Abstention(0.9).confidence) == (None, 0.95)
    with pytest.raises(ConfigError, match=r"task\.decision\.abstain\.confidence is 1\.0"):
        Abstention(confidence=1.0)
