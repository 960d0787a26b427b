"""Every token of a document counts in one window, and windows end at sentences."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from nlp_transfer.data.encoding.document_windows import (
    DocumentTokens,
    Window,
    WindowEncoder,
    balanced_windows,
    special_tokens,
    split_into_windows,
)
from tests.data.encoding.test_tokens import WORDS, make_tokenizer


def test_windows_by_hand() -> None:
    # 4 + 3 + 3 fill ten; the next window repeats the last 3, and three sentences of 3 tokens follow.
    assert split_into_windows([4, 3, 3, 3, 3, 3], max_length=10, overlap=4) == [
        Window(0, 3, 0, 3),
        Window(2, 5, 3, 5),
        Window(4, 6, 5, 6),
    ]
    assert split_into_windows([4, 3, 3, 3, 3], max_length=10, overlap=0) == [Window(0, 3, 0, 3), Window(3, 5, 3, 5)]
    assert split_into_windows([], max_length=10, overlap=4) == []


def test_the_middle_of_what_is_repeated_parts_two_windows() -> None:
    first, second = split_into_windows([2] * 8, max_length=10, overlap=4)
    assert (first.first, first.last, second.first, second.last) == (0, 5, 3, 8)
    assert (first.scored_from, first.scored_to, second.scored_from, second.scored_to) == (0, 4, 4, 8)


@given(st.lists(st.integers(3, 30), max_size=40), st.integers(30, 64), st.integers(0, 32))
def test_every_sentence_is_scored_once(lengths: list[int], max_length: int, overlap: int) -> None:
    windows = split_into_windows(lengths, max_length, overlap)
    scored = [number for one in windows for number in range(one.scored_from, one.scored_to)]
    assert scored == list(range(len(lengths)))
    for one in windows:
        assert one.first <= one.scored_from < one.scored_to <= one.last
        assert sum(lengths[one.first : one.last]) <= max_length
    for before, after in pairwise(windows):
        assert before.first < after.first <= before.last < after.last
        assert sum(lengths[after.first : before.last]) <= overlap


def test_balanced_windows_by_hand() -> None:
    # Ten tokens a window give 10 and 2; as many windows of six are enough.
    assert split_into_windows([2] * 6, 10, 0) == [Window(0, 5, 0, 5), Window(5, 6, 5, 6)]
    assert balanced_windows([2] * 6, 10, 0) == [Window(0, 3, 0, 3), Window(3, 6, 3, 6)]
    assert balanced_windows([2, 2], 10, 0) == [Window(0, 2, 0, 2)]
    assert balanced_windows([], 10, 0) == []


@given(st.lists(st.integers(1, 30), max_size=40), st.integers(30, 64), st.integers(0, 32))
def test_balancing_keeps_the_number_of_windows(lengths: list[int], max_length: int, overlap: int) -> None:
    greedy, windows = (cut(lengths, max_length, overlap) for cut in (split_into_windows, balanced_windows))
    assert len(windows) == len(greedy)
    assert [n for one in windows for n in range(one.scored_from, one.scored_to)] == list(range(len(lengths)))
    assert all(sum(lengths[one.first : one.last]) <= max_length for one in windows)


def tiny_tokenizer() -> PreTrainedTokenizerFast:
    return make_tokenizer([*WORDS, "the", "law", "of", "court", "."])


def encode(text: str, **changes: Any) -> DocumentTokens:
    settings: dict[str, Any] = {"max_length": 12, "overlap": 0}
    return next(iter(WindowEncoder(tiny_tokenizer(), **{**settings, **changes}).encode([text])))


def windows_of(document: DocumentTokens) -> list[str]:
    tokenizer = tiny_tokenizer()
    numbers = sorted({abs(number) for number in document.window_ids})
    return [
        str(
            tokenizer.decode([i for i, of in zip(document.input_ids, document.window_ids, strict=True) if abs(of) == n])
        )
        for n in numbers
    ]


SENTENCE = "the law of the court. "


def test_a_short_document_is_read_as_by_truncation() -> None:
    tokenizer, document = tiny_tokenizer(), encode(SENTENCE)
    assert document.input_ids == tokenizer(SENTENCE)["input_ids"]
    assert document.window_ids == [-1, *[1] * (len(document.input_ids) - 2), -1]
    assert document.text_length == document.read == len(document.input_ids)
    assert document.spans == [(0, len(SENTENCE) - 1)]


def test_windows_end_at_sentences() -> None:
    text = SENTENCE * 3
    tokens = len(tiny_tokenizer()(SENTENCE, add_special_tokens=False)["input_ids"])
    document = encode(text, max_length=2 * tokens + 3)
    assert [text[start:end].strip() for start, end in document.spans] == [(SENTENCE * 2).strip(), SENTENCE.strip()]
    assert document.read == document.text_length == 3 * tokens + 2
    own = [sum(number == window for number in document.window_ids) for window in (1, 2)]
    assert own == [2 * tokens, tokens]


def test_a_repeated_sentence_counts_once() -> None:
    tokens = len(tiny_tokenizer()(SENTENCE, add_special_tokens=False)["input_ids"])
    document = encode(SENTENCE * 5, max_length=3 * tokens + 2, overlap=tokens)
    assert [text.count("court") for text in windows_of(document)] == [3, 3]
    assert sum(number > 0 for number in document.window_ids) == 5 * tokens
    assert document.read == document.text_length


def test_a_sentence_longer_than_a_window_is_cut_anywhere() -> None:
    document = encode("law " * 25, max_length=12, overlap=2)
    assert max(document.window_ids) > 2
    assert document.read == document.text_length == 25 + 2
    for before, after in pairwise(document.spans):
        assert before[0] < after[0] < before[1] < after[1]


@pytest.mark.parametrize(
    ("most", "places"), [(1, [(0, 10)]), (2, [(0, 10), (37, 47)]), (3, [(0, 10), (20, 30), (37, 47)])]
)
def test_full_windows_are_read_of_too_many(most: int, places: list[tuple[int, int]]) -> None:
    text = "law " * 47
    some = encode(text, max_windows=most)
    assert some.spans == [(4 * first, 4 * last - 1) for first, last in places]
    assert some.read == 10 * most + 2
    assert some.text_length == 49
    assert encode(text, max_windows=5) == encode(text)


def test_the_last_of_few_windows_counts_what_the_one_before_has_not() -> None:
    assert encode("law " * 25, max_windows=2).spans == [(0, 39), (60, 99)]
    assert encode("law " * 11, overlap=2, max_windows=1).read == 12


@pytest.mark.parametrize("text", ["", "\n\n \n", "law", "x" * 200_000, "\n" * 200_000])
def test_odd_documents(text: str) -> None:
    document = encode(text)
    assert document.read == document.text_length == len(document.input_ids)
    assert {abs(number) for number in document.window_ids} == {1}


def test_special_tokens() -> None:
    tokenizer = tiny_tokenizer()
    assert special_tokens(tokenizer) == ([tokenizer.cls_token_id], [tokenizer.sep_token_id])
