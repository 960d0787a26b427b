"""The predictor of texts is that of the task, and of folders of plain transformers; it corrects a set of texts."""

from dataclasses import replace

import numpy as np
import pytest
from datasets import Dataset
from scipy.special import softmax

from nlp_transfer.data import text_rows
from nlp_transfer.errors import ConfigError, DataError
from nlp_transfer.tasks import SequenceClassification, saved_models
from nlp_transfer.tasks.sequence_classification.predictor import TextPredictor
from nlp_transfer.tasks.sequence_classification.transduction import MIN_TEXTS, transductive_logits
from nlp_transfer.tasks.sequence_classification.transduction_section import TITLE
from tests.logged import logged
from tests.tiny_classifiers import LABELS, random_texts, save_classifier


def test_it_is_the_predictor_of_the_task(tiny_classifier):
    assert SequenceClassification.predictor_class() is TextPredictor
    assert type(saved_models.load(tiny_classifier)) is TextPredictor
    assert (TextPredictor.task, TextPredictor.kind) == ("sequence_classification", "texts")


TEXTS = random_texts(MIN_TEXTS, seed=3)


def test_transductive_predictions_are_those_of_all_texts_together(tiny_classifier, monkeypatch):
    monkeypatch.setattr(text_rows, "MAX_WINDOW_ROWS", 64)
    classifier = saved_models.load(tiny_classifier)
    rows = [*enumerate(TEXTS[:10]), ("bad", text_rows.BadText("is empty")), *enumerate(TEXTS[10:], start=10)]
    made = list(classifier.configured({"transductive": True}).predictions(rows))
    assert [one.id for one in made] == [row_id for row_id, _ in rows]
    assert made.pop(10).row() == {"id": "bad", "problem": "is empty"}
    expected = softmax(transductive_logits(TEXTS, classifier.text_logits(TEXTS)), axis=1)
    np.testing.assert_allclose([list(one.probabilities.values()) for one in made], expected, atol=1e-4)
    assert [one.predicted for one in made] == [LABELS[i] for i in expected.argmax(1)]
    alone = [one.predicted for one in classifier.predict(TEXTS)]
    assert [one.predicted for one in made] != alone


def test_a_generator_of_texts_is_read_whole_before_the_first_prediction(tiny_classifier):
    read = []

    def texts():
        for text in TEXTS:
            read.append(text)
            yield text

    assert next(saved_models.load(tiny_classifier).predict(texts(), transductive=True)).id == 0
    assert len(read) == MIN_TEXTS


def test_an_evaluation_has_the_scores_without_correction_beside_it(tiny_classifier):
    classifier = saved_models.load(tiny_classifier)
    labels = [LABELS.index(str(one.predicted)) for one in classifier.predict(TEXTS)]
    rows = Dataset.from_dict({"id": [str(i) for i in range(MIN_TEXTS)], "text": TEXTS, "label": labels})
    made = classifier.configured({"transductive": True}).evaluate(rows)
    inductive = made.baselines["inductive"]
    assert inductive["accuracy"] == inductive["macro_f1"] == 1.0
    assert inductive["macro_f1_gain_low"] < inductive["macro_f1_gain_high"] < 0
    corrected = transductive_logits(TEXTS, classifier.text_logits(TEXTS)).argmax(1)
    assert made.metrics["accuracy"] == (corrected == labels).mean() < 1
    assert classifier.evaluate(rows).baselines == {} and classifier.evaluate(rows).sections[0].title != TITLE
    assert (
        made.sections[0].title == TITLE
        and "`inductive` is the model without it." in made.sections[0].blocks[0].markdown
    )


def test_what_cannot_be_corrected_is_refused(tiny_classifier, tmp_path, monkeypatch):
    classifier = saved_models.load(tiny_classifier)
    with pytest.raises(DataError, match=r"^--transductive needs 500 texts, and there are 499\. Leave it out, or give"):
        classifier.predict(TEXTS[1:], transductive=True)
    monkeypatch.setattr(TextPredictor, "row_logits", lambda *_, **__: pytest.fail("computed"))
    with pytest.raises(DataError, match=r"^--transductive needs 500 texts, and there are 1\."):
        classifier.configured({"transductive": True}).evaluate(Dataset.from_dict({"text": ["w1"]}))
    promising = replace(classifier, decision=replace(classifier.decision, accept_from=0.9))
    several = saved_models.load(save_classifier(tmp_path, multi_label=True))
    for one, problem in (
        (promising, "promises a precision or a coverage, which hold for its own probabilities alone. Leave it out."),
        (several, "gives a text any number of labels, and words correct one label a text. Leave it out."),
    ):
        with pytest.raises(ConfigError) as caught:
            one.predict(TEXTS, transductive=True)
        assert problem in str(caught.value)


def test_windows_that_decided_are_not_those_of_a_corrected_prediction(tmp_path):
    classifier = saved_models.load(save_classifier(tmp_path))
    in_windows = replace(classifier, reading=replace(classifier.reading, long_documents="windows"))
    with pytest.raises(ConfigError, match=r"^--windows names what decided in the network alone\. Leave it out, or the"):
        in_windows.predict(TEXTS, windows=1, transductive=True)


def test_the_network_alone_decides_by_costs_too(tiny_classifier):
    classifier = saved_models.load(tiny_classifier).configured({"transductive": True})
    costs = 1 - np.eye(3)
    costs[0, 1:] = 50.0
    priced = replace(classifier, decision=replace(classifier.decision, costs=costs))
    rows, logits = Dataset.from_dict({"text": TEXTS}), classifier.text_logits(TEXTS)
    (chosen,) = priced.others(rows, logits).values()
    assert chosen.tolist() == (softmax(logits, axis=1) @ costs).argmin(axis=1).tolist()
    assert chosen.tolist() != logits.argmax(axis=1).tolist()


def test_long_texts_are_warned_of(tiny_classifier):
    with logged() as lines:
        saved_models.load(tiny_classifier).predict(["w1 " * 40, *TEXTS], transductive=True)
    assert any("texts are longer than the model reads" in line for line in lines)
