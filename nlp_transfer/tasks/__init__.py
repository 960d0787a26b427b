"""What is predicted. A new task is one file and one line in `TASKS`."""

from nlp_transfer.tasks.base import BoundTask, Task
from nlp_transfer.tasks.sequence_classification import SequenceClassification

TASKS: dict[str, type[Task]] = {task.name: task for task in (SequenceClassification,)}

__all__ = ["TASKS", "BoundTask", "SequenceClassification", "Task"]
