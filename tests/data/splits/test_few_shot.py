"""Few-shot training sets: as many rows of each class, drawn reproducibly."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nlp_transfer import CorpusConfig, SplitConfig, load_corpus
from nlp_transfer.errors import ConfigError, DataError

CLASSES = {"a": 40, "b": 12, "c": 5}


def rows(*, several: bool = False) -> list[dict[str, Any]]:
    made = [(name, i) for name, count in CLASSES.items() for i in range(count)]
    if several:
        return [
            {"text": f"{name} text {i}", "labels": [name, "a"] if i % 3 == 0 else [name], "split": "x"}
            for name, i in made
        ]
    return [{"text": f"{name} text {i}", "label": name} for name, i in made]


@pytest.fixture
def folder(tmp_path: Path, write_rows: Callable[..., Path]) -> str:
    for name in ("train", "dev", "test"):
        write_rows(f"few/{name}.jsonl", rows())
    return str(tmp_path / "few")


def test_each_class_has_as_many_rows_and_no_validation(folder: str) -> None:
    corpus = load_corpus(CorpusConfig(folder, shots=5, draw=3))
    assert {name: len(split) for name, split in corpus.splits.items()} == {"train": 15, "test": 57}
    assert Counter(corpus.splits["train"]["label"]) == {0: 5, 1: 5, 2: 5}
    assert corpus.notes[:2] == (
        "15 of 57 training rows are drawn, 5 of each class (draw 3).",
        "The 57 rows of the split validation are not read: they are labels too.",
    )


def test_a_draw_is_reproducible_and_others_differ(folder: str) -> None:
    texts = [list(load_corpus(CorpusConfig(folder, shots=2, draw=draw)).splits["train"]["text"]) for draw in (1, 1, 2)]
    assert texts[0] == texts[1] != texts[2]
    assert load_corpus(CorpusConfig(folder, shots=2)).fingerprint == (
        load_corpus(CorpusConfig(folder, shots=2, draw=0)).fingerprint
    )


def test_of_several_labels_each_class_has_at_least_as_many(write_rows: Callable[..., Path], tmp_path: Path) -> None:
    for name in ("train", "test"):
        write_rows(f"many/{name}.jsonl", rows(several=True))
    corpus = load_corpus(CorpusConfig(str(tmp_path / "many"), shots=4))
    counts = Counter(label for labels in corpus.splits["train"]["labels"] for label in labels)
    assert min(counts.values()) >= 4
    assert len(corpus.splits["train"]) <= 12


def test_a_file_without_splits_gets_a_test_split_alone(write_rows: Callable[..., Path]) -> None:
    corpus = load_corpus(CorpusConfig(str(write_rows("all.jsonl", rows())), shots=2))
    assert list(corpus.splits) == ["train", "test"]
    assert len(corpus.splits["train"]) == 6


def test_a_class_with_too_few_rows(folder: str) -> None:
    with pytest.raises(DataError) as caught:
        load_corpus(CorpusConfig(folder, shots=8))
    assert "source.shots is 8, and the training split has fewer rows of c (5). Set it to 5 or less, or" in str(
        caught.value
    )


def test_nothing_to_draw_from(write_rows: Callable[..., Path]) -> None:
    file = str(write_rows("plain.jsonl", [{"text": f"text {i}"} for i in range(9)]))
    with pytest.raises(DataError, match=r"source\.shots draws rows of a training split with labels, and there is none"):
        load_corpus(CorpusConfig(file, shots=2))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"shots": 0}, r"source\.shots is 0; expected 1 or more \(0 with source\.descriptions\), or null\."),
        ({"draw": 1}, r"source\.draw is 1; expected source\.shots, whose draw it is, and 0 or more\."),
        ({"shots": 2, "draw": -1}, r"source\.draw is -1; expected source\.shots, whose draw it is, and 0 or more"),
    ],
)
def test_bad_settings(folder: str, values: dict[str, int], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_corpus(CorpusConfig(folder, **values))


WORDS = {"a": "about a", "b": "about b", "c": "about c"}


def test_descriptions_are_training_rows(folder: str) -> None:
    corpus = load_corpus(CorpusConfig(folder, shots=2, descriptions=WORDS))
    train = corpus.splits["train"]
    assert train[:3] == {
        "id": ["description: a", "description: b", "description: c"],
        "text": ["about a", "about b", "about c"],
        "label": [0, 1, 2],
    }
    assert len(train) == 9
    assert "The descriptions of 3 classes are training rows." in corpus.notes


def test_nothing_but_descriptions(folder: str) -> None:
    corpus = load_corpus(CorpusConfig(folder, shots=0, descriptions=WORDS))
    assert list(corpus.splits["train"]["text"]) == list(WORDS.values())
    assert len(corpus.splits["test"]) == 57


def test_descriptions_of_several_labels(write_rows: Callable[..., Path], tmp_path: Path) -> None:
    for name in ("train", "test"):
        write_rows(f"many/{name}.jsonl", rows(several=True))
    corpus = load_corpus(CorpusConfig(str(tmp_path / "many"), shots=0, descriptions=WORDS))
    assert list(corpus.splits["train"]["labels"]) == [[0], [1], [2]]


def test_descriptions_that_do_not_fit(folder: str) -> None:
    with pytest.raises(DataError) as caught:
        load_corpus(CorpusConfig(folder, descriptions={"a": "about a", "bb": "about b", "c": " "}))
    text = str(caught.value)
    assert "source.descriptions: Unknown class 'bb'. Did you mean 'b'? Classes: a, b, c." in text
    assert "source.descriptions lacks b. Describe every class, or leave it out." in text
    assert "source.descriptions.c is blank." in text


def test_a_calibration_split_is_a_share_of_the_drawn_rows(folder: str) -> None:
    corpus = load_corpus(CorpusConfig(folder, shots=5, split=SplitConfig(calibration=0.2)))
    assert {name: len(split) for name, split in corpus.splits.items()} == {"train": 12, "calibration": 3, "test": 57}
