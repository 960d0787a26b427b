"""Columns of strings: what is no string, and characters that no text has."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nlp_transfer import CorpusConfig, load_corpus
from tests.data.conftest import toy_rows


@pytest.mark.parametrize(
    ("value", "kind"), [(3, "number"), (2.5, "number"), (["x", 1], "list"), ({"x": 1}, "object"), (True, "bool")]
)
def test_texts_that_are_no_strings(failure: Callable[..., str], value: Any, kind: str) -> None:
    rows = toy_rows(6)
    rows[3]["text"] = value
    assert failure(rows) == f"FILE: row 4: text is a {kind}, not a string. Write it as a string, or mend these rows."


def test_a_list_of_paragraphs_is_one_text(write_rows: Callable[..., Path], failure: Callable[..., str]) -> None:
    rows = toy_rows(40)
    rows[0]["text"] = ["The facts.", "The law."]
    corpus = load_corpus(CorpusConfig(str(write_rows("cases.jsonl", rows))))
    assert "The facts.\nThe law." in [row["text"] for split in corpus.splits.values() for row in split]
    rows[3]["text"] = []
    assert "row 4: text is empty" in failure(rows)


def test_half_a_character(failure: Callable[..., str]) -> None:
    rows = toy_rows(6)
    rows[1]["text"] = "smile \ud83d"
    assert failure(rows).startswith("FILE: row 2: text holds half a character (a lone surrogate, such as \\ud83d).")


def test_nul_characters(failure: Callable[..., str]) -> None:
    rows = toy_rows(6)
    rows[1]["text"], rows[4]["label"] = "a\0b", "a\0"
    advice = "No text has one: is the file damaged, or not text at all? Mend it, or take it out."
    assert failure(rows).splitlines() == [
        "2 problems:",
        f"  - FILE: row 2: text holds a NUL character. {advice}",
        f"  - FILE: row 5: label holds a NUL character. {advice}",
    ]
