"""The task of pairs: whole runs, their baselines and reports, and rows that do not fit."""

import gzip
import json

import pandas as pd
import pytest
from transformers import AutoTokenizer

from nlp_transfer import corpus_from, load
from nlp_transfer.config.experiment import load_config
from nlp_transfer.errors import DataError
from nlp_transfer.runner import run
from nlp_transfer.tasks import SentencePairs
from tests.tiny_pairs import claims, pair_tree, pairs, write_claims
from tests.tiny_runs import tiny_encoder


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return tiny_encoder(tmp_path_factory.mktemp("encoder"))


def test_the_first_text_is_read_in_windows_beside_the_second(encoder):
    corpus = corpus_from({"train": pd.DataFrame(claims(6))}, kind="pairs")
    tokenizer = AutoTokenizer.from_pretrained(encoder)
    task = SentencePairs(max_length=16, window_overlap=0).fit(corpus)
    row = task.encode(corpus, tokenizer)["train"][0]
    assert max(row["window_ids"]) > 1
    assert tokenizer.decode(row["input_ids"]).count("[SEP] the dedicate work [SEP]") == max(row["window_ids"])
    cut = SentencePairs(max_length=16, long_documents="truncate").fit(corpus).encode(corpus, tokenizer)["train"]
    assert "window_ids" not in cut.column_names
    assert cut[0]["truncated"]
    assert tokenizer.decode(cut[0]["input_ids"]).endswith("[SEP] the dedicate work [SEP]")


def test_a_second_text_that_is_too_long_is_named_by_its_row(encoder):
    rows = claims(6)
    rows[3]["second"] = "use " * 12
    corpus = corpus_from({"train": pd.DataFrame(rows)}, kind="pairs")
    with pytest.raises(DataError, match=r"^Row 'row0-3': the second text has 12 tokens.* Raise task\.max_length"):
        SentencePairs(max_length=16).fit(corpus).encode(corpus, AutoTokenizer.from_pretrained(encoder))


def test_a_run_learns_from_both_texts(encoder, tmp_path):
    tree = pair_tree(
        encoder, write_claims(tmp_path / "pairs", (48, 18, 24), pairs), tmp_path / "run", num_train_epochs=6
    )
    report = run(load_config(tree={**tree, "report_examples": 2}))
    scores = report.metrics["source"]["test"]
    assert set(report.baselines) == {"majority", "hypothesis_only", "tfidf_cosine"}
    assert scores["macro_f1"] > report.baselines["hypothesis_only"]["source"]["test"]["macro_f1"] + 0.2
    text = (tmp_path / "run" / "report.md").read_text()
    assert "24 pairs" in text
    assert "| first | second | label | predicted | confidence |" in text or "0 of 0" in text
    assert "no first text is an exact copy of a training first text." in text or "first texts are exact copies" in text
    with gzip.open(tmp_path / "run" / "predictions.jsonl.gz", "rt") as lines:
        assert list(json.loads(next(lines))) == ["id", "split", "domain", "label", "predicted", "probabilities"]
    rows = pairs(24, seed=2)
    predicted = load(tmp_path / "run").predict(rows)
    right = [one.predicted == row["label"] for one, row in zip(predicted, rows, strict=True)]
    assert sum(right) / len(right) == pytest.approx(scores["accuracy"])


@pytest.mark.parametrize("method", ["frozen_encoder", "lora", "coral", "target_mlm", "few_shot"])
def test_methods_go_with_pairs(method, encoder, tmp_path):
    tree = pair_tree(encoder, write_claims(tmp_path / "claims"), tmp_path / "run", num_train_epochs=1)
    if method == "target_mlm":
        tree["task"]["long_documents"] = "truncate"
    if method in ("coral", "target_mlm"):
        target = write_claims(tmp_path / "target", (6, 6, 12))
        for file in target.iterdir():
            unlabelled = [{k: v for k, v in json.loads(line).items() if k != "label"} for line in file.open()]
            file.write_text("".join(json.dumps(row) + "\n" for row in unlabelled))
        tree |= {"target": {"path": str(target)}, "methods": ["full_fine_tuning", method]}
    else:
        tree |= {"methods": [method]}
    report = run(load_config(tree={**tree, "baselines": []}))
    assert 0 <= report.metrics["source"]["test"]["macro_f1"] <= 1
