"""A new kind of rows is one object and one line."""

import pandas as pd
import pyarrow as pa

from nlp_transfer import corpus_from
from nlp_transfer.data.validation.row_kinds import CORPUS_COLUMNS, ROW_KINDS, RowKind


def test_the_columns_of_a_corpus_are_those_of_its_kinds():
    assert CORPUS_COLUMNS[:4] == ("id", "text", "label", "labels")
    made = {
        "summary",
        "highlights",
        "sentence_starts",
        "span_starts",
        "span_ends",
        "second",
        "values",
        "image",
        "digest",
    }
    assert made == {*CORPUS_COLUMNS[4:]}


def test_a_kind_converts_what_it_reads(monkeypatch):
    def doubled(columns, first, errors, facts, find_file):
        facts["doubled"] += len(columns["text"])
        return {**columns, "text": [2 * text for text in columns["text"]]}

    kind = RowKind({"page": "text"}, texts=("page",), convert=doubled, facts={"doubled": "texts that were doubled"})
    monkeypatch.setitem(ROW_KINDS, "doubled", kind)
    corpus = corpus_from({"test": pd.DataFrame({"page": ["a", "b"]})}, kind="doubled")
    assert list(corpus.splits["test"]["text"]) == ["aa", "bb"]
    assert "data, split 'test': texts that were doubled: 2." in corpus.notes


def test_typed_columns_are_those_that_are_there():
    typed = ROW_KINDS["entities"].typed({"span_starts": [[1]]}, pa.array(["abc"]), 1, None)  # type: ignore[arg-type]
    assert {name: values.to_pylist() for name, values in typed.items()} == {"span_starts": [[1]]}
