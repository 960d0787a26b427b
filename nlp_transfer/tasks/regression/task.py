"""Regression: one number of a text (column `value`), or several (columns that are renamed `value`)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, final

import numpy as np

from nlp_transfer.data.corpus import VALUES, Corpus, calibration_split
from nlp_transfer.data.row_inputs import row_inputs
from nlp_transfer.data.validation.row_kinds import NUMBERS
from nlp_transfer.errors import ConfigError, DataError
from nlp_transfer.metrics.metric import RegressionRows, Scores
from nlp_transfer.models.outputs import Output
from nlp_transfer.tasks.base import Columns, DomainPredictions, DomainScores, Lines, Predictions
from nlp_transfer.tasks.blocks import Block, Section
from nlp_transfer.tasks.reading.task import FittedReadingTask, ReadingTask
from nlp_transfer.tasks.regression import NAME, ROW_KEYS
from nlp_transfer.tasks.regression.baselines import BASELINES, Baseline
from nlp_transfer.tasks.regression.decision import NumberDecision, half_widths
from nlp_transfer.tasks.regression.values import (
    check_precision,
    number_array,
    prediction_rows,
    value_array,
    value_names,
    widths_record,
)
from nlp_transfer.tasks.regression.wording import WORDING
from nlp_transfer.tasks.wording import Wording

if TYPE_CHECKING:
    from datasets import Dataset
    from torch import Tensor
    from transformers import PreTrainedTokenizerBase

    from nlp_transfer.metrics.calibration import Calibration
    from nlp_transfer.metrics.row_scores import RowScores
    from nlp_transfer.models.loading import LoadedModel
    from nlp_transfer.models.reference import ModelReference
    from nlp_transfer.tasks.predictor import Predictor


@dataclass(frozen=True)
class Regression(ReadingTask):
    """Predict numbers of texts.

    Args:
        decision: what is made of predicted numbers, such as intervals.

    Example:
        >>> Regression(max_length=64).fit(load_corpus(CorpusConfig("prices"), kind="numbers")).names
        ['value']
    """

    name: ClassVar[str] = NAME
    primary_metric: ClassVar[str] = "r2"
    columns: ClassVar[Columns] = Columns(kind=NUMBERS)
    provides: ClassVar[frozenset[Output]] = frozenset(
        {Output.TOKENS, Output.NUMBERS, Output.POOLED, Output.ROW_LOSS, Output.HEAD}
    )
    baseline_table: ClassVar[Mapping[str, Baseline]] = BASELINES
    """The baselines of the task's rows by name."""
    baseline_names: ClassVar[tuple[str, ...]] = tuple(BASELINES)
    scored_rows: ClassVar[tuple[type, ...]] = (RegressionRows,)
    wording: ClassVar[Wording] = WORDING

    decision: NumberDecision = field(default_factory=NumberDecision)

    def __post_init__(self) -> None:
        """Check the values."""
        if problems := self.reading_problems():
            raise ConfigError(problems)

    @classmethod
    def details(cls, systems: Mapping[str, Scores]) -> tuple[Block, ...]:
        """Return the scores of each number, where there are several."""
        from nlp_transfer.tasks.regression.sections import value_table

        several = len(next(iter(systems.values())).get("per_value", {})) > 1
        return (value_table(systems),) if several else ()

    @classmethod
    def row_scores(cls, runs: Sequence[Lines]) -> "RowScores":
        """Return the numbers of rows and of runs."""
        from nlp_transfer.metrics.regression import NumberScores

        predicted = np.stack([number_array([line["predicted"] for line in run]) for run in runs])
        return NumberScores(predicted, number_array([line["reference"] for line in runs[0]]))

    @classmethod
    def headline_metrics(cls, scores: Scores) -> list[str]:
        """Return R², of a single number the mean absolute error, and Spearman's correlation."""
        return [cls.primary_metric, *(["mae"] if "mae" in scores else []), "spearman"]

    @classmethod
    def metric_names(cls) -> tuple[str, ...]:
        """Return the metrics that have no units, and the loss."""
        return tuple(name for name in super().metric_names() if name not in ("mae", "mse"))

    @classmethod
    def predictor_class(cls) -> "type[Predictor]":
        """Return `NumberPredictor`."""
        from nlp_transfer.tasks.regression.predictor import NumberPredictor

        return NumberPredictor

    def fit(self, corpus: Corpus) -> "FittedRegression":
        """Return the task with the mean and the deviation of `corpus`; raise DataError without numbers."""
        return FittedRegression(self, corpus)


