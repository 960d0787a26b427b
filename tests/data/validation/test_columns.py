"""Typed columns: every bad row is an error with file, row and column."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
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


def test_the_texts_of_pairs_that_are_missing() -> None:
    rows = {"nr": [1], "premise": ["a long section of a contract"], "claim": ["it says so now"], "label": ["yes"]}
    with pytest.raises(DataError) as caught:
        corpus_from({"test": pd.DataFrame(rows)}, kind="pairs")
    assert str(caught.value) == (
        "data, split 'test': there is no column 'first' and no column 'second'; columns found: nr, premise, claim, "
        "label. Name them: `data.columns: {premise: first, claim: second}`."
    )
    with pytest.raises(DataError, match=r"no column 'second'; .* Name it: `data\.columns: \{claim: second\}`\.$"):
        corpus_from({"test": pd.DataFrame(rows)}, kind="pairs", columns={"premise": "first"})


def test_a_pair_without_a_second_text_is_an_error_by_its_row() -> None:
    frame = pd.DataFrame({"first": ["a", "b"], "second": ["c", " "]})
    with pytest.raises(DataError, match=r"row 2: second is empty.*Every pair needs both texts"):
        corpus_from({"test": frame}, kind="pairs")


def test_pairs_that_lack_a_text_are_left_out_if_so_set(tmp_path: Path) -> None:
    rows = ["a,b,x", ",b,x", "a,,y", "c,d,y"]
    (tmp_path / "a.csv").write_text("first,second,label\n" + "\n".join(rows) + "\n")
    config = CorpusConfig(str(tmp_path / "a.csv"), drop_empty=True)
    corpus = load_corpus(config, kind="pairs", label_names=["x", "y"])
    assert list(zip(corpus.splits["test"]["text"], corpus.splits["test"]["second"], strict=True)) == [
        ("a", "b"),
        ("c", "d"),
    ]
    assert any("rows without a text that are dropped" in note and note.endswith(": 2.") for note in corpus.notes)


def test_pairs_of_one_document_stay_in_one_split() -> None:
    texts = [" ".join(f"w{12 * i + j}" for j in range(12)) for i in range(20)]
    rows = [{"first": text, "second": f"claim {n}", "label": "ab"[n % 2]} for text in texts for n in range(4)]
    splits = corpus_from(pd.DataFrame(rows), kind="pairs").splits
    firsts = {name: set(split["text"]) for name, split in splits.items()}
    assert set(firsts) == {"train", "validation", "test"}
    assert not firsts["train"] & firsts["test"]
    assert not firsts["train"] & firsts["validation"]
    assert splits["test"].column_names == ["id", "text", "label", "second"]


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


def test_the_suggested_column_has_the_longest_strings(failure: Callable[..., str]) -> None:
    rows = [{"nr": 1, "title": "Sale", "body": "The buyer shall pay the price.", "kind": "a"}]
    assert failure(rows).endswith("Name it: `source.columns: {body: text}`.")
    rows = [{"question1": "Who shall pay?", "question2": "Who is it that shall pay?", "kind": "a"}]
    assert failure(rows).endswith(
        "Name it: `source.columns: {question2: text}`. Text is in 'question1', too: join what belongs together."
    )


def test_names_in_other_cases_and_unread_texts_are_noted(write_rows: Callable[..., Path]) -> None:
    rows = [{"Text ": f"a {n}", "LABEL": "ab"[n % 2], "reasons": "for several good reasons"} for n in range(20)]
    corpus = load_corpus(CorpusConfig(path=str(write_rows("rows.jsonl", rows)), split=SPLIT))
    assert corpus.label_names == ["a", "b"]
    assert {
        "Column 'Text ' is read as 'text'.",
        "Column 'LABEL' is read as 'label'.",
        "Columns of text that are not read: 'reasons'.",
    } <= set(corpus.notes)
    config = CorpusConfig(path=str(write_rows("rows.jsonl", rows)), columns={"reasons": "unread"}, split=SPLIT)
    assert not any("not read" in note for note in load_corpus(config).notes)


def test_rows_without_a_text_are_dropped_and_counted(tmp_path: Path, failure: Callable[..., str]) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("text;label\n;\n" + "".join(f"text {n};{'ab'[n % 2]}\n \u00a0;\n" for n in range(20)), "utf-8")
    config = CorpusConfig(str(path), split=SPLIT, drop_empty=True)
    for _ in range(2):  # read, and from the cache
        corpus = load_corpus(config)
        assert sum(map(len, corpus.splits.values())) == 20
        assert f"{path}: rows without a text that are dropped (source.drop_empty): 21." in corpus.notes
    rows = [*toy_rows(5), {"text": None, "label": "a"}, {"text": 5, "label": "a"}]
    assert (
        "row 6: text is missing (null). Every row needs a text: mend or remove these rows, or set source.drop_empty: true."
        in (failure(rows))
    )


def test_bad_rows_after_dropped_ones_keep_their_numbers(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("text;label\n;a\nb;a\n;\nc;\n")
    with pytest.raises(DataError, match="row 5: label is empty"):
        load_corpus(CorpusConfig(str(path), split=SPLIT, drop_empty=True))
    path.write_text("text;label\n;a\n")
    with pytest.raises(DataError, match="there are no rows"):
        load_corpus(CorpusConfig(str(path), split=SPLIT, drop_empty=True))
