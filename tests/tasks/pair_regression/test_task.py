"""Numbers of pairs are learned beside both texts, reported, saved and predicted."""

import json

import numpy as np
import pytest
from transformers import pipeline

import nlp_transfer
from nlp_transfer.config.experiment import load_config
from nlp_transfer.errors import DataError
from nlp_transfer.runner import run
from tests.tiny_numbers import number_pairs, number_tree, write_number_pairs
from tests.tiny_runs import tiny_encoder


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pairs")
    encoder, corpus = tiny_encoder(folder / "encoder"), write_number_pairs(folder / "corpus")
    tree = number_tree(encoder, corpus, folder / "run", num_train_epochs=14)
    task = {
        "name": "pair_regression",
        "max_length": 24,
        "window_overlap": 4,
        "decision": {"intervals": {"coverage": 0.8}},
    }
    return folder / "run", run(load_config(tree={**tree, "task": task}))


def test_the_model_is_beside_its_baselines(trained):
    _, report = trained
    scores = report.metrics["source"]["test"]
    assert scores["rows"] == 24
    assert scores["r2"] > 0.3
    assert set(report.baselines) == {"mean", "hypothesis_only", "tfidf_cosine"}
    assert abs(report.baselines["mean"]["source"]["test"]["r2"]) < 0.2
    assert scores["r2"] > report.baselines["hypothesis_only"]["source"]["test"]["r2"]


def test_the_predictions_are_those_of_the_run(trained):
    folder, _ = trained
    import gzip

    with gzip.open(folder / "predictions.jsonl.gz", "rt") as lines:
        saved = {row["id"]: row for row in map(json.loads, lines) if row["split"] == "test"}
    pairs = [(row["id"], row["first"], row["second"]) for row in number_pairs(24, seed=2)]
    for one in nlp_transfer.load(folder).predict(pairs):
        assert one.predicted == pytest.approx(saved[one.id]["predicted"], rel=1e-4, abs=1e-2)
        assert one.low < one.predicted < one.high


def test_a_registered_pipeline_gives_the_same_number(trained):
    folder, _ = trained
    nlp_transfer.register_pipelines()
    read = pipeline("text-classification", model=str(folder / "model"), function_to_apply="none")
    first, second = number_pairs(1, seed=2)[0]["first"], number_pairs(1, seed=2)[0]["second"]
    (ours,) = nlp_transfer.load(folder).predict([(first, second)])
    theirs = read({"text": first, "text_pair": second})
    score = theirs[0]["score"] if isinstance(theirs, list) else theirs["score"]
    assert score == pytest.approx(ours.predicted, rel=1e-4)


def test_a_second_text_that_leaves_no_room_has_a_reason(trained):
    folder, _ = trained
    (made,) = nlp_transfer.load(folder).predict([("notice copy work", "notice " * 40)])
    assert "leave" in made.problem or "room" in made.problem


def test_rows_without_a_second_text_or_a_number_are_named(tmp_path):
    rows = number_pairs(4)
    del rows[1]["second"]
    rows[2]["value"] = "much"
    (tmp_path / "train.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    with pytest.raises(DataError) as error:
        nlp_transfer.load_corpus(nlp_transfer.CorpusConfig(str(tmp_path)), kind="number_pairs")
    text = str(error.value)
    assert "second is missing" in text
    assert "value is 'much', no finite number" in text


def test_labels_are_numbers_of_both_texts():
    rows = number_pairs(6)
    assert {row["value"] % 100 for row in rows} == {0.0, 50.0}
    assert np.ptp([row["value"] for row in rows]) > 0
