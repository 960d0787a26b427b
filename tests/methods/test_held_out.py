"""Heads are scored on rows that they were not fitted on."""

import numpy as np
import pytest
import torch
from datasets import Dataset
from torch import Tensor

from nlp_transfer.errors import ConfigError
from nlp_transfer.methods.held_out import FOLDS, REPEATS, Head, HeldOut, fixed_rows, folds

NONE = torch.empty(0)


def remembering(features: Tensor, labels: Tensor) -> list[Head]:
    """A head whose bias is the share of each class among the rows that it was fitted on."""
    return [(torch.zeros(2, features.shape[1]), torch.bincount(labels, minlength=2) / len(labels))]


def test_validation_rows_are_used_where_there_are_some() -> None:
    held_out = HeldOut(torch.tensor([0, 1, 1, 1]), torch.tensor([1, 0]))
    ((head, logits),) = held_out.fit(remembering, torch.zeros(4, 3), torch.zeros(2, 3))
    assert head[1].tolist() == [0.25, 0.75]
    assert logits.tolist() == [[0.25, 0.75]] * 2
    assert held_out.truth.tolist() == [1, 0]


def test_cross_validation_never_looks_at_the_row_itself() -> None:
    held_out = HeldOut(torch.tensor([0, 1] * 4 + [1] * 4), NONE)
    ((head, logits),) = held_out.fit(remembering, torch.zeros(12, 3), NONE)
    torch.testing.assert_close(head[1], torch.tensor([1 / 3, 2 / 3]))  # the head of all rows is kept
    assert held_out.truth.tolist() == ([0, 1] * 4 + [1] * 4) * REPEATS
    assert logits.shape == (12 * REPEATS, 2)
    torch.testing.assert_close(logits, torch.tensor([[3 / 9, 6 / 9]]).expand(36, 2))  # one 0 and two 1 a fold are out


def test_each_class_is_spread_over_the_folds() -> None:
    labels = np.repeat([0, 1, 2], [8, 8, 4])
    found = folds(labels, seed=1)
    assert sorted(set(found.tolist())) == list(range(FOLDS))
    for label, count in ((0, 2), (1, 2), (2, 1)):
        assert np.bincount(found[labels == label], minlength=FOLDS).tolist() == [count] * FOLDS
    assert not np.array_equal(found, folds(labels, seed=2))


def test_several_labels() -> None:
    labels = np.array([[1, 0], [0, 1], [1, 1], [0, 0]] * 4)
    found = folds(labels, seed=0)
    assert np.bincount(found, minlength=FOLDS).tolist() == [4] * FOLDS
    assert HeldOut(torch.from_numpy(labels), NONE).truth.shape == (16 * REPEATS, 2)


def test_descriptions_are_never_held_out() -> None:
    ids = ["a", "description: x", "b", "c", "description: y", "d"]
    described = fixed_rows(Dataset.from_dict({"id": ids}))
    assert described.tolist() == [False, True, False, False, True, False]
    held_out = HeldOut(torch.tensor([0, 0, 0, 1, 1, 1]), NONE, fixed=described)
    assert held_out.truth.tolist() == [0, 0, 1, 1] * REPEATS
    ((_, logits),) = held_out.fit(remembering, torch.zeros(6, 3), NONE)
    # Each text is a fold of its own: of its class the description and the other text are left, of 5 rows.
    expected = torch.tensor([[2 / 5, 3 / 5]] * 2 + [[3 / 5, 2 / 5]] * 2)
    torch.testing.assert_close(logits, expected.repeat(REPEATS, 1))


def test_descriptions_alone_are_rows_like_others() -> None:
    assert not fixed_rows(Dataset.from_dict({"id": ["description: x", "description: y"]})).any()
    assert not fixed_rows(Dataset.from_dict({"input_ids": [[1], [2]]})).any()
    assert not fixed_rows(Dataset.from_dict({"id": [1, 2]})).any()
    assert fixed_rows([{"input_ids": [1]}, {"input_ids": [2]}]).tolist() == [False, False]  # type: ignore[arg-type]


def test_single_rows_are_noticed() -> None:
    assert HeldOut(torch.tensor([0, 0, 1]), NONE).has_single_rows
    assert not HeldOut(torch.tensor([0, 0, 1, 1]), NONE).has_single_rows
    assert HeldOut(torch.tensor([[1.0, 0.0], [1.0, 1.0]]), NONE).has_single_rows


def test_too_few_rows() -> None:
    assert sorted(folds(np.array([0, 1]), seed=0).tolist()) == [0, 1]
    with pytest.raises(ConfigError, match="there are 1 rows; it takes two or more"):
        folds(np.array([0]), seed=0)
