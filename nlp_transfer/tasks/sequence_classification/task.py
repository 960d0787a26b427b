"""Sequence classification: one label a text (column `label`), or any number of labels (column `labels`)."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

from nlp_transfer.data.corpus import Corpus
from nlp_transfer.metrics.metric import Scores
from nlp_transfer.tasks.base import Columns, DomainPredictions, DomainScores
from nlp_transfer.tasks.blocks import Block, Section
from nlp_transfer.tasks.classification.baselines import BASELINES, Baseline, fit_baselines, predict_all, score_baselines
from nlp_transfer.tasks.classification.text_task import FittedTextClassification, TextClassification
from nlp_transfer.tasks.classification.window_baselines import WINDOW_BASELINES, fit_window_baselines
from nlp_transfer.tasks.reading.long_documents import LongDocuments
from nlp_transfer.tasks.sequence_classification import NAME
from nlp_transfer.tasks.sequence_classification.nli import NLI, check_nli_model, nli_predictions
from nlp_transfer.tasks.sequence_classification.wording import WORDING
from nlp_transfer.tasks.wording import Wording

if TYPE_CHECKING:
    from datasets import Dataset

    from nlp_transfer.tasks.predictor import Predictor

log = logging.getLogger(__name__)


@final
@dataclass(frozen=True)
class SequenceClassification(TextClassification):
    """Classify texts.

    Args:
        nli_model: a model of natural language inference, such as facebook/bart-large-mnli, to score as the baseline
            `nli`, zero-shot: it reads each text once for each class, with the class's description if there is one.

    Example:
        >>> SequenceClassification(max_length=64).fit(load_corpus(CorpusConfig("corpus"))).label_names
        ['copyleft', 'permissive', 'public']
    """

    name: ClassVar[str] = NAME
    columns: ClassVar[Columns] = Columns(labels=True)
    baseline_table: ClassVar[Mapping[str, Baseline]] = BASELINES
    baseline_names: ClassVar[tuple[str, ...]] = (*BASELINES, *WINDOW_BASELINES, NLI)
    wording: ClassVar[Wording] = WORDING

    nli_model: str | None = None

    @property
    def default_baselines(self) -> tuple[str, ...]:
        """The baselines; of documents in windows also those that read some of them, and the NLI model if named."""
        left_out = () if LongDocuments.of(self).in_windows else tuple(WINDOW_BASELINES)
        left_out += () if self.nli_model else (NLI,)
        return tuple(name for name in super().default_baselines if name not in left_out)

    @classmethod
    def details(cls, systems: Mapping[str, Scores]) -> tuple[Block, ...]:
        """Return the scores per class, and the confusion matrix."""
        return super().details({name: scores for name, scores in systems.items() if name not in WINDOW_BASELINES})

    @classmethod
    def predictor_class(cls) -> "type[Predictor]":
        """Return `TextPredictor`."""
        from nlp_transfer.tasks.sequence_classification.predictor import TextPredictor

        return TextPredictor

    def fit(self, corpus: Corpus) -> "FittedSequenceClassification":
        """Return the task with the labels and class frequencies of `corpus`; raise DataError without labels."""
        fitted = FittedSequenceClassification(self, corpus)
        if self.nli_model is not None:
            check_nli_model(self.nli_model, corpus, multi_label=fitted.multi_label)
        return fitted


@final
class FittedSequenceClassification(FittedTextClassification):
    """A sequence classification task that has read its corpus."""

    config: SequenceClassification

    def sections(
        self,
        corpora: Mapping[str, Corpus],
        predictions: DomainPredictions,
        encoded: "Mapping[str, Mapping[str, Dataset]]",
    ) -> tuple[Section, ...]:
        """Return the sections about the decision, long documents and transductive inference."""
        from nlp_transfer.tasks.sequence_classification.transduction_section import transduction_section

        words = transduction_section(self.decision, corpora, predictions)
        return (*super().sections(corpora, predictions, encoded), *([words] if words is not None else []))

    def baselines(
        self,
        names: Sequence[str],
        corpora: Mapping[str, Corpus],
        predictions: DomainPredictions,
        encoded: "Mapping[str, Mapping[str, Dataset]]",
    ) -> dict[str, DomainScores]:
        """Score the baselines on each split."""
        of_texts = [name for name in names if name in BASELINES]
        of_windows = [name for name in names if name in WINDOW_BASELINES]
        fitted = [*fit_baselines(BASELINES, of_texts, corpora, len(self.label_names), multi_label=self.multi_label)]
        if of_windows and self._reference is not None:
            tuned = self.config.tune_thresholds
            fitted += fit_window_baselines(of_windows, self, self._reference, encoded, tune_thresholds=tuned)
        if self.config.nli_model is not None and NLI in names:
            fitted.append((NLI, nli_predictions(self.config.nli_model, self, corpora)))
        elif self.config.nli_model is not None and names:
            log.warning("%s is not scored: baselines names %s. Add nli.", self.config.nli_model, ", ".join(names))
        self.baseline_predictions = predict_all(fitted, predictions, slow=(*WINDOW_BASELINES, NLI))
        return score_baselines(self.baseline_predictions, predictions, self.decision)
