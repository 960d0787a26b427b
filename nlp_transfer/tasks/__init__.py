"""List the tasks. A new task is one folder and one line in `TASKS`."""

from nlp_transfer.tasks.base import FittedTask, Task
from nlp_transfer.tasks.image_classification.task import ImageClassification
from nlp_transfer.tasks.masked_language_modeling.task import MaskedLanguageModeling
from nlp_transfer.tasks.ordinal_classification.task import OrdinalClassification
from nlp_transfer.tasks.pair_regression.task import PairRegression
from nlp_transfer.tasks.regression.task import Regression
from nlp_transfer.tasks.sentence_pairs.task import SentencePairs
from nlp_transfer.tasks.sequence_classification.task import SequenceClassification
from nlp_transfer.tasks.summarization.abstractive import AbstractiveSummarization
from nlp_transfer.tasks.summarization.extractive import ExtractiveSummarization
from nlp_transfer.tasks.token_classification.task import TokenClassification

TASKS: dict[str, type[Task]] = {
    task.name: task
    for task in (
        SequenceClassification,
        TokenClassification,
        SentencePairs,
        OrdinalClassification,
        Regression,
        PairRegression,
        ImageClassification,
        MaskedLanguageModeling,
        ExtractiveSummarization,
        AbstractiveSummarization,
    )
}

__all__ = [
    "TASKS",
    "AbstractiveSummarization",
    "ExtractiveSummarization",
    "FittedTask",
    "ImageClassification",
    "MaskedLanguageModeling",
    "OrdinalClassification",
    "PairRegression",
    "Regression",
    "SentencePairs",
    "SequenceClassification",
    "Task",
    "TokenClassification",
]
