"""Predict pairs of texts: what the tasks share whose rows are `(first, second)` tuples."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from nlp_transfer.data.encoding.collators import PaddingCollator
from nlp_transfer.data.encoding.text_pairs import PairEncoder
from nlp_transfer.data.encoding.token_coverage import TokenCoverage
from nlp_transfer.tasks.predictor import NoPrediction
from nlp_transfer.tasks.reading.predictor import ReadingPredictor, token_rows

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class PairReadingPredictor(ReadingPredictor):
    """A trained network that reads pairs of texts; its concrete class comes before what it predicts."""

    skips: ClassVar[bool] = True

    def predict_window(
        self, window: Sequence[tuple[Any, Any]], coverage: TokenCoverage, max_tokens: int | None
    ) -> Iterator[Any]:
        """Yield the prediction of each pair, a `NoPrediction` where the second text leaves no room for the first."""
        encoder = PairEncoder(self.tokenizer, self.max_length)
        problems = [encoder.problem(second) for _, (_, second) in window]
        good = [row for row, problem in zip(window, problems, strict=True) if problem is None]
        made = iter(super().predict_window(good, coverage, max_tokens) if good else ())  # type: ignore[safe-super]
        for (row_id, _), problem in zip(window, problems, strict=True):
            yield next(made) if problem is None else NoPrediction(row_id, problem)

    def example_batch(self, texts: Sequence[Any]) -> "dict[str, torch.Tensor]":
        """Return a batch of two pairs."""
        encoder = PairEncoder(self.tokenizer, self.max_length, truncates=True)
        columns = encoder.columns([self.row_of(text) for text in texts[:2]])
        return PaddingCollator(self.tokenizer)(list(token_rows(columns)))

    @staticmethod
    def row_of(text: str) -> tuple[str, str]:
        """Return a pair of a text and its first words."""
        return text, " ".join(text.split()[:6])
