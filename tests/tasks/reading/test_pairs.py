"""Pairs that cannot be read keep their place among those that can."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from nlp_transfer.tasks.predictor import NoPrediction
from nlp_transfer.tasks.reading.pairs import PairReadingPredictor
from nlp_transfer.tasks.reading.predictor import ReadingPredictor
from tests.data.encoding.test_text_pairs import BERT, tokenizer_of


class Numbered(ReadingPredictor):
    """Predicts the first text of a pair."""

    def predict_window(self, window: Any, coverage: Any, max_tokens: int | None) -> Iterator[Any]:
        return (f"{row_id}: {first}" for row_id, (first, _) in window)


@dataclass(frozen=True)
class OfPairs(PairReadingPredictor, Numbered):
    """Reads pairs with a stand-in for the network."""


OfPairs.__abstractmethods__ = frozenset()


def test_a_pair_without_room_has_its_reason_in_its_place():
    predictor: Any = object.__new__(OfPairs)
    object.__setattr__(predictor, "tokenizer", tokenizer_of(BERT))
    object.__setattr__(predictor, "max_length", 16)
    window = [("a", ("w1 w2", "w3")), ("b", ("w1", "w3 " * 40)), ("c", ("w4", "w3"))]
    first, second, third = list(predictor.predict_window(window, None, None))
    assert (first, third) == ("a: w1 w2", "c: w4")
    assert isinstance(second, NoPrediction)
    assert second.id == "b"
    assert list(predictor.predict_window(window[1:2], None, None)) == [second]
