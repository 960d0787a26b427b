"""A saved token classifier: its windows, its corpus, its scores."""

import json

import numpy as np
import pandas as pd
import pytest
from transformers import AutoTokenizer

from nlp_transfer import CorpusConfig, corpus_from, load
from nlp_transfer.errors import CheckpointError, DataError
from nlp_transfer.models.reference import ModelReference
from nlp_transfer.tasks import TokenClassification, saved_models
from tests.tiny_entities import entities
from tests.tiny_runs import tiny_encoder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("entities")
    frame = pd.DataFrame(entities(12))
    corpus = corpus_from({"train": frame, "validation": frame.assign(id=frame["id"] + "v")}, kind="entities")
    task = TokenClassification(max_length=12, overlap=3).fit(corpus)
    encoder = tiny_encoder(root / "encoder")
    record = {"task": task.name, **task.settings()}
    model = task.build_model(ModelReference(str(encoder))).model
    saved_models.save(model, AutoTokenizer.from_pretrained(encoder), root / "model", record=record, cut_at=None)
    return root / "model"


def test_long_texts_give_one_logit_a_token_whatever_the_windows(folder):
    predictor = load(folder)
    texts = [row["text"] for row in entities(6, length=9)]
    logits = predictor.text_logits([*texts, ""])
    assert [len(own) for own in logits] == [*(len(text.split()) for text in texts), 0]
    alone = predictor.text_logits(texts[:1], max_tokens=1)[0]
    assert np.allclose(logits[0], alone, atol=1e-5)
    (empty,) = predictor.predict(["\u00e9"])
    assert isinstance(empty.entities, list)


def test_a_corpus_has_the_classes_of_the_model(folder, tmp_path):
    predictor = load(folder)
    path = tmp_path / "test.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in entities(8, seed=4)))
    corpus = predictor.load_corpus(CorpusConfig(str(path)))
    found = predictor.evaluate(corpus.splits["test"])
    assert found.metrics["rows"] == 8
    assert 0 <= found.metrics["entity_f1_low"] <= found.metrics["entity_f1"]
    assert [section.title for section in found.sections] == ["Entities"]
    assert [row["id"] for row in found.rows] == [row["id"] for row in entities(8, seed=4)]
    path.write_text(json.dumps({"text": "use copy", "spans": [[0, 3, "OTHER"]]}))
    with pytest.raises(DataError, match="OTHER"):
        predictor.load_corpus(CorpusConfig(str(path)))


def test_a_model_without_settings_is_refused(folder, tmp_path):
    config = json.loads((folder / "config.json").read_text())
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    config["nlp_transfer"] = {"task": "token_classification", "max_length": 12}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(
        CheckpointError, match=r"is not a trained token classifier: its config\.json lacks how it reads"
    ):
        load(tmp_path)
