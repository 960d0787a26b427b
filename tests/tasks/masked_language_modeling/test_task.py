"""The settings of masked language modeling, the words that it adds, and its headline."""

import pandas as pd
import pytest
from transformers import AutoTokenizer

from nlp_transfer import corpus_from
from nlp_transfer.errors import CheckpointError, ConfigError
from nlp_transfer.tasks import MaskedLanguageModeling
from tests.tiny_runs import rows, tiny_encoder


def test_values_out_of_range_are_reported_together():
    with pytest.raises(ConfigError) as caught:
        MaskedLanguageModeling(max_length=2, mask_probability=1, num_new_tokens=-1, min_frequency=0)
    assert [problem.split()[0] for problem in caught.value.problems] == [
        "task.max_length",
        "task.mask_probability",
        "task.num_new_tokens",
        "task.min_frequency",
    ]


def test_a_tokenizer_without_mask_token_is_refused(tmp_path):
    corpus = corpus_from({"train": pd.DataFrame(rows(6)), "validation": pd.DataFrame(rows(3, seed=1))})
    tokenizer = AutoTokenizer.from_pretrained(tiny_encoder(tmp_path))
    task = MaskedLanguageModeling().fit(corpus)
    task.fit_tokenizer(corpus, tokenizer)
    assert (task.facts, task.cut_at, task.max_length) == ({}, None, 512)
    tokenizer.mask_token = None
    with pytest.raises(ConfigError, match="needs a tokenizer with a mask token; this one has none"):
        task.fit_tokenizer(corpus, tokenizer)


def test_the_headline_compares_with_the_model_before_training():
    scores = {"masked_tokens": 1200, "perplexity": 5.0, "perplexity_low": 4.0, "perplexity_high": 6.0}
    assert MaskedLanguageModeling.headline("source test", scores, {"before training": {"perplexity": 9.0}}) == (
        "On 1,200 masked tokens of source test the model's perplexity is 5.00 (95 % interval 4.00 to 6.00); "
        "9.00 before training."
    )
    before = {"perplexity": 9.0, "perplexity_gain_low": -4500.5, "perplexity_gain_high": 0.25}
    headline = MaskedLanguageModeling.headline("source test", scores, {"before training": before})
    assert headline.endswith("; 9.00 before training (95 % interval of the difference -4,500 to +0.25).")


def test_nothing_is_predicted_with_it():
    with pytest.raises(CheckpointError, match=r"^A model of masked_language_modeling predicts nothing by itself\."):
        MaskedLanguageModeling.predictor_class()
