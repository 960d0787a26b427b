"""Check the values of a sequence classification task."""

import math
from typing import Any

from nlp_transfer.models.size_limits import size_problems
from nlp_transfer.tasks.classification.long_documents import LongDocuments


def value_problems(task: Any) -> list[str]:
    """Return a sentence for each bad value of a `SequenceClassification`."""
    problems = size_problems("task.", vars(task))
    if task.max_length < 3:
        problems.append(f"task.max_length is {task.max_length}; a text needs at least 3 tokens.")
    problems += LongDocuments.of(task).problems()
    if isinstance(task.class_weights, str) and task.class_weights != "balanced":
        problems.append(f"task.class_weights is {task.class_weights!r}; expected 'balanced' or a weight by class name.")
    weights = task.class_weights.values() if isinstance(task.class_weights, dict) else ()
    if not all(0 <= weight < math.inf for weight in weights):
        problems.append(f"task.class_weights is {task.class_weights}; expected weights of 0 or more.")
    if not 0 <= task.focal_gamma < math.inf:
        problems.append(f"task.focal_gamma is {task.focal_gamma}; expected 0 or more.")
    if not 0 <= task.label_smoothing < 1:
        problems.append(f"task.label_smoothing is {task.label_smoothing}; expected 0 <= value < 1.")
    return problems
