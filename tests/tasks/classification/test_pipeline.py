"""The pipeline reads a document as the predictor does."""

import json
from pathlib import Path
from typing import Any

import pytest
from transformers import pipeline

import nlp_transfer
from nlp_transfer.tasks.classification.pipeline import DocumentClassificationPipeline
from tests.tiny_classifiers import save_classifier

TEXTS = ["w1 w2", " ".join(f"w{i % 9}" for i in range(40)), " ".join(f"w{i % 5}" for i in range(90))]


def save(folder: Path, **record: Any) -> str:
    save_classifier(folder)
    config = json.loads((folder / "config.json").read_text())
    config["nlp_transfer"] = {"task": "sequence_classification", "max_length": 12, **record}
    (folder / "config.json").write_text(json.dumps(config))
    return str(folder)


@pytest.mark.parametrize("pooling", ["mean", "first_and_mean", "top_k"])
@pytest.mark.parametrize("batch_size", [1, 3])
def test_windows_are_read_and_pooled(tmp_path: Path, pooling: str, batch_size: int) -> None:
    folder = save(tmp_path, long_documents="windows", pooling=pooling, window_overlap=2, max_windows=None)
    made = pipeline("text-classification", model=folder, pipeline_class=DocumentClassificationPipeline)
    expected = nlp_transfer.load(folder).predict(TEXTS)
    for row, one in zip(made(TEXTS, top_k=None, batch_size=batch_size), expected, strict=True):
        assert {label["label"]: label["score"] for label in row} == pytest.approx(one.probabilities, abs=1e-5)
    assert made(TEXTS[2])[0]["label"] == expected[2].predicted
    assert made({"text": TEXTS[2]}) == made(TEXTS[2])[0]


def test_texts_are_cut_at_the_length_of_the_training(tmp_path: Path) -> None:
    folder = save(tmp_path)
    made = pipeline("text-classification", model=folder, pipeline_class=DocumentClassificationPipeline)
    expected = nlp_transfer.load(folder).predict(TEXTS)
    assert [one["score"] for one in made(TEXTS)] == pytest.approx(
        [max(one.probabilities.values()) for one in expected], abs=1e-5
    )


def test_options_of_the_tokenizer_are_those_of_transformers(tmp_path: Path) -> None:
    folder = save(tmp_path, long_documents="windows")
    made = pipeline("text-classification", model=folder, pipeline_class=DocumentClassificationPipeline)
    plain = pipeline("text-classification", model=folder, pipeline_class=type(made).__base__)
    options = {"truncation": True, "max_length": 12, "top_k": None}
    assert made(TEXTS[2], **options) == plain(TEXTS[2], **options)
    pair = {"text": "w1", "text_pair": "w2"}
    assert made(pair) == plain(pair)
