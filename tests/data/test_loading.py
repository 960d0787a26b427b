"""Which splits a corpus gets, from files and from Python objects."""

import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pandas as pd
import pytest
from datasets import Dataset, DatasetDict

from nlp_transfer.data import Corpus, CorpusConfig, SplitConfig, corpus_from, load_corpus
from nlp_transfer.errors import ConfigError, DataError
from tests.data.conftest import toy_rows


def sizes(corpus: Corpus) -> dict[str, int]:
    return {name: len(split) for name, split in corpus.splits.items()}


@pytest.mark.parametrize("kind", [Dataset.from_list, pd.DataFrame])
def test_one_table_is_split_near_duplicate_safe(kind: Callable[[Any], Any]) -> None:
    corpus = corpus_from(kind(toy_rows(40)))
    assert sizes(corpus) == {"train": 24, "validation": 6, "test": 10}
    assert corpus.notes[0].startswith(
        "Splits made from 40 rows by near_duplicate (Jaccard similarity of 5-word shingles from 0.6,"
    )
    assert corpus.notes[-1] == "test: no text is an exact copy of a training text."
    assert corpus.splits["train"].features["label"].names == ["a", "b"]


def test_objects_by_split() -> None:
    data = DatasetDict(train=Dataset.from_list(toy_rows(10)), test=Dataset.from_list(toy_rows(4, start=10)))
    corpus = corpus_from(data)
    assert sizes(corpus) == {"train": 8, "validation": 2, "test": 4}
    assert (
        "The source has no validation split: 2 of 10 training rows became one (near_duplicate, Jaccard similarity of "
        "5-word shingles from 0.6, seed 13)."
    ) in corpus.notes
    assert sizes(corpus_from({"train": pd.DataFrame(toy_rows(4)), "dev": Dataset.from_list(toy_rows(4, start=4))})) == {
        "train": 4,
        "validation": 4,
    }


def test_near_copies_of_training_texts_are_not_in_a_validation_split_made_of_them() -> None:
    words = [" ".join(f"{word}{text}" for word in "abcdefghij") for text in range(12)]
    rows = [{"text": f"{text} copy {copy}", "label": "xy"[n % 2]} for n, text in enumerate(words) for copy in range(3)]
    corpus = corpus_from({"train": Dataset.from_list(rows), "test": Dataset.from_list(toy_rows(9, ("x", "y")))})
    sides = {name: {text[:20] for text in corpus.splits[name]["text"]} for name in ("train", "validation")}
    assert len(sides["validation"]) >= 2
    assert sides["train"] & sides["validation"] == set()


def test_objects_with_a_misspelt_split_name() -> None:
    data = {"train": Dataset.from_list(toy_rows(4)), "Validatoin": Dataset.from_list(toy_rows(4, start=4))}
    with pytest.raises(DataError) as caught:
        corpus_from(data)
    assert str(caught.value).startswith(
        "data: Validatoin would be left out: 'Validatoin' is no split's name, and there is no validation split. Did you "
        "mean 'validation'?"
    )


def test_frames_with_missing_values_and_numpy_labels() -> None:
    frame = pd.DataFrame(toy_rows(20, (1.0, 2.0)))
    assert corpus_from(frame).label_names == ["1", "2"]
    frame.loc[3, "label"] = np.nan
    with pytest.raises(DataError, match=r"data: row 4: label is missing \(null\)"):
        corpus_from(frame)
    lists = pd.DataFrame(
        {"text": [f"t {n}" for n in range(20)], "labels": [np.array(["a", "b"][: n % 3]) for n in range(20)]}
    )
    assert corpus_from(lists, split=SplitConfig(method="stratified")).label_names == ["a", "b"]
    frame = pd.DataFrame(toy_rows(20)).astype({"label": "category"})
    assert corpus_from(frame).label_names == ["a", "b"]


def test_frames_whose_columns_are_numbers() -> None:
    frame = pd.DataFrame([(row["text"], row["label"]) for row in toy_rows(20)])
    assert corpus_from(frame, columns={"0": "text", "1": "label"}).label_names == ["a", "b"]
    with pytest.raises(DataError, match="data: there is no column 'text'; columns found: 0, 1"):
        corpus_from(frame)


def test_mixed_labels_of_a_dataset_are_found() -> None:
    dataset = Dataset.from_list([{"text": "x", "label": "a"}, {"text": "y", "label": 1}], on_mixed_types="use_json")
    assert type(dataset.features["label"]).__name__ == "Json"
    with pytest.raises(DataError, match="data: column 'label' mixes types: row 1 holds a string, row 2 an integer"):
        corpus_from(dataset)


def test_a_selected_and_formatted_dataset() -> None:
    dataset = Dataset.from_list(toy_rows(80, ("a", "x", "b", "y"))).select(range(0, 80, 2)).with_format("numpy")
    corpus = corpus_from(dataset)
    assert corpus.label_names == ["a", "b"]
    assert sizes(corpus) == {"train": 24, "validation": 6, "test": 10}


