"""Unique ids."""

from collections.abc import Callable
from pathlib import Path

from nlp_transfer import CorpusConfig, load_corpus
from tests.data.conftest import SPLIT, toy_rows


def test_ids_are_unique(failure: Callable[..., str]) -> None:
    rows = [{"id": name, **row} for name, row in zip("abca", toy_rows(4), strict=True)]
    assert failure(rows) == (
        "Ids are repeated: 'a' (FILE row 1 and FILE row 4). Make new ones: `source.columns: {id: unused}`."
    )


def test_ids_may_be_integers_and_are_kept(write_rows: Callable[..., Path]) -> None:
    path = write_rows("rows.jsonl", [{"id": number, **row} for number, row in enumerate(toy_rows(20), 100)])
    corpus = load_corpus(CorpusConfig(path=str(path), split=SPLIT))
    assert sorted(name for split in corpus.splits.values() for name in split["id"]) == [str(n) for n in range(100, 120)]
    corpus = load_corpus(CorpusConfig(path=str(path), split=SPLIT, columns={"id": "unused"}))
    assert sorted(name for split in corpus.splits.values() for name in split["id"])[:3] == ["all-0", "all-1", "all-10"]
