"""Padding, label types, and batches within a token budget."""

import pickle

import pytest
import torch

from nlp_transfer.data.encoding.collators import PaddingCollator
from tests.data.encoding.test_tokens import make_tokenizer

ROWS = [
    {"id": "p", "input_ids": [2, 4, 3], "attention_mask": [1, 1, 1], "length": 3},
    {"input_ids": [2, 3], "attention_mask": [1, 1]},
]


def test_rows_are_padded_to_the_longest() -> None:
    batch = PaddingCollator(make_tokenizer(), pad_to_multiple_of=1)(ROWS)
    assert set(batch) == {"input_ids", "attention_mask"}
    assert batch["input_ids"].tolist() == [[2, 4, 3], [2, 3, 0]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [1, 1, 0]]
    assert batch["input_ids"].dtype == batch["attention_mask"].dtype == torch.int64


def test_lengths_are_rounded_up_within_the_encoders_reach() -> None:
    tokenizer = make_tokenizer()
    assert PaddingCollator(tokenizer)(ROWS)["input_ids"].shape == (2, 8)
    tokenizer.model_max_length = 6
    assert PaddingCollator(tokenizer)(ROWS)["input_ids"].shape == (2, 6)
    assert PaddingCollator(tokenizer)([{"input_ids": [2] * 7}])["input_ids"].shape == (1, 7)


def test_padding_on_the_left() -> None:
    tokenizer = make_tokenizer()
    tokenizer.padding_side = "left"
    batch = PaddingCollator(tokenizer, 1)(ROWS)
    assert batch["input_ids"].tolist() == [[2, 4, 3], [0, 2, 3]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [0, 1, 1]]


def test_labels() -> None:
    collate = PaddingCollator(make_tokenizer())
    single = collate([{**row, "labels": index} for index, row in enumerate(ROWS)])["labels"]
    assert single.dtype == torch.int64 and single.tolist() == [0, 1]
    multi = collate([{**row, "labels": [1.0, 0.0, 1.0]} for row in ROWS])["labels"]
    assert multi.dtype == torch.float32 and multi.tolist() == [[1.0, 0.0, 1.0]] * 2
    tensors = collate([{**row, "labels": torch.tensor(1)} for row in ROWS])["labels"]
    assert tensors.dtype == torch.int64 and tensors.tolist() == [1, 1]
    assert "labels" not in collate([{**ROWS[0], "labels": 1}, ROWS[1]])


def test_wrong_use() -> None:
    tokenizer = make_tokenizer()
    with pytest.raises(ValueError, match="A batch needs at least one row"):
        PaddingCollator(tokenizer)([])
    tokenizer.pad_token = None
    with pytest.raises(ValueError, match="The tokenizer has no padding token; set tokenizer"):
        PaddingCollator(tokenizer)(ROWS)


def test_it_can_be_pickled() -> None:
    collate = pickle.loads(pickle.dumps(PaddingCollator(make_tokenizer(), 1)))
    assert collate(ROWS)["input_ids"].tolist() == [[2, 4, 3], [2, 3, 0]]
