"""The abstractive task: its settings, its facts, its metrics."""

import pandas as pd
import pytest
from transformers import AutoTokenizer

from nlp_transfer import corpus_from
from nlp_transfer.errors import ConfigError, DataError
from nlp_transfer.tasks import AbstractiveSummarization
from tests.tiny_documents import documents
from tests.tiny_runs import tiny_encoder


def corpus(drop=()):
    sizes = {"train": 6, "validation": 3}
    frames = {name: pd.DataFrame(documents(size, seed=seed)) for seed, (name, size) in enumerate(sizes.items())}
    return corpus_from({name: frame.drop(columns=list(drop)) for name, frame in frames.items()}, kind="documents")


def test_values_out_of_range_are_reported_together():
    with pytest.raises(ConfigError) as caught:
        AbstractiveSummarization(num_beams=0, min_summary_length=200, length_penalty=float("nan"), extractor="x")
    assert caught.value.problems == [
        "task.num_beams is 0; expected 1 or more.",
        "task.min_summary_length is 200, above max_summary_length (128).",
        "task.length_penalty is nan; expected a number.",
        "task.extractor is set, and long_documents is windows; expected extract.",
    ]


def test_only_metrics_of_generated_summaries_select_a_checkpoint():
    assert set(AbstractiveSummarization.metric_names()) == {"loss", "rouge1", "rouge2", "rougeL", "rougeLsum"}


def test_documents_need_summaries():
    with pytest.raises(DataError, match=r"no column 'summary', from which writing is learned\. Name it with"):
        AbstractiveSummarization().fit(corpus(drop=["summary"]))


def test_baselines_have_the_length_of_training_summaries(tmp_path):
    task = AbstractiveSummarization(max_length=64, prefix="w1").fit(corpus())
    mean = float(task.facts["sentences of a training summary, on average"])
    assert task.baseline_sentences == task.settings()["baseline_sentences"] == max(1, round(mean))
    assert (task.selection.length.unit, task.selection.length.size) == ("sentences", task.baseline_sentences)
    tokenizer = AutoTokenizer.from_pretrained(tiny_encoder(tmp_path))
    task.fit_tokenizer(corpus(), tokenizer)
    full = AbstractiveSummarization(max_length=3, prefix="w1 w2 w3").fit(corpus())
    with pytest.raises(ConfigError, match=r"task\.max_length is 3, and special tokens and task\.prefix fill it"):
        full.fit_tokenizer(corpus(), tokenizer)
