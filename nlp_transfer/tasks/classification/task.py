"""Sort rows into classes: what the tasks share that give a text, a pair of texts or an image one label or several.

A concrete task names its rows (`columns`), how its network reads them, its baselines and its texts for people; the
labels of a corpus decide whether a row has one class (column `label`) or any number of them (`labels`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from nlp_transfer.data.corpus import Corpus, calibration_split
from nlp_transfer.errors import ConfigError, DataError
from nlp_transfer.metrics.metric import ClassificationRows, ProbabilityRows, Scores
from nlp_transfer.models.outputs import Output
from nlp_transfer.tasks.base import DomainPredictions, DomainScores, FittedTask, Lines, Predictions, Task
from nlp_transfer.tasks.blocks import Block, Section
from nlp_transfer.tasks.classification.baselines import Baseline, fit_baselines, predict_all, score_baselines
from nlp_transfer.tasks.classification.checks import value_problems
from nlp_transfer.tasks.classification.decision import Decision
from nlp_transfer.tasks.classification.decision_settings import DecisionSettings, fit_decision, with_thresholds

if TYPE_CHECKING:
    from datasets import Dataset
    from torch import Tensor

    from nlp_transfer.metrics.calibration import Calibration
    from nlp_transfer.metrics.row_scores import RowScores
    from nlp_transfer.models.loading import ProblemType


@dataclass(frozen=True)
class Classification(Task):
    """The settings of a task that sorts rows into classes.

    Args:
        class_weights: `balanced` gives all classes the same total weight; or a weight by class name (1 if not named).
            Multi-label: the weight of the label's "yes".
        focal_gamma: γ of the focal loss; 0 is cross-entropy.
        label_smoothing: ε of label smoothing.
        tune_thresholds: multi-label only: tune one threshold a label on validation; otherwise 0.5 for all.
        decision: what is made of probabilities, such as calibration, abstention, sets of classes and costs.
    """

    primary_metric: ClassVar[str] = "macro_f1"
    provides: ClassVar[frozenset[Output]] = frozenset(
        {Output.TOKENS, Output.LOGITS, Output.POOLED, Output.ROW_LOSS, Output.HEAD}
    )
    optional_baselines: ClassVar[tuple[str, ...]] = ("chance",)
    scored_rows: ClassVar[tuple[type, ...]] = (ClassificationRows, ProbabilityRows)
    ordered: ClassVar[bool] = False
    """Classes have an order."""
    baseline_table: ClassVar[Mapping[str, Baseline]]
    """The baselines of the task's rows by name."""

    class_weights: str | dict[str, float] | None = None
    focal_gamma: float = 0.0
    label_smoothing: float = 0.0
    tune_thresholds: bool = True
    decision: DecisionSettings = field(default_factory=DecisionSettings)

    def __post_init__(self) -> None:
        """Check the values."""
        if problems := [*self.input_problems(), *value_problems(self)]:
            raise ConfigError(problems)

    def input_problems(self) -> list[str]:
        """Return a sentence for each bad value of the settings that say how rows are read."""
        return []

    @classmethod
    def details(cls, systems: Mapping[str, Scores]) -> tuple[Block, ...]:
        """Return the scores per class, and the confusion matrix."""
        from nlp_transfer.tasks.classification.sections import class_blocks

        return class_blocks(systems)

    @classmethod
    def row_scores(cls, runs: Sequence[Lines]) -> "RowScores":
        """Return the classes of rows and of runs."""
        from nlp_transfer.metrics.ordinal import KappaScores
        from nlp_transfer.metrics.row_scores import ClassScores

        names = list(runs[0][0]["probabilities"])
        truth = np.array([_class(line["label"], names) for line in runs[0]])
        predicted = np.array([[_class(line["predicted"], names) for line in run] for run in runs])
        return (KappaScores if cls.ordered else ClassScores)(predicted, truth)

    @classmethod
    def headline_metrics(cls, scores: Scores) -> list[str]:
        """Return macro-F1, and accuracy or its multi-label counterpart."""
        return [cls.primary_metric, "exact_match" if "exact_match" in scores else "accuracy"]

    @classmethod
    def headline(cls, where: str, scores: Scores, others: Mapping[str, Scores]) -> str:
        """Return the scores beside the best baseline, what decisions cost, and the classes that have few rows."""
        from nlp_transfer.tasks.classification.sections import cost_sentences, rare_classes

        sentences = [super().headline(where, scores, others), *cost_sentences(scores, others)]
        return " ".join([*sentences, *rare_classes(scores, where)])


def _class(label: str | list[str], names: list[str]) -> Any:
    """Return a class id, or zeros and ones for a list of names."""
    return [int(name in label) for name in names] if isinstance(label, list) else names.index(label)


