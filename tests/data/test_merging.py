"""Several corpora as one: classes, ids, domains, and what cannot be merged."""

from collections.abc import Callable
from pathlib import Path

import pytest

from nlp_transfer import Corpus, CorpusConfig, SplitConfig
from nlp_transfer.data.merging import load_sources, source_names
from nlp_transfer.errors import DataError
from tests.data.conftest import toy_rows

GIVEN = SplitConfig("given", validation=0)
Write = Callable[..., Path]


def sources(write_rows: Write, **rows: list[dict[str, object]]) -> Corpus:
    configs = []
    for name, all_rows in rows.items():
        write_rows(f"{name}/train.jsonl", all_rows[:-2])
        configs.append(CorpusConfig(path=str(write_rows(f"{name}/test.jsonl", all_rows[-2:]).parent), split=GIVEN))
    return load_sources(configs, labeled=True, trains=True)


def test_classes_are_those_of_all_and_rows_say_where_they_are_from(write_rows: Write) -> None:
    books = toy_rows(6, ("good", "bad"))
    films = toy_rows(6, ("bad", "mixed", "good"), start=50)
    corpus = sources(write_rows, books=books, films=films)
    assert corpus.label_names == ["bad", "good", "mixed"]
    train, test = corpus.splits["train"], corpus.splits["test"]
    assert train.features["domain"].names == ["books", "films"]
    assert train["domain"] == [0] * 4 + [1] * 4
    written = ["good", "bad", "good", "bad", "bad", "mixed", "good", "bad"]
    assert [corpus.label_names[label] for label in train["label"]] == written
    assert train["text"] == [row["text"] for row in books[:4] + films[:4]]
    assert (train["id"][0].split("/")[0], test["id"][-1].split("/")[0]) == ("books", "films")
    assert len({*train["id"], *test["id"]}) == 12
    assert "books has no rows of mixed." in corpus.notes
    assert corpus.origin.endswith("films") and " + " in corpus.origin


def test_lists_of_labels(write_rows: Write) -> None:
    one = [{"text": f"one {i}", "labels": ["b", "a"] if i % 2 else []} for i in range(6)]
    other = [{"text": f"other {i}", "labels": ["c", "a"]} for i in range(6)]
    corpus = sources(write_rows, one=one, other=other)
    assert corpus.label_names == ["a", "b", "c"]
    assert corpus.splits["train"]["labels"] == [[], [1, 0], [], [1, 0]] + [[2, 0]] * 4
    assert corpus.multi_label


def test_the_fingerprint_follows_the_sources_and_their_names(write_rows: Write) -> None:
    rows, others = toy_rows(6), toy_rows(6, start=90)
    first = sources(write_rows, one=rows, other=others)
    assert first.fingerprint == sources(write_rows, one=rows, other=others).fingerprint
    assert first.fingerprint != sources(write_rows, one=rows, another=others).fingerprint
    assert first.fingerprint != sources(write_rows, one=others, other=rows).fingerprint


def test_texts_that_another_source_tests_are_counted(write_rows: Write) -> None:
    rows, others = toy_rows(6), toy_rows(6, start=90)
    others[0]["text"] = rows[-1]["text"]
    notes = sources(write_rows, one=rows, other=others).notes
    assert notes[-1].startswith("All sources together: test: 1 of 4 texts are exact copies of training texts")


def test_training_texts_that_sources_share_are_counted(write_rows: Write) -> None:
    notes = sources(write_rows, one=toy_rows(6), other=toy_rows(6, start=2)).notes
    assert "other: 2 of 4 training texts are exact copies of one's." in notes


def test_unlabelled_texts_beside_labelled_ones(write_rows: Write) -> None:
    write_rows("one/unlabeled.jsonl", toy_rows(2, start=40))
    write_rows("other/unlabeled.jsonl", [{"text": "no label"}])
    corpus = sources(write_rows, one=toy_rows(6), other=toy_rows(6, start=90))
    assert set(corpus.splits["unlabeled"].column_names) == {"id", "text", "domain"}
    assert corpus.splits["unlabeled"]["domain"] == [0, 0, 1]


def test_what_cannot_be_merged(write_rows: Write) -> None:
    lists = [{"text": f"text {i}", "labels": ["a"]} for i in range(6)]
    with pytest.raises(
        DataError, match=r"/one\S* has one label a text \(label\), /\S*/other\S* has lists of labels \(labels\)"
    ):
        sources(write_rows, one=toy_rows(6), other=lists)
    with pytest.raises(DataError, match=r"other has none of the others' classes: c, d against a, b\."):
        sources(write_rows, one=toy_rows(6), other=toy_rows(6, ("c", "d"), start=90))


def test_names_are_as_long_as_they_must_be() -> None:
    def named(*paths: str) -> list[str]:
        return source_names([CorpusConfig(path=path) for path in paths])

    assert named("data/books", "data/dvd") == ["books", "dvd"]
    assert named("books/all.jsonl", "dvd/all.jsonl") == ["books/all.jsonl", "dvd/all.jsonl"]
    assert named("same", "same") == ["source.0", "source.1"]
    assert source_names([CorpusConfig(hub="org/law"), CorpusConfig(builtin="licenses")]) == ["law", "licenses"]


def test_one_source_is_taken_as_it_is(write_rows: Write) -> None:
    path = write_rows("rows.jsonl", toy_rows(40))
    corpus = load_sources([CorpusConfig(path=str(path))], labeled=True, trains=True)
    assert "domain" not in corpus.splits["train"].column_names
    assert corpus.label_names == ["a", "b"]


def test_splits_that_are_drawn_of_single_files(write_rows: Write) -> None:
    rows, others = toy_rows(40, ("good", "bad")), toy_rows(40, ("bad", "good"), start=50)
    configs = [
        CorpusConfig(path=str(write_rows(f"{name}.jsonl", given)), split=SplitConfig("stratified"))
        for name, given in (("one", rows), ("other", others))
    ]
    corpus = load_sources(configs, labeled=True, trains=True)
    written = {row["text"]: row["label"] for row in rows + others}
    seen = []
    for split in corpus.splits.values():
        for row in split:
            name, _, own = row["id"].partition("/")
            number = int(own.rpartition("-")[2])
            assert row["text"] == (rows if name == "one.jsonl" else others)[number]["text"]
            assert corpus.label_names[row["label"]] == written[row["text"]]
            assert split.features["domain"].names[row["domain"]] == f"{name}"
            seen.append(row["text"])
    assert sorted(seen) == sorted(written)


def test_sources_with_different_numbers_are_named(tmp_path: Path) -> None:
    for name, column in (("a", "cost"), ("b", "days")):
        lines = "".join(f"{name} text {i},{i}\n" for i in range(8))
        (tmp_path / f"{name}.csv").write_text(f"text,{column}\n{lines}")
    configs = [
        CorpusConfig(str(tmp_path / f"{name}.csv"), columns={column: "value"}, split=SplitConfig("stratified"))
        for name, column in (("a", "cost"), ("b", "days"))
    ]
    with pytest.raises(DataError, match=r"the corpora have different numbers: .*a\.csv has cost, .*b\.csv has days\."):
        load_sources(configs, labeled=False, trains=True, kind="numbers")