@final
class FittedRegression(FittedReadingTask):
    """A regression that has read its corpus.

    The network learns standardised numbers, by the mean and the deviation of training rows. They are put back into its
    last layer before it is scored and saved (`restored`).
    """

    config: Regression
    row_keys = ROW_KEYS
    problem_type = "regression"

    def __init__(self, config: Regression, corpus: Corpus) -> None:
        from nlp_transfer.metrics.calibration import Calibration

        super().__init__(config)
        train = corpus.splits.get("train")
        if train is None or VALUES not in train.column_names:
            raise DataError(
                f"{corpus.origin}: the source has no numbers, and regression learns from numbers. Name their column "
                "with source.columns: {theirs: value}."
            )
        self.value_names = value_names(train)
        values = value_array(train, self.value_names)
        deviation = values.std(axis=0)
        if constant := [name for name, of in zip(self.value_names, deviation, strict=True) if not of > 0]:
            raise DataError(
                f"{corpus.origin}: all training rows have the same {constant[0]!r}; there is nothing to learn."
            )
        check_precision(values, self.value_names, corpus.origin)
        self._check_validation(corpus)
        self.units = Calibration(deviation, values.mean(axis=0))
        self.restored = False
        self.half_widths: np.ndarray | None = None
        coverage = config.decision.intervals.coverage
        self.calibration_needs = ["task.decision.intervals.coverage"] if coverage is not None else []
        self.fitted_rows = ""

    def _check_validation(self, corpus: Corpus) -> None:
        """Raise DataError for a validation split of which R² is undefined."""
        rows = corpus.splits.get("validation")
        if rows is None or VALUES not in rows.column_names:
            return
        spread = np.ptp(value_array(rows, value_names(rows, self.value_names, "The validation split")), axis=0)
        if same := [name for name, of in zip(self.value_names, spread, strict=True) if not of > 0]:
            count = f"{len(rows)} row{'s' if len(rows) > 1 else ''}"
            raise DataError(
                f"{corpus.origin}: validation has {count} and one {same[0]}, so that R² is undefined. Give it more "
                "rows (source.split.validation), or none (0)."
            )

    @property
    def names(self) -> Sequence[str]:
        """The names of the numbers."""
        return self.value_names

    def numbers_of(self, rows: "Dataset") -> Sequence[str]:
        """Return the names of the numbers of rows, in the order of the source's."""
        return value_names(rows, self.value_names, "A corpus")

    def settings(self) -> dict[str, Any]:
        """Return the length, the intervals, and the units of a network whose last layer could not get them."""
        units = {} if self.restored else {"scale": self.units.scale.tolist(), "shift": self.units.shift.tolist()}
        return {"max_length": self.max_length, **self.windows.record(), **widths_record(self.half_widths), **units}

    def example(self, row: dict[str, Any], tokenizer: "PreTrainedTokenizerBase") -> tuple[str, str]:
        """Return the numbers and the text of one row."""
        shown = ", ".join(f"{name} {value:g}" for name, value in zip(self.value_names, row["labels"], strict=True))
        return shown, str(tokenizer.decode(row["input_ids"]))

    def build_model(self, reference: "ModelReference") -> "LoadedModel":
        """Return the encoder with a head for standardised numbers; that of a trained model is standardised."""
        from nlp_transfer.models.families import final_linear, rescale_logits

        loaded = super().build_model(reference)
        name, layer = final_linear(loaded.model)
        if f"{name}.weight" not in loaded.new_parameters:
            rescale_logits(layer, 1 / self.units.scale, -self.units.shift / self.units.scale)
        return loaded

    def row_losses(self, logits: "Tensor", labels: "Tensor") -> "Tensor":
        """Return the mean squared error of standardised numbers, shape (rows,)."""
        scale, shift = (logits.new_tensor(part) for part in (self.units.scale, self.units.shift))
        return (logits - (labels.to(logits) - shift) / scale).square().mean(dim=-1)

    def values(self, logits: np.ndarray) -> np.ndarray:
        """Return numbers in their units, shape (rows, numbers)."""
        return np.asarray(logits, dtype=np.float64) if self.restored else self.units.apply(logits)

    def calibrate(self, logits: np.ndarray | None, labels: np.ndarray | None) -> "Calibration | None":
        """Return the units of the numbers, which the last layer gets once."""
        if self.restored:
            return None
        self.restored = True
        return self.units

    def fit_decision(
        self, logits: np.ndarray, labels: np.ndarray | None, rows: "Dataset | None" = None, *, raw: Any = None
    ) -> None:
        """Fit the intervals."""
        coverage = self.config.decision.intervals.coverage
        if labels is not None and coverage is not None:
            self.half_widths = half_widths(self.values(logits), labels, coverage)
            self.fitted_rows = f"{len(labels):,} rows of source"

    def score(
        self, logits: np.ndarray, labels: np.ndarray, *, interval: bool = False, rows: "Dataset | None" = None
    ) -> dict[str, Any]:
        """Return the metrics of numbers, and the mean loss."""
        from nlp_transfer.metrics.table import compute_scores

        predicted = self.values(logits)
        loss = float((((predicted - labels) / self.units.scale) ** 2).mean())
        judged = RegressionRows(predicted, labels, self.value_names, self.half_widths, interval)
        return {"loss": loss, **compute_scores(judged)}

    def errors(self, predictions: Predictions) -> np.ndarray:
        """Return the distance of each row's numbers from the true ones, in deviations of the training rows."""
        assert predictions.labels is not None
        apart = np.abs(self.values(predictions.logits) - predictions.labels)
        return np.asarray((apart / self.units.scale).mean(axis=1))

    def rows(self, predictions: Predictions, encoded: "Dataset") -> Iterator[dict[str, Any]]:
        """Yield the numbers of each text."""
        predicted = self.values(predictions.logits)
        return prediction_rows(predictions.ids, predicted, predictions.labels, self.half_widths, self.value_names)

    def baselines(
        self,
        names: Sequence[str],
        corpora: Mapping[str, Corpus],
        predictions: DomainPredictions,
        encoded: "Mapping[str, Mapping[str, Dataset]]",
    ) -> dict[str, DomainScores]:
        """Score the baselines on each split with numbers."""
        from nlp_transfer.metrics.regression import NumberScores
        from nlp_transfer.metrics.row_scores import gain_scores
        from nlp_transfer.metrics.table import compute_scores

        train = corpora["source"].splits["train"]
        scores: dict[str, DomainScores] = {}
        for name in names:
            table, values = self.config.baseline_table, value_array(train, self.value_names)
            predict, scores[name] = table[name](row_inputs(train), values), {}
            for domain, split, one in self._judged(predictions):
                assert one.labels is not None
                theirs = predict(row_inputs(corpora[domain].splits[split]))
                rows = RegressionRows(theirs, one.labels, self.value_names, interval=True)
                both = NumberScores(np.stack([self.values(one.logits), theirs]), one.labels)
                found = {**compute_scores(rows), **gain_scores(self.primary_metric, both)}
                scores[name].setdefault(domain, {})[split] = found
        return scores

    def sections(
        self,
        corpora: Mapping[str, Corpus],
        predictions: DomainPredictions,
        encoded: "Mapping[str, Mapping[str, Dataset]]",
    ) -> tuple[Section, ...]:
        """Return the sections on intervals, and on predictions by their truth."""
        from nlp_transfer.tasks.regression.sections import interval_section, scatter

        fitted = calibration_split(corpora["source"].splits) if "source" in corpora else ""
        inside, figures = dict[str, list[float]](), list[Block]()
        for domain, split, one in self._judged(predictions):
            if (domain, split) != ("source", fitted) and "interval_coverage" in one.metrics:
                shares = (scores["interval_coverage"] for scores in one.metrics["per_value"].values())
                inside[f"{domain} {split}"] = list(shares)
            if split == "test" or domain == "target":
                figures += scatter(f"{domain} {split}", self.values(one.logits), one.labels, self.value_names)  # type: ignore[arg-type]
        coverage = self.config.decision.intervals.coverage
        intervals = interval_section(
            self.half_widths, coverage, f"{self.fitted_rows} {fitted}", self.value_names, inside
        )
        found = [intervals, Section("Predicted and true numbers", tuple(figures)) if figures else None]
        return tuple(section for section in found if section is not None)

    def _judged(self, predictions: DomainPredictions) -> Iterator[tuple[str, str, Predictions]]:
        """Yield the domain, the split and the predictions of rows with numbers."""
        for domain, splits in predictions.items():
            yield from ((domain, split, one) for split, one in splits.items() if one.labels is not None)
