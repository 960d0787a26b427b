"""Descriptions of classes as all that is learned from."""

import pytest

from nlp_transfer import CorpusConfig, load_corpus
from nlp_transfer.errors import ConfigError, DataError

WORDS = {"tort": "about damage", "tax": "about taxes"}


def test_each_description_is_a_training_row() -> None:
    corpus = load_corpus(CorpusConfig(descriptions=WORDS), trains=True)
    assert corpus.origin == "descriptions of 2 classes"
    assert {name: len(rows) for name, rows in corpus.splits.items()} == {"train": 2}
    assert corpus.label_names == ["tax", "tort"]
    assert list(corpus.splits["train"]["text"]) == ["about damage", "about taxes"]
    assert list(corpus.splits["train"]["label"]) == [1, 0]
    assert list(corpus.splits["train"]["id"]) == ["description: tort", "description: tax"]


def test_without_descriptions_a_source_is_missing() -> None:
    with pytest.raises(ConfigError, match=r"source names no source; give exactly one of source\.path"):
        load_corpus(CorpusConfig())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"tax": "about taxes", "tort": " "}, r"source\.descriptions\.tort is blank\."),
        ({"tax": "about taxes"}, r"source\.descriptions describes one class; a classifier needs two or more\."),
    ],
)
def test_descriptions_that_do_not_do(words: dict[str, str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        load_corpus(CorpusConfig(descriptions=words), trains=True)
