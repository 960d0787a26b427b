"""Entities are accepted where they are right often enough."""

import math

import numpy as np
import pytest

from nlp_transfer.errors import ConfigError
from nlp_transfer.tasks.abstention import Abstention
from nlp_transfer.tasks.token_classification.decision import EntityDecision, acceptance
from nlp_transfer.tasks.token_classification.entities import TaggedText


def words(count, chance, right):
    """Texts of one word, found with this probability; the first `right` of them are entities."""
    logits = np.log([[1 - chance, chance, 1e-9]])
    spans = [[(0, 1, "A")] if i < right else [] for i in range(count)]
    return [TaggedText(i, "a", [(0, 1)], logits, spans[i]) for i in range(count)]


def test_settings_are_checked():
    with pytest.raises(ConfigError, match=r"task\.decision\.calibration: Unknown value 'temprature'\. Did you mean"):
        EntityDecision(calibration="temprature")  # type: ignore[arg-type]


def test_the_level_accepts_what_is_right_often_enough():
    texts = [*words(200, 0.9, 200), *words(200, 0.6, 60)]
    level, problem = acceptance(Abstention(precision=0.9), texts, ["A"])
    assert 0.6 < level <= 0.9 + 1e-6
    assert problem == ""


def test_a_promise_that_cannot_be_kept_is_said():
    level, problem = acceptance(Abstention(precision=0.9), words(50, 0.9, 20), ["A"])
    assert level == math.inf
    assert problem == (
        "No probability gives a precision of 0.9 that 50 predicted entities can promise (it takes at least 51 sure ones "
        "that are all right): every entity is marked 'abstain'."
    )
    with pytest.raises(ValueError, match="There is no precision to keep"):
        acceptance(Abstention(), [], ["A"])
