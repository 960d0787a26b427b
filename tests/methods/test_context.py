"""What a method may look at while it prepares a model."""

import dataclasses

import pytest

from tests.tiny_models import context


def test_facts_are_a_contexts_own_and_nothing_else_changes() -> None:
    one, other = context(), context()
    one.facts["lora"] = {"r": 8}
    assert other.facts == {}
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.seed = 1  # type: ignore[misc]


def test_a_context_has_no_target_unless_it_is_given() -> None:
    made = context()
    assert made.target is made.target_validation is made.masked_lm is made.activations is None
    assert (made.seed, made.new_parameters) == (0, ())
