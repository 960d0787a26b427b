"""What is predicted. A new task is one file and one line in `TASKS`."""

from nlp_transfer.tasks.base import BoundClassification, BoundTask, Task
from nlp_transfer.tasks.masked_language_modeling import MaskedLanguageModeling
from nlp_transfer.tasks.sequence_classification import SequenceClassification

TASKS: dict[str, type[Task]] = {task.name: task for task in (SequenceClassification, MaskedLanguageModeling)}

__all__ = ["TASKS", "BoundClassification", "BoundTask", "MaskedLanguageModeling", "SequenceClassification", "Task"]
