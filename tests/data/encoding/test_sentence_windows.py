"""Windows of documents: every sentence is scored once, and nothing is longer than the encoder reads."""

from typing import Any

import pandas as pd
import pytest

from nlp_transfer import SplitConfig, corpus_from
from nlp_transfer.data.encoding import sentence_windows
from nlp_transfer.data.encoding.collators import PaddingCollator, SentenceCollator
from nlp_transfer.data.encoding.sentence_windows import (
    DocumentEncoder,
    encode_documents,
    highlight_labels,
)
from nlp_transfer.data.encoding.tokens import IGNORE_INDEX
from tests.tiny_pretraining import tiny_tokenizer


def test_what_a_passage_marks() -> None:
    spans = [(0, 10), (11, 21), (22, 32)]
    assert highlight_labels(spans, [2, 4]) == [1, 0, 0]  # a part of a long sentence
    assert highlight_labels(spans, [8, 20]) == [0, 1, 0]  # most of it is in the second
    assert highlight_labels(spans, [5, 16]) == [1, 1, 0]  # half of both
    assert highlight_labels(spans, [0, 3, 12, 13, 20, 40]) == [1, 1, 1]
    assert highlight_labels(spans, []) == [0, 0, 0]


def encoded(max_length: int = 12, **changes: Any) -> Any:
    frame = pd.DataFrame(
        {
            "id": ["long", "short"],
            "document": [["w5 w6 w7", "w8 w9", "w10 w11", "w12 " * 20, "w13"], ["w14"]],
            "summary": ["w8", "w14"],
        }
    )
    corpus = corpus_from({"train": frame}, split=SplitConfig(method="given", validation=0), kind="documents")
    settings = {"label": lambda sentences, summary: [int(summary in one.split()) for one in sentences]}
    return encode_documents(
        corpus.splits["train"],
        DocumentEncoder(word_tokenizer(), max_length, 5),
        fingerprint=corpus.fingerprint,
        by_highlights=False,
        **{**settings, **changes},
    )


def word_tokenizer() -> Any:
    from tokenizers import pre_tokenizers

    tokenizer = tiny_tokenizer()
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return tokenizer


def test_rows_of_two_documents() -> None:
    rows = encoded()
    assert rows["id"] == ["long", "long#2", "long#3", "long#4", "short"]
    assert rows["document"] == [0, 0, 0, 0, 1]
    first = rows[0]
    assert first["input_ids"] == [2, 5, 6, 7, 3, 2, 8, 9, 3]
    assert first["markers"] == [0, 5]
    assert first["numbers"] == [0, 1]
    assert first["labels"] == [0, 1]
    assert first["text"].startswith("w5 w6 w7\nw8 w9")
    assert first["summary"] == "w8"
    assert first["cut"] == 1
    assert rows[1]["text"] == ""
    starts, ends = rows[1]["starts"], rows[1]["ends"]
    assert [first["text"][start:end] for start, end in zip(starts, ends, strict=True)][-1] == "w10 w11"
    # The fourth sentence has 20 tokens, of which a window of 12 reads 10, and leaves no room for context.
    assert rows[2]["input_ids"] == [2, *[12] * 10, 3]
    assert rows[2]["numbers"] == [3]
    assert rows["length"] == [len(ids) for ids in rows["input_ids"]]


def test_context_has_no_label() -> None:
    for row in encoded():
        for number, label in zip(row["numbers"], row["labels"], strict=True):
            assert (label == IGNORE_INDEX) == (not row["scored_from"] <= number < row["scored_to"])


def test_a_batch_of_windows() -> None:
    rows = encoded()
    collate = SentenceCollator(PaddingCollator(word_tokenizer()))
    batch = collate([rows[0], rows[4]])
    assert batch["markers"].tolist() == [[0, 5], [0, -1]]
    assert batch["numbers"].tolist() == [[0, 1], [0, 0]]
    assert batch["labels"].tolist() == [[0, 1], [1, IGNORE_INDEX]]
    plain = collate([{"input_ids": [2, 5, 3], "labels": [1]}, {"input_ids": [2, 3], "labels": [0, 1]}])
    assert set(plain) == {"input_ids", "attention_mask"}


def test_other_settings_are_other_rows() -> None:
    assert "labels" not in encoded(label=None).column_names
    assert encoded(max_length=40)["id"] == ["long", "short"]


def test_a_tokenizer_is_left_as_it_was() -> None:
    tokenizer = word_tokenizer()
    before = tokenizer.backend_tokenizer.to_str()
    DocumentEncoder(tokenizer, 8, 2).encode(["w5 w6 w7 w8 w9 w10 w11"])
    assert tokenizer.backend_tokenizer.to_str() == before


def test_windows_come_from_the_cache_the_second_time(monkeypatch: pytest.MonkeyPatch) -> None:
    first = encoded()
    monkeypatch.setattr(sentence_windows, "_encode_batch", lambda *_, **__: pytest.fail("encoded again"))
    assert encoded()[:] == first[:]
