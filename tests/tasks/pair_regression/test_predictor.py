"""The predictor of numbers of pairs reads pairs, and gives numbers."""

from nlp_transfer.tasks.pair_regression.predictor import PairNumberPredictor
from nlp_transfer.tasks.reading.pairs import PairReadingPredictor
from nlp_transfer.tasks.regression.predictor import NumberPredictor


def test_it_is_known_by_its_task_and_rows():
    assert (PairNumberPredictor.task, PairNumberPredictor.kind) == ("pair_regression", "number_pairs")
    assert PairNumberPredictor.skips
    assert PairNumberPredictor.__mro__[1:3] == (PairReadingPredictor, NumberPredictor)
    assert PairNumberPredictor.row_of("one two three four five six seven") == (
        "one two three four five six seven",
        "one two three four five six",
    )
