"""Descriptions of classes are found among training rows."""

from pathlib import Path

from nlp_transfer.data.corpus import CorpusConfig
from nlp_transfer.data.descriptions import descriptions_in, is_description
from nlp_transfer.data.loading import load_corpus

DESCRIPTIONS = {"permissive": "use it freely", "copyleft": "share alike", "public": "no rights: all waived"}


def test_they_are_found_beside_texts_and_alone(corpus: Path) -> None:
    few = load_corpus(CorpusConfig(str(corpus), descriptions=DESCRIPTIONS, shots=2)).splits["train"]
    assert len(few) == 9
    assert is_description(few["id"]).sum() == 3
    assert descriptions_in(few) == DESCRIPTIONS
    alone = load_corpus(CorpusConfig(descriptions=DESCRIPTIONS)).splits["train"]
    assert descriptions_in(alone) == DESCRIPTIONS


def test_texts_are_no_descriptions(corpus: Path) -> None:
    assert descriptions_in(load_corpus(CorpusConfig(str(corpus))).splits["train"]) == {}
