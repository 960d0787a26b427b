"""Target rows: an endless order, and batches of both domains."""

import pytest
import torch

from nlp_transfer.data.encoding.label_columns import without_labels
from nlp_transfer.data.encoding.tokens import IGNORE_INDEX
from nlp_transfer.training.target_batches import DOMAIN, TARGET, UPDATE_ROW, InfiniteSampler, mixed, unmixed
from tests.tiny_models import random_rows


def test_every_row_comes_once_a_turn_and_turns_differ() -> None:
    rows = InfiniteSampler(7, seed=3)
    turns = [rows.take(7 * turn, 7) for turn in range(4)]
    assert all(sorted(turn) == list(range(7)) for turn in turns)
    assert len({tuple(turn) for turn in turns}) > 1
    assert InfiniteSampler(7, seed=4).take(0, 28) != rows.take(0, 28)


def test_a_place_has_the_same_row_whoever_asks_and_whenever() -> None:
    whole = InfiniteSampler(5, seed=0).take(0, 23)
    again = InfiniteSampler(5, seed=0)
    assert again.take(20, 3) + again.take(3, 4) == whole[20:] + whole[3:7]
    assert InfiniteSampler(1, seed=0).take(2, 3) == [0, 0, 0]


def test_a_batch_of_target_rows_alone() -> None:
    rows = {"input_ids": torch.tensor([[5, 6], [7, 0]]), "attention_mask": torch.tensor([[1, 1], [1, 0]])}
    made = unmixed(rows, start=3)
    assert made["input_ids"] is rows["input_ids"]
    assert made["labels"].tolist() == [IGNORE_INDEX, IGNORE_INDEX]
    assert (made[DOMAIN].tolist(), made[UPDATE_ROW].tolist()) == ([TARGET, TARGET], [3, 4])
    labelled = unmixed({**rows, "labels": torch.tensor([1, 0])}, start=0)
    assert labelled["labels"].tolist() == [1, 0]


def test_a_mixed_batch() -> None:
    source = {
        "input_ids": torch.tensor([[5, 6, 7]]),
        "attention_mask": torch.tensor([[1, 1, 1]]),
        "labels": torch.tensor([2]),
        "row_ids": ["a"],
    }
    target = {"input_ids": torch.tensor([[8, 9], [4, 0]]), "attention_mask": torch.tensor([[1, 1], [1, 0]])}
    batch = mixed(source, target, padding=99, start=10)
    assert batch["input_ids"].tolist() == [[5, 6, 7], [8, 9, 99], [4, 0, 99]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [1, 1, 0], [1, 0, 0]]
    assert batch["labels"].tolist() == [2, IGNORE_INDEX, IGNORE_INDEX]
    assert batch["domain"].tolist() == [0, TARGET, TARGET]
    assert batch["place"].tolist() == [10, 11, 12]
    assert batch["row_ids"] == ["a"]
    assert source["input_ids"].shape == (1, 3)


def test_rows_of_several_sources_keep_their_domains() -> None:
    source = {"input_ids": torch.ones(2, 3, dtype=torch.long), "source_domains": torch.tensor([4, 1])}
    batch = mixed(source, {"input_ids": torch.ones(1, 3, dtype=torch.long)}, padding=0, start=0)
    assert batch["domain"].tolist() == [4, 1, TARGET]
    assert "source_domains" not in batch


def test_multi_label_rows_and_labels_that_are_asked_for() -> None:
    source = {"input_ids": torch.ones(2, 3, dtype=torch.long), "labels": torch.tensor([[0.0, 1.0], [1.0, 1.0]])}
    target = {"input_ids": torch.ones(1, 4, dtype=torch.long)}
    assert mixed(source, target, padding=0, start=0)["labels"][2].tolist() == [IGNORE_INDEX, IGNORE_INDEX]
    labelled = mixed(source, {**target, "labels": torch.tensor([[1.0, 0.0]])}, padding=0, start=0)
    assert labelled["labels"][2].tolist() == [1.0, 0.0]
    assert labelled["input_ids"].shape == (3, 4)
    with pytest.raises(KeyError, match="token_type_ids"):
        mixed({**source, "token_type_ids": torch.zeros(2, 3, dtype=torch.long)}, target, padding=0, start=0)


def test_labels_are_left_out() -> None:
    rows = random_rows(3)
    assert "labels" not in without_labels(rows).column_names
    assert without_labels(without_labels(rows)).column_names == without_labels(rows).column_names