def test_splits_without_train_are_those_of_a_trained_model() -> None:
    corpus = corpus_from({"test": Dataset.from_list(toy_rows(4, ("b",)))}, label_names=["a", "b"])
    assert sizes(corpus) == {"test": 4} and corpus.splits["test"]["label"][:] == [1] * 4
    with pytest.raises(DataError, match="data, split 'test': rows 1, 2, 3 and 4: label 'z' is unseen in training"):
        corpus_from({"test": Dataset.from_list(toy_rows(4, ("z",)))}, label_names=["a", "b"])


def test_objects_that_are_no_tables() -> None:
    with pytest.raises(
        DataError, match=r"data: got a builtins\.list; expected a datasets\.Dataset, a datasets\.DatasetDict"
    ):
        corpus_from([1, 2])
    with pytest.raises(
        DataError, match=r"data: none of the splits part has a known name \(train, training, validation"
    ):
        corpus_from({"part": Dataset.from_list(toy_rows(2))})


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
        f"source ({path}): there is no train split; splits found: test. Name it, or set source.split.method to stratified, "
        "grouped or near_duplicate, which make splits of all rows."
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


def hub(monkeypatch: pytest.MonkeyPatch, answer: Any) -> list[Any]:
    calls: list[Any] = []

    def load_dataset(*positional: Any, **named: Any) -> Any:
        calls.append((positional, named))
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    monkeypatch.setattr("nlp_transfer.data.sources.hub.hub_answers", lambda *_: True)
    monkeypatch.setattr("nlp_transfer.data.sources.hub._is_offline", lambda: False)
    return calls


def test_hub_datasets(monkeypatch: pytest.MonkeyPatch) -> None:
    data = DatasetDict(
        train=Dataset.from_list(toy_rows(8)),
        eval=Dataset.from_list(toy_rows(4, start=8)),
        other=Dataset.from_list(toy_rows(2)),
    )
    calls = hub(monkeypatch, data)
    config = CorpusConfig(hub="owner/set", name="part", revision="abc", splits={"train": "train", "test": "eval"})
    corpus = load_corpus(config)
    assert calls == [(("owner/set", "part"), {"revision": "abc"})]
    assert sizes(corpus) == {"train": 6, "validation": 2, "test": 4}
    assert corpus.origin == "Hub dataset owner/set (part, revision abc)"
    assert "Splits of the source that are left out: other." in corpus.notes
    with pytest.raises(DataError, match=r"source\.splits: Unknown split 'evl'\. Did you mean 'eval'\?"):
        load_corpus(CorpusConfig(hub="owner/set", splits={"test": "evl"}))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            datasets.exceptions.DatasetNotFoundError(
                "Dataset 'owner/set' doesn't exist on the Hub or cannot be accessed."
            ),
            "the Hub has no such dataset",
        ),
        (
            ConnectionError("Couldn't reach 'owner/set' on the Hub (LocalEntryNotFoundError)"),
            "the Hub cannot be reached and the dataset is not in the cache (there is no network; ConnectionError: ",
        ),
        (
            RuntimeError("Dataset scripts are no longer supported, but found set.py"),
            "it is a loading script, which is not run",
        ),
        (
            ValueError("Config name is missing.\nPlease pick one among the available configs: ['a', 'b']"),
            "Set source.name to one of its configurations.",
        ),
        (
            ValueError("BuilderConfig 'q' not found. Available: ['a', 'b']"),
            "Set source.name to one of its configurations.",
        ),
        (
            TypeError("something else"),
            "(TypeError: something else). Check source.hub, source.name and source.revision.",
        ),
    ],
)
def test_hub_errors_say_what_to_do(monkeypatch: pytest.MonkeyPatch, error: Exception, words: str) -> None:
    hub(monkeypatch, error)
    with pytest.raises(DataError) as caught:
        load_corpus(CorpusConfig(hub="owner/set"))
    assert str(caught.value).startswith("source.hub: owner/set cannot be loaded")
    assert words in str(caught.value)


def test_a_hub_dataset_without_network_is_said_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def no_name(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_name)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", str(tmp_path))
    started = time.perf_counter()
    with pytest.raises(DataError) as caught:
        load_corpus(CorpusConfig(hub="owner/set"))
    assert time.perf_counter() - started < 10
    message = str(caught.value)
    assert message.startswith(
        "source.hub: owner/set cannot be loaded: it is a dataset on the Hub, the Hub cannot be reached and the dataset "
        "is not in the cache (there is no network; "
    )
    assert message.endswith(
        "Connect; or fetch it where there is a network with `hf download owner/set --repo-type dataset --local-dir "
        "FOLDER`, copy that folder here and name its files with source.path."
    )
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(DataError, match=r"is not in the cache \(HF_HUB_OFFLINE or HF_DATASETS_OFFLINE is set\)"):
        load_corpus(CorpusConfig(hub="owner/set"))
    assert datasets.config.HF_HUB_OFFLINE is False  # what was changed for a while is as it was
