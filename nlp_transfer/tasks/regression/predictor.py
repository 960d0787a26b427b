"""Predict the numbers of texts, in bounded memory and in order."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pyarrow as pa

from nlp_transfer.data.corpus import VALUES, Corpus, CorpusConfig
from nlp_transfer.data.encoding.token_coverage import TokenCoverage
from nlp_transfer.data.loading import load_corpus
from nlp_transfer.data.validation.row_kinds import NUMBERS
from nlp_transfer.errors import CheckpointError
from nlp_transfer.metrics.calibration import Calibration
from nlp_transfer.metrics.metric import RegressionRows
from nlp_transfer.metrics.table import compute_scores
from nlp_transfer.tasks.blocks import Section
from nlp_transfer.tasks.predictor import Evaluated, Logits
from nlp_transfer.tasks.reading.predictor import ReadingPredictor
from nlp_transfer.tasks.regression import NAME, ROW_KEYS
from nlp_transfer.tasks.regression.sections import scatter
from nlp_transfer.tasks.regression.values import plain, prediction_rows, value_array, value_names, widths_record

if TYPE_CHECKING:
    from datasets import Dataset


KEPT, SAME = 0.05, 1e-4
"""Largest difference of numbers that are the same: in deviations over the texts, or relative to the largest."""


@dataclass(frozen=True)
class NumberPrediction:
    """The predicted number of one text, or several by name, with the ends of its interval; None without intervals.

    Example:
        >>> NumberPrediction(3, 12.5, low=10.0, high=15.0).row()
        {'id': 3, 'predicted': 12.5, 'low': 10.0, 'high': 15.0}
    """

    id: Any
    predicted: Any
    low: Any = None
    high: Any = None

    def row(self) -> dict[str, Any]:
        """Return the prediction as JSON holds it."""
        return {name: value for name, value in vars(self).items() if value is not None}


@dataclass(frozen=True)
class NumberPredictor(ReadingPredictor):
    """A trained regression.

    Args:
        names: of the numbers.
        half_widths: half the width of the interval of each number; None without intervals.
        units: of the numbers; None where the network gives them in these.
    """

    task: ClassVar[str] = NAME
    kind: ClassVar[str] = NUMBERS
    references: ClassVar[tuple[str, ...]] = (VALUES,)
    references_noun: ClassVar[str] = "numbers (value)"

    names: Sequence[str]
    half_widths: np.ndarray | None = None
    units: Calibration | None = None

    @classmethod
    def read_record(cls, record: Mapping[str, Any], names: Sequence[str], config: Any) -> dict[str, Any]:
        """Return the names of the numbers and the intervals."""
        if config.problem_type != "regression":
            raise CheckpointError("this model is no regression: config.json names classes.")
        widths = record.get("half_widths")
        if widths is not None and (not isinstance(widths, list) or len(widths) != len(names)):
            raise ValueError(f"half_widths is {widths!r}, for {len(names)} numbers")
        known = None if widths is None else np.array([np.inf if one is None else float(one) for one in widths])
        units = None
        if "scale" in record:
            units = Calibration(np.array(record["scale"], dtype=float), np.array(record["shift"], dtype=float))
        return {"names": names, "half_widths": known, "units": units}

    @property
    def output_names(self) -> Sequence[str]:
        """The names of the numbers."""
        return self.names

    def state(self) -> dict[str, Any]:
        """Return the length and the intervals."""
        units = {} if self.units is None else {"scale": self.units.scale.tolist(), "shift": self.units.shift.tolist()}
        return {"max_length": self.max_length, **self.reading.record(), **widths_record(self.half_widths), **units}

    def columns(self) -> dict[str, pa.DataType]:
        """Return the columns of a table of predictions."""
        ends = ("predicted", *(("low", "high") if self.half_widths is not None else ()))
        if len(self.names) == 1:
            return dict.fromkeys(ends, pa.float64())
        return {f"{end}.{name}": pa.float64() for end in ends for name in self.names}

    def predict_window(
        self, window: Sequence[tuple[Any, Any]], coverage: TokenCoverage, max_tokens: int | None
    ) -> Iterator[NumberPrediction]:
        """Yield the numbers of each text."""
        values = self.values(self.row_logits(self.encode(window, coverage), max_tokens=max_tokens))
        for (row_id, _), row in zip(window, values, strict=True):
            ends = {}
            if self.half_widths is not None:
                sides = {"low": row - self.half_widths, "high": row + self.half_widths}
                ends = {name: plain(side, self.names) for name, side in sides.items()}
            yield NumberPrediction(row_id, plain(row, self.names), **ends)

    def values(self, logits: np.ndarray) -> np.ndarray:
        """Return numbers in their units, float64, shape (rows, numbers)."""
        return logits.astype(np.float64) if self.units is None else self.units.apply(logits)

    def decisions(self, texts: Sequence[Any], logits: Logits) -> list[Any]:
        """Return the numbers of each text."""
        return [self.values(np.asarray(row)[None])[0].tolist() for row in logits]

    def keeps(self, texts: Sequence[Any], expected: Logits, found: Logits) -> list[bool]:
        """Return whether the numbers of each text are as expected, up to 5 % of their deviation over the texts."""
        ours, theirs = (np.array(self.decisions(texts, logits)) for logits in (expected, found))
        allowed = np.maximum(KEPT * ours.std(axis=0), SAME * np.abs(ours).max(axis=0))
        return [bool(one) for one in (np.abs(theirs - ours) <= allowed).all(axis=1)]

    def load_corpus(self, config: CorpusConfig) -> Corpus:
        """Load a corpus with numbers."""
        return load_corpus(config, key="corpus", kind=self.kind, trains=False, run_columns=self.run_columns)

    def evaluate(self, dataset: "Dataset", *, max_tokens: int | None = None) -> Evaluated:
        """Score the model on one split."""
        coverage = self.coverage()
        logits, _ = self.split_logits(dataset, coverage, max_tokens)
        coverage.log_warnings()
        predicted = self.values(logits)
        truth = value_array(dataset, value_names(dataset, self.names, "The corpus"))
        rows = RegressionRows(predicted, truth, self.names, self.half_widths, interval=True)
        lines = prediction_rows(list(dataset["id"]), predicted, truth, self.half_widths, self.names)
        figures = tuple(scatter("scored texts", predicted, truth, self.names))
        section = Section("Predicted and true numbers", figures)
        return Evaluated(compute_scores(rows), {}, lines, ROW_KEYS, (section,))
