"""Numbers are predicted in their units, with intervals where they were fitted."""

import json

import numpy as np
import pytest
import torch

import nlp_transfer
from nlp_transfer.commands.predict import predict_file
from nlp_transfer.errors import CheckpointError
from nlp_transfer.tasks.regression.predictor import NumberPredictor
from tests.tiny_classifiers import random_texts, save_classifier


def save(folder, **record):
    save_classifier(folder, labels=["price", "days"])
    config = json.loads((folder / "config.json").read_text())
    config["problem_type"] = "regression"
    config["nlp_transfer"] = {"task": "regression", "max_length": 16, **record}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def test_numbers_are_the_outputs_of_the_network(tmp_path):
    predictor = nlp_transfer.load(save(tmp_path))
    texts = random_texts(6)
    assert type(predictor) is NumberPredictor
    encoded = predictor.tokenizer(texts, truncation=True, max_length=16, padding=True, return_tensors="pt")
    with torch.no_grad():
        expected = predictor.model(**encoded).logits
    found = [list(one.predicted.values()) for one in predictor.predict(texts)]
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert predictor.predict(texts)[0].row().keys() == {"id", "predicted"}


def test_intervals_and_units_of_the_record(tmp_path):
    widths = {"half_widths": [2.0, None], "scale": [10.0, 1.0], "shift": [100.0, 0.0]}
    plain = nlp_transfer.load(save(tmp_path / "plain")).predict(["w1 w2"])[0]
    predictor = nlp_transfer.load(save(tmp_path / "model", **widths))
    assert predictor.state() == {"max_length": 16, **widths}
    one = predictor.predict(["w1 w2"])[0]
    assert one.predicted["price"] == pytest.approx(10 * plain.predicted["price"] + 100, rel=1e-5)
    assert one.low["price"] == pytest.approx(one.predicted["price"] - 2)
    assert one.high["days"] is None  # JSON has no infinity
    (tmp_path / "a.jsonl").write_text('{"text": "w1 w2"}\n')
    predict_file(str(tmp_path / "model"), str(tmp_path / "a.jsonl"), output=str(tmp_path / "b.csv"))
    assert (tmp_path / "b.csv").read_text().splitlines()[0] == (
        "id,predicted.price,predicted.days,low.price,low.days,high.price,high.days"
    )


def test_numbers_that_are_a_little_off_are_kept(tmp_path):
    predictor = nlp_transfer.load(save(tmp_path, scale=[1000.0, 1.0], shift=[0.0, 0.0]))
    expected = np.array([[0.0, 5.0], [2.0, 5.0], [4.0, 5.0]])  # deviations 1633 and 0
    moved = np.array([[0.08, 0.0], [0.09, 0.0], [0.0, 0.0004]])  # of which 82 and 0.0005 are allowed
    assert predictor.keeps(["a"] * 3, expected, expected + moved) == [True, False, True]
    small = expected * 1e-9  # numbers of a small unit are judged by their own deviation
    assert predictor.keeps(["a"] * 3, small, small + moved * 1e-9) == [True, False, True]
    assert predictor.keeps(["a"] * 3, small, small[::-1]) == [False, True, False]


def test_models_of_another_kind_are_refused(tmp_path):
    save_classifier(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["nlp_transfer"]["task"] = "regression"
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match=r": this model is no regression: config\.json names classes\.$"):
        nlp_transfer.load(tmp_path)
    with pytest.raises(CheckpointError, match=r"half_widths is \[1\], for 2 numbers"):
        nlp_transfer.load(save(tmp_path / "b", half_widths=[1]))
