"""Pairs of sections and summaries tell nothing by the summary alone."""

import gzip
import json
from collections import Counter

from nlp_transfer import CorpusConfig, load_corpus
from scripts.benchmark.pairs import claims, write_corpus

ROWS = [{"id": name, "document": name.upper(), "summary": name} for name in "abcdef"]


def test_each_summary_is_right_once_and_wrong_as_often_as_each_other():
    pairs = list(claims(ROWS, 2, seed=0))
    assert Counter(pair["label"] for pair in pairs) == {"yes": 6, "no": 12}
    assert all((pair["claim"] == pair["section"].lower()) == (pair["label"] == "yes") for pair in pairs)
    assert set(Counter(pair["claim"] for pair in pairs if pair["label"] == "no").values()) == {2}
    assert len({(pair["section"], pair["claim"]) for pair in pairs}) == 18


def test_the_corpus_is_read_as_pairs(tmp_path):
    for split in ("train", "dev", "test"):
        lines = "".join(json.dumps({**row, "id": f"{split}-{row['id']}"}) + "\n" for row in ROWS)
        (tmp_path / f"{split}.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    write_corpus(tmp_path, tmp_path / "claims", negatives=3)
    config = CorpusConfig(str(tmp_path / "claims"), columns={"section": "first", "claim": "second"})
    corpus = load_corpus(config, kind="pairs")
    assert {name: len(split) for name, split in corpus.splits.items()} == {"train": 24, "validation": 12, "test": 12}
