"""Predictions keep the order, equal those of plain transformers, and stop in words at what is bad."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nlp_transfer.data import source, text_rows
from nlp_transfer.errors import CheckpointError, ConfigError
from nlp_transfer.files import json_line
from nlp_transfer.models.speed import unpadding
from nlp_transfer.tasks import saved_models
from nlp_transfer.tasks.classification.class_prediction import ClassPrediction
from tests.tiny_classifiers import LABELS, MAX_LENGTH, WORDS, random_texts, save_classifier


def read(path: Path) -> list[dict[str, Any]]:
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [json.loads(line) for line in content.splitlines()]


def write_texts(path: Path, texts: list[str]) -> str:
    path.write_text("".join(f"{text}\n" for text in texts))
    return str(path)


@pytest.mark.parametrize("model_type", ["roberta", "modernbert", "deberta-v2"])
def test_batches_change_nothing(model_type: str, tmp_path: Path) -> None:
    classifier = saved_models.load(save_classifier(tmp_path, model_type=model_type))
    texts = random_texts(12, seed=4)
    together = classifier.decision.probabilities(classifier.text_logits(texts))
    alone = classifier.decision.probabilities(
        np.concatenate([classifier.text_logits([text], max_tokens=1) for text in texts])
    )
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_five_thousand_rows_keep_their_order(tiny_classifier: Path) -> None:
    classifier = saved_models.load(tiny_classifier)
    texts = random_texts(5000, seed=1, longest=12)
    rows = list(classifier.predict(((f"r{index}", text) for index, text in enumerate(texts))))
    assert [row.id for row in rows] == [f"r{index}" for index in range(5000)]
    encoded = classifier.tokenizer(texts, truncation=True, max_length=MAX_LENGTH, padding=True, return_tensors="pt")
    with torch.inference_mode():
        parts = [
            classifier.model(**{name: tensor[start : start + 500] for name, tensor in encoded.items()}).logits
            for start in range(0, 5000, 500)
        ]
    expected = torch.cat(parts).softmax(-1).numpy()
    np.testing.assert_allclose([list(row.probabilities.values()) for row in rows], expected, atol=1e-5)
    assert [LABELS.index(str(row.predicted)) for row in rows] == expected.argmax(-1).tolist()


@pytest.mark.parametrize("max_tokens", [32, None])
def test_batches_hold_as_many_tokens_as_they_may(
    max_tokens: int | None, tiny_classifier: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nlp_transfer.models.speed.batching.CPU_MAX_TOKENS", 32)
    classifier = saved_models.load(tiny_classifier)
    shapes: list[tuple[int, int]] = []
    monkeypatch.setattr(unpadding, "_reason_against", lambda model: None)  # it looks at a batch of its own
    classifier.model.register_forward_pre_hook(
        lambda module, args, kwargs: shapes.append(tuple(kwargs["input_ids"].shape)), with_kwargs=True
    )
    classifier.text_logits(["w1 w2 w3 w4 w5 w6"] * 7 + [" ".join(WORDS[:50])] * 2, max_tokens=max_tokens)
    assert shapes == [(2, 16), (4, 8), (3, 8)]


def test_rows_are_read_a_window_at_a_time(tiny_classifier: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_rows, "MAX_WINDOW_ROWS", 4)
    monkeypatch.setattr(source, "MAX_BATCH_ROWS", 4)
    read_rows: list[int] = []

    def rows() -> Any:
        for index in range(10):
            read_rows.append(index)
            yield index, "w1"

    predictions = saved_models.load(tiny_classifier).predict(rows())
    assert next(predictions).id == 0
    assert read_rows == [0, 1, 2, 3, 4]  # one ahead


def test_a_line() -> None:
    one = ClassPrediction(3, "red", {"red": 0.7000000001, "green": 0.1, "blü": 0.1999999999})
    assert json_line(one.row()) == (
        '{"id": 3, "predicted": "red", "probabilities": {"red": 0.7, "green": 0.1, "blü": 0.2}}\n'.encode()
    )


def test_the_most_probable_classes(tiny_classifier: Path) -> None:
    classifier = saved_models.load(tiny_classifier)
    (whole,), (short,) = (classifier.predict([(0, "w1 w2")], **given) for given in ({}, {"top_k": 2}))
    ranked = sorted(whole.row()["probabilities"].items(), key=lambda item: -item[1])
    assert list(short.row()["probabilities"].items()) == ranked[:2]
    assert whole.row()["predicted"] == short.row()["predicted"] == ranked[0][0]
    with pytest.raises(ConfigError, match=r"top_k \(--top_k\) is -1; expected a whole number of at least 1\."):
        classifier.predict([], top_k=-1)


def test_an_id_that_utf8_cannot_hold_stays_json() -> None:
    line = json_line(ClassPrediction("a\ud83d", [], {"x": 0.1}).row())
    assert json.loads(line) == {"id": "a\ud83d", "predicted": [], "probabilities": {"x": 0.1}}
    assert json.loads(json_line(ClassPrediction(float("nan"), "x", {"x": 1.0}).row()))["id"] is None


def test_ruined_weights_are_told_in_words(tiny_classifier: Path) -> None:
    classifier = saved_models.load(tiny_classifier)
    with torch.no_grad():
        classifier.model.classifier.bias[0] = float("nan")
    with pytest.raises(CheckpointError, match=r"gives outputs that are not finite: its weights are ruined"):
        classifier.text_logits(["w1"])


def test_a_row_has_what_was_decided_and_ends_with_the_probabilities():
    made = ClassPrediction(1, "a", {"a": 1.0}, decision="predict", set=["a"], expected_cost=0.5)
    assert list(made.row()) == ["id", "predicted", "decision", "set", "expected_cost", "probabilities"]
    assert list(ClassPrediction(1, "a", {"a": 1.0}).row()) == ["id", "predicted", "probabilities"]
