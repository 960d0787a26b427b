"""Typed columns: every bad row is an error with file, row and column."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset

from nlp_transfer import CorpusConfig, corpus_from, load_corpus
from nlp_transfer.errors import DataError
from tests.data.conftest import SPLIT, toy_rows


def test_a_text_column_that_is_missing(failure: Callable[..., str]) -> None:
    rows = [{"clause": "x", "label": "a"}]
    assert failure(rows) == (
        "FILE: there is no column 'text'; columns found: clause, label. Name it: `source.columns: {clause: text}`."
    )
    assert failure(rows, columns={"clauses": "text"}) == (
        "FILE: source.columns: Unknown column 'clauses'. Did you mean 'clause'? Columns: clause, label."
    )


@pytest.mark.parametrize(
    ("value", "kind"), [(3, "number"), (2.5, "number"), (["x"], "list"), ({"x": 1}, "object"), (True, "bool")]
)
def test_texts_that_are_no_strings(failure: Callable[..., str], value: Any, kind: str) -> None:
    rows = toy_rows(6)
    rows[3]["text"] = value
    assert failure(rows) == f"FILE: row 4: text is a {kind}, not a string. Write it as a string, or mend these rows."


def test_half_a_character(failure: Callable[..., str]) -> None:
    rows = toy_rows(6)
    rows[1]["text"] = "smile \ud83d"
    assert failure(rows).startswith("FILE: row 2: text holds half a character (a lone surrogate, such as \\ud83d).")


def test_both_label_columns(failure: Callable[..., str]) -> None:
    assert "there are both a column 'label' and a column 'labels'" in failure(
        [{"text": "x", "label": "a", "labels": ["a"]}]
    )


def test_a_column_that_starts_late(failure: Callable[..., str]) -> None:
    rows = [*({"text": row["text"]} for row in toy_rows(2500)), *toy_rows(2500)]
    assert "FILE: column 'label' first appears at row 2001 or soon after; the rows before lack it." in failure(rows)


def test_no_rows(failure: Callable[..., str], tmp_path: Path) -> None:
    assert failure([]) == "FILE: there are no rows; expected at least one with a text. Fill it or take it away."
    with pytest.raises(DataError, match="data: there are no rows"):
        corpus_from(Dataset.from_dict({"text": [], "label": []}))
    path = tmp_path / "rows.csv"
    path.write_text("text,label\n")
    with pytest.raises(DataError, match="there are no rows"):
        load_corpus(CorpusConfig(path=str(path)))


def test_extra_columns_may_hold_anything(write_rows: Callable[..., Path]) -> None:
    rows = [{**row, "meta": value} for row, value in zip(toy_rows(20), [1, "x", {"y": 2}, None] * 5, strict=True)]
    corpus = load_corpus(CorpusConfig(path=str(write_rows("rows.jsonl", rows)), split=SPLIT))
    assert corpus.splits["train"].column_names == ["id", "text", "label"]


def test_nul_characters(failure: Callable[..., str]) -> None:
    rows = toy_rows(6)
    rows[1]["text"], rows[4]["label"] = "a\0b", "a\0"
    advice = "No text has one: is the file damaged, or not text at all? Mend it, or take it out."
    assert failure(rows).splitlines() == [
        "2 problems:",
        f"  - FILE: row 2: text holds a NUL character. {advice}",
        f"  - FILE: row 5: label holds a NUL character. {advice}",
    ]
