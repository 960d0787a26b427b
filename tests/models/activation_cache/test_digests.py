"""A text is known by what an encoder reads of it, whatever its place and padding."""

import numpy as np
import pytest
from datasets import Dataset

from nlp_transfer.models.activation_cache.digests import row_digests, text_digest, unique_texts


def test_padding_and_row_order_change_nothing() -> None:
    plain = [{"input_ids": [5, 6, 7]}, {"input_ids": [8]}]
    padded = Dataset.from_list(
        [{"input_ids": [8, 1, 1], "attention_mask": [1, 0, 0]}, {"input_ids": [5, 6, 7], "attention_mask": [1, 1, 1]}]
    )
    assert row_digests(plain).tolist() == row_digests(padded).tolist()[::-1]
    assert np.array_equal(unique_texts([plain]).digests, unique_texts([padded]).digests)


def test_other_tokens_and_other_types_are_other_texts() -> None:
    ids = np.array([5, 6, 7])
    digests = {
        text_digest(ids),
        text_digest(ids[:2]),
        text_digest(np.array([5, 6, 8])),
        text_digest(ids, np.array([0, 0, 1])),
    }
    assert len(digests) == 4
    assert text_digest(ids, np.zeros(3)) == text_digest(ids)
    assert text_digest(ids.astype(np.int32)) == text_digest(ids.astype(np.int64))


def test_each_different_text_comes_once_sorted_by_digest() -> None:
    rows = [{"input_ids": ids} for ids in ([5, 6], [7], [5, 6], [8, 9, 10], [4])]
    texts = unique_texts([rows, [{"input_ids": [7]}, {"input_ids": [4], "token_type_ids": [1]}]])
    assert sorted(texts.lengths.tolist()) == [1, 1, 1, 2, 3]
    assert texts.digests.tolist() == sorted(texts.digests.tolist())
    assert len(texts.digests) == 5
    for text, (digest, length, typed) in enumerate(zip(texts.digests, texts.lengths, texts.typed, strict=True)):
        ids, types = texts.read(text)
        assert len(ids) == length
        assert np.bytes_(text_digest(ids, types)) == digest
        assert (types is not None) == typed
        assert types is None or (ids.tolist(), types.tolist()) == ([4], [1])
    assert texts.typed.sum() == 1


def test_padding_elsewhere_than_at_the_end_is_refused() -> None:
    with pytest.raises(ValueError, match="Row 0 is padded before its end"):
        row_digests([{"input_ids": [1, 5], "attention_mask": [0, 1]}])
