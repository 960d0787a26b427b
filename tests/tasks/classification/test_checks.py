"""All bad values of a task are named at once."""

from nlp_transfer.tasks.classification.checks import value_problems
from nlp_transfer.tasks.sequence_classification.task import SequenceClassification


def test_all_problems_are_named() -> None:
    task = SequenceClassification()
    assert [*task.input_problems(), *value_problems(task)] == []
    for name, value in {
        "max_length": 2,
        "pooling": "sum",
        "class_weights": "even",
        "focal_gamma": -1.0,
        "label_smoothing": 1.0,
    }.items():
        object.__setattr__(task, name, value)
    assert [*task.input_problems(), *value_problems(task)] == [
        "task.max_length is 2; a text needs at least 3 tokens.",
        "task.pooling: Unknown pooling 'sum'. Poolings: mean, first_and_mean, max, top_k.",
        "task.pooling, task.max_windows and task.train_windows take effect with task.long_documents: windows only.",
        "task.class_weights is 'even'; expected 'balanced' or a weight by class name.",
        "task.focal_gamma is -1.0; expected 0 or more.",
        "task.label_smoothing is 1.0; expected 0 <= value < 1.",
    ]
