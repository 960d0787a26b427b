"""The predictor of an ordinal classifier names the median class."""

import json

import nlp_transfer
from nlp_transfer.tasks.ordinal_classification.predictor import OrdinalPredictor
from tests.tiny_classifiers import LABELS, random_texts, save_classifier


def test_the_median_class_is_predicted(tmp_path):
    save_classifier(tmp_path)
    plain = nlp_transfer.load(tmp_path).predict(random_texts(40))
    config = json.loads((tmp_path / "config.json").read_text())
    config["nlp_transfer"] |= {"task": "ordinal_classification", "ordered": True}
    (tmp_path / "config.json").write_text(json.dumps(config))
    predictor = nlp_transfer.load(tmp_path)
    assert type(predictor) is OrdinalPredictor
    assert predictor.state()["ordered"] is True
    found = predictor.predict(random_texts(40))
    assert [one.probabilities for one in found] == [one.probabilities for one in plain]
    assert [one.predicted for one in found] != [one.predicted for one in plain]
    for one in found:
        below, place = 0.0, LABELS.index(one.predicted)
        for name in LABELS[:place]:
            below += one.probabilities[name]
        assert below < 0.5 <= below + one.probabilities[one.predicted] + 1e-9
