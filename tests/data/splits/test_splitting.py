"""Splits made from a pool of rows."""

from collections.abc import Callable
from pathlib import Path

from nlp_transfer import CorpusConfig, load_corpus
from tests.data.conftest import toy_rows


def test_an_empty_made_split(failure: Callable[..., str]) -> None:
    assert "source (FILE): the split 'validation' would be empty: 2 rows in 2 groups" in failure(toy_rows(2))


def test_only_groups_of_alike_texts_are_counted(write_rows: Callable[..., Path]) -> None:
    path = write_rows("rows.jsonl", [*toy_rows(30), *toy_rows(2)])
    corpus = load_corpus(CorpusConfig(path=str(path)))
    assert corpus.notes[1] == (
        "Groups of alike texts, which stay within one split: 2, with 4 of 32 texts; the largest has 2."
    )
