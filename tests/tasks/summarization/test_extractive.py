"""The extractive task: its settings, its labels, its metrics."""

import numpy as np
import pandas as pd
import pytest
from transformers import AutoTokenizer

from nlp_transfer import corpus_from
from nlp_transfer.errors import ConfigError, DataError
from nlp_transfer.tasks import ExtractiveSummarization
from tests.tiny_documents import documents
from tests.tiny_runs import tiny_encoder


def corpus(drop=()):
    sizes = {"train": 6, "validation": 3}
    frames = {name: pd.DataFrame(documents(size, seed=seed)) for seed, (name, size) in enumerate(sizes.items())}
    return corpus_from({name: frame.drop(columns=list(drop)) for name, frame in frames.items()}, kind="documents")


def test_values_out_of_range_are_reported_together():
    with pytest.raises(ConfigError) as caught:
        ExtractiveSummarization(overlap=500, supervision="x", length_unit="share", length=2)  # type: ignore[arg-type]
    assert [problem.split()[0] for problem in caught.value.problems] == [
        "task.overlap",
        "task.supervision:",
        "task.length",
    ]
    assert ExtractiveSummarization(max_length=100).repeated_tokens == 25


def test_documents_need_what_is_learned():
    with pytest.raises(DataError, match=r"no column 'summary' or 'highlights', which shows the model what a summary "):
        ExtractiveSummarization().fit(corpus(drop=["summary"]))
    with pytest.raises(DataError, match=r"no column 'highlights'.*Name it with source\.columns: \{theirs: highlights"):
        ExtractiveSummarization(supervision="highlights").fit(corpus())


def test_perfect_logits_select_the_labelled_sentences(tmp_path):
    made = corpus()
    task = ExtractiveSummarization(max_length=64).fit(made)
    assert task.facts == {"sentences are labelled by": "greedy ROUGE against the summary"}
    encoded = task.encode(made, AutoTokenizer.from_pretrained(tiny_encoder(tmp_path)))["validation"]
    width = max(map(len, encoded["labels"]))
    labels = np.array([row + [-100] * (width - len(row)) for row in encoded["labels"]])
    scores = task.score(np.where(labels == 1, 20.0, -20.0), labels, rows=encoded)
    assert scores["loss"] == pytest.approx(0, abs=1e-6)
    assert (scores["rows"], scores["recall"], scores["average_precision"]) == (3, 1.0, 1.0)
    assert task.config.headline_metrics(scores) == ["rouge1"]
    assert task.config.headline_metrics({"f1": 0.5}) == ["f1"]
    assert task.settings() == {
        "overlap": 16,
        "max_length": 64,
        "length_unit": "sentences",
        "length": 3,
        "block_trigrams": True,
    }
