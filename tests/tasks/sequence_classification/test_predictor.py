"""The predictor of texts is that of the task, and of folders of plain transformers."""

from nlp_transfer.tasks import SequenceClassification, saved_models
from nlp_transfer.tasks.sequence_classification.predictor import TextPredictor


def test_it_is_the_predictor_of_the_task(tiny_classifier):
    assert SequenceClassification.predictor_class() is TextPredictor
    assert type(saved_models.load(tiny_classifier)) is TextPredictor
    assert (TextPredictor.task, TextPredictor.kind) == ("sequence_classification", "texts")
