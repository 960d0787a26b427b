"""What is predicted. A new task is one file and one line in `TASKS`."""

from nlp_transfer.tasks.abstractive_summarization import AbstractiveSummarization, BoundAbstractiveSummarization
from nlp_transfer.tasks.base import BoundClassification, BoundTask, Task
from nlp_transfer.tasks.extractive_summarization import BoundExtractiveSummarization, ExtractiveSummarization
from nlp_transfer.tasks.masked_language_modeling import MaskedLanguageModeling
from nlp_transfer.tasks.sequence_classification import SequenceClassification

TASKS: dict[str, type[Task]] = {
    task.name: task
    for task in (SequenceClassification, MaskedLanguageModeling, ExtractiveSummarization, AbstractiveSummarization)
}

__all__ = [
    "TASKS",
    "AbstractiveSummarization",
    "BoundAbstractiveSummarization",
    "BoundClassification",
    "BoundExtractiveSummarization",
    "BoundTask",
    "ExtractiveSummarization",
    "MaskedLanguageModeling",
    "SequenceClassification",
    "Task",
]