class FittedClassification(FittedTask):
    """A task that sorts rows into classes and has read its corpus; raises DataError for one without labels."""

    config: Classification
    problem_type: "ProblemType"

    def __init__(self, config: Classification, corpus: Corpus) -> None:
        from nlp_transfer.tasks.classification.class_weights import class_weights

        if corpus.label_column is None:
            raise DataError(
                f"{corpus.origin}: the source has no labels, and classification learns from labels. "
                "Name its label column with source.columns: {theirs: label}."
            )
        super().__init__(config)
        self.label_names = corpus.label_names
        self.multi_label = corpus.multi_label
        self.problem_type = "multi_label_classification" if self.multi_label else "single_label_classification"
        kind = {"multi_label": self.multi_label, "ordered": config.ordered}
        costs = config.decision.cost_array(self.label_names, **kind)
        plain = Decision.plain(self.label_names, multi_label=self.multi_label)
        self.decision = replace(plain, costs=costs, ordered=config.ordered)
        self.row_keys = self.decision.row_keys
        self.calibration: Calibration | None = None
        self.calibration_needs, self.broken_promises = config.decision.promised, list[str]()
        self.fitted: tuple[int, float | None] = (0, None)  # rows of the decision, and the share that it accepts
        self.weights = class_weights(config.class_weights, corpus)

    def settings(self) -> dict[str, Any]:
        """Return the decision."""
        return self.decision.record()

    def threshold_by_label(self) -> dict[str, float]:
        """Return the thresholds by label name; empty for single-label."""
        return self.decision.threshold_by_label()

    def labels_of(self, row: dict[str, Any]) -> str:
        """Return the labels of one encoded row, for people."""
        labels, names = row["labels"], self.label_names
        return str([names[i] for i, on in enumerate(labels) if on] if self.multi_label else names[labels])

    def row_losses(self, logits: "Tensor", labels: "Tensor") -> "Tensor":
        """Return the loss of each row, shape (rows,)."""
        from nlp_transfer.tasks.classification.losses import multi_label_loss, single_label_loss

        options = {"focal_gamma": self.config.focal_gamma, "label_smoothing": self.config.label_smoothing}
        if self.multi_label:
            return multi_label_loss(logits, labels, positive_weights=self.weights, **options)
        return single_label_loss(logits, labels, class_weights=self.weights, **options)

    def score(
        self, logits: np.ndarray, labels: np.ndarray, *, interval: bool = False, rows: "Dataset | None" = None
    ) -> dict[str, Any]:
        """Return the classification metrics, `per_class` and `confusion_matrix`, and the mean of `row_losses`."""
        import torch

        scores = self.decision.scores(self.probabilities(logits), labels.astype(int), interval=interval)
        return {"loss": float(self.row_losses(torch.as_tensor(logits), torch.as_tensor(labels)).mean()), **scores}

    def calibrate(self, logits: np.ndarray | None, labels: np.ndarray | None) -> "Calibration | None":
        """Return the temperature, for multi-label Platt's scale and shift of each label."""
        if logits is not None and labels is not None and self.config.decision.calibration != "none":
            self.calibration = self._scaling(logits, labels.astype(int))
        return self.calibration

    def _scaling(self, logits: np.ndarray, labels: np.ndarray) -> "Calibration":
        from nlp_transfer.metrics.calibration import platt_scaling, temperature_scaling

        return platt_scaling(logits, labels) if self.multi_label else temperature_scaling(logits, labels)

    def fit_decision(
        self, logits: np.ndarray, labels: np.ndarray | None, rows: "Dataset | None" = None, *, raw: Any = None
    ) -> None:
        """Choose thresholds by costs, else by F1; fit abstention and sets, each row calibrated without itself."""
        from nlp_transfer.metrics.calibration import cross_fitted

        if labels is None:
            return
        labels, settings, held_out = labels.astype(int), self.config.decision, logits
        if raw is not None:
            held_out = cross_fitted(raw, labels, self._scaling)
        decision = with_thresholds(self.decision, logits, labels, tuned=self.config.tune_thresholds)
        self.decision, self.broken_promises = fit_decision(settings, decision, held_out, labels)
        accepted = self.decision.accepts(self.probabilities(held_out))
        self.fitted = (len(labels), None if accepted is None else float(accepted.mean()))
        self.row_keys = self.decision.row_keys

    def sections(
        self,
        corpora: Mapping[str, Corpus],
        predictions: DomainPredictions,
        encoded: "Mapping[str, Mapping[str, Dataset]]",
    ) -> tuple[Section, ...]:
        """Return the section about the decision."""
        from nlp_transfer.tasks.classification.sections import decision_section

        if not self.fitted[0]:
            return ()
        rows = f"{self.fitted[0]:,} rows of source {calibration_split(corpora['source'].splits)}"
        decided = (self.decision, self.calibration, self.config.decision, rows)
        return (decision_section(*decided, self.broken_promises, self.decision_blocks(encoded), self.fitted[1]),)

    def decision_blocks(self, encoded: "Mapping[str, Mapping[str, Dataset]]") -> Iterator[Block]:
        """Yield what the section about the decision says beyond the decision."""
        yield from ()

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """Return class probabilities; see `Decision.probabilities`."""
        return self.decision.probabilities(logits)

    def predictions(self, logits: np.ndarray, *, plain: bool = False) -> np.ndarray:
        """Return the chosen classes; see `Decision.choose`."""
        choose = self.decision.plain_choice if plain else self.decision.choose
        return choose(self.probabilities(logits))

    def errors(self, predictions: Predictions) -> np.ndarray:
        """Return the confidence of each wrong prediction, 0 of a right one."""
        from nlp_transfer.metrics.probability_scores import confidences

        chosen = self.predictions(predictions.logits)
        wrong = (chosen != predictions.labels).reshape(len(chosen), -1).any(axis=1)
        return np.asarray(np.where(wrong, confidences(self.probabilities(predictions.logits), chosen), 0.0))

    def rows(self, predictions: Predictions, encoded: "Dataset") -> Iterator[dict[str, Any]]:
        """Yield the labels, the prediction and the probabilities of each text."""
        return self.decision.prediction_rows(
            predictions.ids, predictions.labels, self.probabilities(predictions.logits)
        )

    def baselines(
        self,
        names: Sequence[str],
        corpora: Mapping[str, Corpus],
        predictions: DomainPredictions,
        encoded: "Mapping[str, Mapping[str, Dataset]]",
    ) -> dict[str, DomainScores]:
        """Score the baselines on each split."""
        table, classes = self.config.baseline_table, len(self.label_names)
        fitted = fit_baselines(table, names, corpora, classes, multi_label=self.multi_label)
        self.baseline_predictions = predict_all(fitted, predictions)
        return score_baselines(self.baseline_predictions, predictions, self.decision)
