"""The built-in papers."""

from nlp_transfer import CorpusConfig, load_corpus


def test_the_built_in_papers() -> None:
    corpus = load_corpus(CorpusConfig(builtin="aclsum"), kind="documents", trains=True)
    assert {name: len(split) for name, split in corpus.splits.items()} == {"train": 100, "validation": 50, "test": 100}
    for paper in corpus.splits["test"]:
        offsets = paper["highlights"]
        assert offsets
        assert set(offsets[::2]) <= set(paper["sentence_starts"])
        assert paper["summary"]
