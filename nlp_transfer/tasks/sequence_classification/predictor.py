"""Classify texts of any length, in bounded memory and in order."""

from dataclasses import dataclass
from typing import ClassVar

from nlp_transfer.tasks.classification.text_predictor import TextClassificationPredictor
from nlp_transfer.tasks.sequence_classification import NAME


@dataclass(frozen=True)
class TextPredictor(TextClassificationPredictor):
    """A trained classifier of texts."""

    task: ClassVar[str] = NAME
