"""Which splits a corpus gets, from files and from Python objects."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from datasets import Dataset

from nlp_transfer import CorpusConfig, SplitConfig, corpus_from, load_corpus
from nlp_transfer.errors import ConfigError, DataError
from tests.data.conftest import sizes, toy_rows


@pytest.mark.parametrize("kind", [Dataset.from_list, pd.DataFrame])
def test_one_table_is_split_near_duplicate_safe(kind: Callable[[Any], Any]) -> None:
    corpus = corpus_from(kind(toy_rows(40)))
    assert sizes(corpus) == {"train": 24, "validation": 6, "test": 10}
    assert corpus.notes[0].startswith(
        "Splits made from 40 rows by near_duplicate (Jaccard similarity of 5-word shingles from 0.6,"
    )
    assert corpus.notes[-1] == "test: no text is an exact copy of a training text."
    assert corpus.splits["train"].features["label"].names == ["a", "b"]


def test_near_copies_of_training_texts_are_not_in_a_validation_split_made_of_them() -> None:
    words = [" ".join(f"{word}{text}" for word in "abcdefghij") for text in range(12)]
    rows = [{"text": f"{text} copy {copy}", "label": "xy"[n % 2]} for n, text in enumerate(words) for copy in range(3)]
    corpus = corpus_from({"train": Dataset.from_list(rows), "test": Dataset.from_list(toy_rows(9, ("x", "y")))})
    sides = {name: {text[:20] for text in corpus.splits[name]["text"]} for name in ("train", "validation")}
    assert len(sides["validation"]) >= 2
    assert sides["train"] & sides["validation"] == set()


@pytest.mark.parametrize("method", ["near_duplicate", "stratified", "given"])
def test_a_calibration_split_comes_out_of_train(method: str) -> None:
    table = pd.DataFrame(toy_rows(40))
    data = {"train": table[:30], "validation": table[30:36], "test": table[36:]} if method == "given" else table
    split = SplitConfig(method, calibration=0.25)
    without = sizes(corpus_from(data, split=SplitConfig(method)))
    corpus = corpus_from(data, split=split)
    assert sizes(corpus) == without | {"train": without["train"] - 10, "calibration": 10}
    (note,) = [note for note in corpus.notes if note.startswith("The source has no calibration split: 10 of ")]
    assert f"became one ({'near_duplicate' if method == 'given' else method}, " in note
    assert list(corpus.splits) == ["train", "validation", "calibration", "test"]


def test_a_calibration_split_keeps_groups_together() -> None:
    table = pd.DataFrame(toy_rows(60)).assign(author=[f"author {n // 5}" for n in range(60)])
    corpus = corpus_from(table, split=SplitConfig("grouped", column="author", calibration=0.2))
    assert len(corpus.splits["calibration"]) >= 5
    authors = dict(zip(table["text"], table["author"], strict=True))
    sides = [{authors[text] for text in rows["text"]} for rows in corpus.splits.values()]
    assert sum(map(len, sides)) == len(set().union(*sides)) == 12


def test_a_given_calibration_split_is_taken() -> None:
    rows = Dataset.from_list(toy_rows(9, ("x", "y")))
    parts = {"train": rows, "validation": rows, "calibration": rows, "test": rows}
    assert sizes(corpus_from(parts)) == dict.fromkeys(parts, 9)


def test_splits_without_train_are_those_of_a_trained_model() -> None:
    corpus = corpus_from({"test": Dataset.from_list(toy_rows(4, ("b",)))}, label_names=["a", "b"])
    assert sizes(corpus) == {"test": 4} and corpus.splits["test"]["label"][:] == [1] * 4
    with pytest.raises(DataError, match="data, split 'test': rows 1, 2, 3 and 4: label 'z' is unseen in training"):
        corpus_from({"test": Dataset.from_list(toy_rows(4, ("z",)))}, label_names=["a", "b"])


def test_renamed_columns_shadow_others() -> None:
    dataset = Dataset.from_list([{"clause": f"clause {n}", "text": "old", "kind": "ab"[n % 2]} for n in range(20)])
    corpus = corpus_from(dataset, columns={"clause": "text", "kind": "label"})
    assert corpus.splits["train"][0]["text"].startswith("clause")
    assert "Column 'text' of the source is left out: 'clause' takes its place." in corpus.notes


def test_unlabelled_rows_are_one_split(write_rows: Callable[..., Path]) -> None:
    path = write_rows("rows.jsonl", [{"text": f"t {n}"} for n in range(7)])
    corpus = load_corpus(CorpusConfig(path=str(path)))
    assert sizes(corpus) == {"unlabeled": 7} and corpus.label_column is None
    path = write_rows("rows.jsonl", toy_rows(7))
    corpus = load_corpus(CorpusConfig(path=str(path)), labeled=False)
    assert sizes(corpus) == {"unlabeled": 7} and corpus.splits["unlabeled"].column_names == ["id", "text"]
    corpus = load_corpus(CorpusConfig(path=str(path), split=SplitConfig("stratified", test=0)), labeled=False)
    assert sizes(corpus) == {"train": 6, "validation": 1}


def test_rows_scored_by_a_trained_model_are_one_split(write_rows: Callable[..., Path]) -> None:
    path = write_rows("rows.jsonl", toy_rows(7))
    assert sizes(load_corpus(CorpusConfig(path=str(path)), label_names=["a", "b"])) == {"test": 7}
    path = write_rows("dev.jsonl", toy_rows(7))
    assert sizes(load_corpus(CorpusConfig(path=str(path)), label_names=["a", "b"])) == {"validation": 7}


def test_only_train_is_split_by_auto_and_kept_by_given(write_rows: Callable[..., Path]) -> None:
    path = write_rows("train.jsonl", toy_rows(40))
    assert sizes(load_corpus(CorpusConfig(path=str(path)))) == {"train": 24, "validation": 6, "test": 10}
    corpus = load_corpus(CorpusConfig(path=str(path), split=SplitConfig("given")))
    assert sizes(corpus) == {"train": 34, "validation": 6}
    assert "There is no test split: nothing is reported for rows that selection has not seen." in corpus.notes


def test_made_splits_pool_the_given_ones_but_not_unlabeled(tmp_path: Path, write_rows: Callable[..., Path]) -> None:
    write_rows("c/train.jsonl", toy_rows(20))
    write_rows("c/test.jsonl", toy_rows(20, start=20))
    write_rows("c/unlabeled.jsonl", toy_rows(5, start=40))
    corpus = load_corpus(CorpusConfig(path=str(tmp_path / "c"), split=SplitConfig("stratified")))
    assert sizes(corpus) == {"train": 24, "validation": 6, "test": 10, "unlabeled": 5}


def test_given_without_train(write_rows: Callable[..., Path]) -> None:
    path = write_rows("test.jsonl", toy_rows(7))
    with pytest.raises(DataError) as caught:
        load_corpus(CorpusConfig(path=str(path)))
    assert str(caught.value) == (
        f"source ({path}): there is no train split; splits found: test. Name it, or set source.split.method."
    )
    path = write_rows("rows.jsonl", toy_rows(7))
    with pytest.raises(DataError, match="splits found: one without a split's name"):
        load_corpus(CorpusConfig(path=str(path), split=SplitConfig("given")))


def test_grouped(write_rows: Callable[..., Path]) -> None:
    rows = [{**row, "court": row_number // 5} for row_number, row in enumerate(toy_rows(60))]
    path = write_rows("rows.jsonl", rows)
    corpus = load_corpus(CorpusConfig(path=str(path), split=SplitConfig("grouped", column="court")))
    courts = {row["text"]: row["court"] for row in rows}
    seen = [{courts[text] for text in split["text"]} for split in corpus.splits.values()]
    assert sum(map(len, seen)) == 12 and len(set().union(*seen)) == 12
    assert corpus.notes[1] == "12 groups of rows with one 'court' each stay within one split; the largest has 5 rows."
    with pytest.raises(DataError, match=r"source\.split\.column: Unknown column 'cuort'\. Did you mean 'court'\?"):
        load_corpus(CorpusConfig(path=str(path), split=SplitConfig("grouped", column="cuort")))
    rows[7]["court"] = None  # type: ignore[assignment]
    write_rows("rows.jsonl", rows)
    with pytest.raises(DataError, match=r"row 8: court is missing \(null\)"):
        load_corpus(CorpusConfig(path=str(path), split=SplitConfig("grouped", column="court")))


def test_the_fingerprint_is_of_the_content() -> None:
    data = {"train": Dataset.from_list(toy_rows(8)), "test": Dataset.from_list(toy_rows(4, start=8))}
    split = SplitConfig(validation=0)
    first = corpus_from(data, split=split).fingerprint
    assert len(first) == 64 and corpus_from({**data}, split=split).fingerprint == first
    for change in ({"text": "other", "label": "a"}, {"text": "text number 0", "label": "b"}):
        changed = Dataset.from_list([change, *toy_rows(8)[1:]])
        assert corpus_from({**data, "train": changed}, split=split).fingerprint != first


def test_the_draw_depends_on_its_seed_alone() -> None:
    frame = pd.DataFrame(toy_rows(100))
    fingerprints = [corpus_from(frame, split=SplitConfig("stratified", seed=seed)).fingerprint for seed in (1, 1, 2)]
    assert fingerprints[0] == fingerprints[1] != fingerprints[2]


def test_settings_that_do_not_fit() -> None:
    with pytest.raises(ConfigError, match="source names no source"):
        load_corpus(CorpusConfig())
    with pytest.raises(ConfigError, match="Did you mean 'licenses'"):
        load_corpus(CorpusConfig(builtin="licences"))
    with pytest.raises(ConfigError, match=r"data\.split\.validation is 2"):
        corpus_from(pd.DataFrame(toy_rows(4)), split=SplitConfig(validation=2))


def test_a_label_column_that_is_missing(failure: Callable[..., str]) -> None:
    assert failure([{"text": "x", "kind": "a"}], labeled=True) == (
        "FILE: there is no column 'label' or 'labels'; columns found: text, kind. "
        "Name it: `source.columns: {kind: label}`."
    )


def test_a_split_without_the_labels_of_the_others(tmp_path: Path, write_rows: Callable[..., Path]) -> None:
    write_rows("c/train.jsonl", toy_rows(4))
    path = write_rows("c/test.jsonl", [{"text": "x", "kind": "a"}])
    with pytest.raises(DataError) as caught:
        load_corpus(CorpusConfig(path=str(tmp_path / "c")))
    assert f"{path}: there is no column 'label' or 'labels'; columns found: text, kind." in str(caught.value)


def test_problems_of_all_splits_come_together(tmp_path: Path, write_rows: Callable[..., Path]) -> None:
    train = write_rows("c/train.jsonl", [*toy_rows(4), {"text": "", "label": "a"}])
    test = tmp_path / "c/test.jsonl"
    test.write_text(json.dumps(toy_rows(1)[0]) + "\n{")
    with pytest.raises(DataError) as caught:
        load_corpus(CorpusConfig(path=str(tmp_path / "c")))
    assert [problem.split(": ")[0] for problem in caught.value.problems] == [str(train), str(test)]
