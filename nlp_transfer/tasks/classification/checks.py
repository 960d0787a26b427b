"""Check the values of a task that sorts rows into classes."""

import math
from typing import Any


def value_problems(task: Any) -> list[str]:
    """Return a sentence for each bad value of a `Classification`."""
    problems: list[str] = []
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
