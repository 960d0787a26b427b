"""What all classifiers predict from logits."""

import numpy as np
import pytest

from nlp_transfer.errors import CheckpointError, ConfigError
from nlp_transfer.tasks import saved_models
from nlp_transfer.tasks.classification.predictor import ClassificationPredictor, check_count


class Config:
    """The configuration of a network."""

    def __init__(self, problem_type: str, num_labels: int) -> None:
        self.problem_type, self.num_labels = problem_type, num_labels


def test_a_number_is_no_class() -> None:
    with pytest.raises(CheckpointError, match=r"^this model is no classifier: it gives numbers \(regression\)\.$"):
        ClassificationPredictor.read_record({}, ["a", "b"], Config("regression", 2))
    with pytest.raises(CheckpointError, match=r"it gives a number"):
        ClassificationPredictor.read_record({}, ["a"], Config("single_label_classification", 1))
    own = ClassificationPredictor.read_record({}, ["a"], Config("multi_label_classification", 1))
    assert own["decision"].multi_label


def test_an_option_that_is_no_count_is_refused() -> None:
    for value in (0, -1, 1.5, True):
        with pytest.raises(
            ConfigError, match=rf"^top_k \(--top_k\) is {value!r}; expected a whole number of at least 1"
        ):
            check_count("top_k", value)
    check_count("top_k", None)
    check_count("top_k", 3)


def test_the_most_probable_classes_come_first(tiny_classifier) -> None:
    predictor = saved_models.load(tiny_classifier).with_options(top_k=2)
    (made,) = predictor.described(["a"], np.array([[0.0, 2.0, 1.0]], np.float32))
    assert made.id == "a"
    assert list(made.probabilities) == [predictor.label_names[1], predictor.label_names[2]]
    assert made.predicted == predictor.label_names[1]
