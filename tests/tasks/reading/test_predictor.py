"""Logits of texts are the same however rows are batched, and encoded rows have those of their texts."""

import numpy as np
import pytest
from datasets import Dataset

from nlp_transfer.errors import CheckpointError
from nlp_transfer.tasks import saved_models
from nlp_transfer.tasks.reading.predictor import token_rows
from tests.tiny_classifiers import random_texts, save_classifier


def test_logits_of_a_split_are_those_of_its_texts(tmp_path):
    predictor = saved_models.load(save_classifier(tmp_path))
    texts = random_texts(9)
    split = Dataset.from_dict({"id": [str(i) for i in range(9)], "text": texts})
    coverage = predictor.coverage()
    logits, columns = predictor.split_logits(split, coverage, None)
    np.testing.assert_allclose(logits, predictor.text_logits(texts, max_tokens=20), atol=1e-5)
    assert coverage.texts == 9
    assert all(read <= whole for read, whole in zip(columns["read"], columns["text_length"], strict=True))


def test_rows_have_types_where_they_are_encoded():
    assert list(token_rows({"input_ids": [[1, 2]]})) == [{"input_ids": [1, 2]}]
    typed = {"input_ids": [[1, 2]], "token_type_ids": [[0, 1]], "read": [2]}
    assert list(token_rows(typed)) == [{"input_ids": [1, 2], "token_type_ids": [0, 1]}]


def test_a_damaged_record_is_refused(tmp_path):
    import json

    save_classifier(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["nlp_transfer"] |= {"long_documents": "windows", "pooling": "median"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match=r"the settings in its config\.json cannot be read .*Save the model anew"):
        saved_models.load(tmp_path)
