"""Predict classes with an order, in bounded memory and in order of the rows."""

from dataclasses import dataclass
from typing import ClassVar

from nlp_transfer.tasks.classification.text_predictor import TextClassificationPredictor
from nlp_transfer.tasks.ordinal_classification import NAME


@dataclass(frozen=True)
class OrdinalPredictor(TextClassificationPredictor):
    """A trained classifier of texts by classes with an order."""

    task: ClassVar[str] = NAME
