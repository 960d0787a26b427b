"""Classify pairs of texts, in bounded memory and in order."""

from dataclasses import dataclass
from typing import ClassVar

from nlp_transfer.data.validation.row_kinds import PAIRS
from nlp_transfer.tasks.classification.text_predictor import TextClassificationPredictor
from nlp_transfer.tasks.reading.pairs import PairReadingPredictor
from nlp_transfer.tasks.sentence_pairs import NAME


@dataclass(frozen=True)
class PairPredictor(PairReadingPredictor, TextClassificationPredictor):
    """A trained classifier of pairs of texts; a row's text is a tuple of two."""

    task: ClassVar[str] = NAME
    kind: ClassVar[str] = PAIRS
