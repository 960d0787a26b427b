"""Predict numbers of pairs of texts, in bounded memory and in order."""

from dataclasses import dataclass
from typing import ClassVar

from nlp_transfer.data.validation.row_kinds import NUMBER_PAIRS
from nlp_transfer.tasks.pair_regression import NAME
from nlp_transfer.tasks.reading.pairs import PairReadingPredictor
from nlp_transfer.tasks.regression.predictor import NumberPredictor


@dataclass(frozen=True)
class PairNumberPredictor(PairReadingPredictor, NumberPredictor):
    """A trained regression on pairs of texts; a row's text is a tuple of two."""

    task: ClassVar[str] = NAME
    kind: ClassVar[str] = NUMBER_PAIRS
