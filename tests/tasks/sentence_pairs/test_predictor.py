"""Pairs are predicted in order; one whose second text is too long has a reason in place of a prediction."""

import json

import numpy as np
import pytest
import torch
from transformers import pipeline

import nlp_transfer
from nlp_transfer.commands.predict import predict_file
from nlp_transfer.errors import DataError
from nlp_transfer.models.heads.document_pooling import pool
from nlp_transfer.tasks.classification.pipeline import DocumentClassificationPipeline
from tests.tiny_classifiers import save_classifier

PAIRS = [("w1 w2", "w3"), (" ".join(f"w{i % 9}" for i in range(40)), "w4 w5"), ("w6", "w7 w8 w9")]


@pytest.fixture(scope="module", params=["windows", "truncate"])
def folder(request, tmp_path_factory):
    place = tmp_path_factory.mktemp("pairs")
    save_classifier(place)
    config = json.loads((place / "config.json").read_text())
    windows = {"long_documents": "windows", "pooling": "mean", "window_overlap": 0, "max_windows": None}
    record = {"task": "sentence_pairs", "max_length": 16, "pairs": True}
    config["nlp_transfer"] = {**record, **(windows if request.param == "windows" else {})}
    (place / "config.json").write_text(json.dumps(config))
    return place


def test_windows_are_pooled_and_a_cut_pair_is_that_of_transformers(folder):
    predictor = nlp_transfer.load(folder)
    found = predictor.text_logits(PAIRS)
    with torch.no_grad():
        rows = [
            predictor.model(**predictor.tokenizer(*pair, return_tensors="pt")).logits for pair in (PAIRS[0], PAIRS[2])
        ]
        cut = {"truncation": "only_first", "max_length": 16, "return_tensors": "pt"}
        first = predictor.model(**predictor.tokenizer(*PAIRS[1], **cut)).logits
    np.testing.assert_allclose(found[[0, 2]], torch.cat(rows), atol=1e-5)
    if not predictor.reading.in_windows:
        np.testing.assert_allclose(found[1], first[0], atol=1e-5)
        return
    words = PAIRS[1][0].split()  # 16 - 3 special tokens - 2 of the second text: four windows of ten words
    parts = [" ".join(words[start : start + 10]) for start in range(0, 40, 10)]
    with torch.no_grad():
        logits = [
            predictor.model(**predictor.tokenizer(part, PAIRS[1][1], return_tensors="pt")).logits for part in parts
        ]
    expected = pool(torch.cat(logits), torch.zeros(4, dtype=torch.long), torch.full((4,), 10), "mean", 1)
    np.testing.assert_allclose(found[1], expected[0], atol=1e-5)


def test_a_pair_that_cannot_be_read_has_the_reason(folder, tmp_path):
    rows = [{"id": "a", "first": "w1", "second": "w2"}, {"id": "b", "first": "w1", "second": "w2 " * 14}]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert predict_file(str(folder), str(tmp_path / "a.jsonl"), output=str(tmp_path / "b.csv")) == 2
    header, first, second = (tmp_path / "b.csv").read_text().splitlines()
    assert header.startswith("id,predicted,")
    assert header.endswith(",problem")
    assert first.startswith("a,")
    assert second.startswith("b,,")
    assert "the second text has 14 tokens, and is never cut: of max_length 16 it leaves 0 for the first" in second


def test_one_text_is_no_pair(folder):
    with pytest.raises(DataError, match=r"there is no column 'second'; .*Expected \(first, second\) or \(id, first, "):
        nlp_transfer.load(folder).predict(["one text"])
    with pytest.raises(DataError, match=r"row 1 \(id 'x'\): second is empty"):
        nlp_transfer.load(folder).predict([("x", "w1", " ")])


def test_the_pipeline_predicts_the_same(folder):
    made = pipeline("text-classification", model=str(folder), pipeline_class=DocumentClassificationPipeline)
    expected = nlp_transfer.load(folder).predict(PAIRS)
    for (first, second), one in zip(PAIRS, expected, strict=True):
        row = made({"text": first, "text_pair": second}, top_k=None)
        assert {label["label"]: label["score"] for label in row} == pytest.approx(one.probabilities, abs=1e-5)
    with pytest.raises(ValueError, match=r"^This model reads pairs of texts; expected"):
        made("w1")
    with pytest.raises(ValueError, match=r"^This model reads pairs of texts; expected"):
        made({"text": "w1"})
    plain = pipeline("text-classification", model=str(folder), pipeline_class=type(made).__base__)
    assert plain({"text": "w1 w2", "text_pair": "w3"})["score"] == pytest.approx(
        max(expected[0].probabilities.values())
    )
