"""Predict summaries of documents by a trained model of either kind."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import pyarrow as pa

from nlp_transfer.data.corpus import Corpus, CorpusConfig
from nlp_transfer.data.encoding.sentences import CharSpan, sentence_spans
from nlp_transfer.data.encoding.token_coverage import TokenCoverage, count_coverage
from nlp_transfer.data.loading import load_corpus
from nlp_transfer.data.text_rows import row_windows
from nlp_transfer.data.validation.documents import join_sentences
from nlp_transfer.data.validation.row_kinds import DOCUMENTS
from nlp_transfer.tasks.predictor import Evaluated, Predictor, progress
from nlp_transfer.tasks.summarization.baselines import SUMMARY_BASELINES, baseline_scores, document_metrics
from nlp_transfer.tasks.summarization.bertscore_model import bertscore_folder
from nlp_transfer.tasks.summarization.selection import Selection
from nlp_transfer.tasks.summarization.summaries import (
    SUMMARY_ROW_KEYS,
    DocumentSummary,
    SummaryPrediction,
)

if TYPE_CHECKING:
    from datasets import Dataset


@dataclass(frozen=True)
class DocumentPredictor(Predictor):
    """A predictor that reads documents.

    A document is a text or the list of its sentences; the offsets of a list count in the text with one sentence a line.

    Args:
        bertscore_model: an encoder to score summaries with in `evaluate` (BERTScore).
    """

    kind: ClassVar[str] = DOCUMENTS

    bertscore_model: str | None = field(default=None, kw_only=True)

    @abstractmethod
    def summarize(
        self,
        rows: Sequence[Mapping[str, Any]],
        texts: Sequence[str],
        spans: Sequence[Sequence[CharSpan]],
        max_tokens: int | None,
    ) -> Iterator[DocumentSummary]:
        """Yield the summary of each document, with the reference of its row, if any."""

    @property
    @abstractmethod
    def baseline_selection(self) -> Selection:
        """The rule by which baselines select sentences."""

    def columns(self) -> dict[str, pa.DataType]:
        """Return the columns of a table of summaries; sentences and flags are JSON text."""
        return dict.fromkeys(("summary", "sentences", "flags"), pa.string())

    def predict_window(
        self, window: Sequence[tuple[Any, str | list[str]]], coverage: TokenCoverage, max_tokens: int | None
    ) -> Iterator[SummaryPrediction]:
        """Yield the summary of each document."""
        located = [locate_sentences(document) for _, document in window]
        texts, spans = [text for text, _ in located], [own for _, own in located]
        count_coverage(window, self.tokenizer, coverage)
        found = self.summarize([{"id": row_id} for row_id, _ in window], texts, spans, max_tokens)
        return (document.prediction() for document in found)

    def summaries(self, dataset: "Dataset", max_tokens: int | None = None) -> Iterator[DocumentSummary]:
        """Yield the summary of each document of a split, with its reference."""
        for window in row_windows((row, row["text"]) for row in dataset):
            rows, texts = [row for row, _ in window], [text for _, text in window]
            spans = [sentence_spans(text, row["sentence_starts"]) for row, text in window]
            yield from self.summarize(rows, texts, spans, max_tokens)

    def evaluate(self, dataset: "Dataset", *, max_tokens: int | None = None) -> Evaluated:
        """Score the model and the baselines on one split."""
        documents = list(progress(self.summaries(dataset, max_tokens)))
        bertscore = bertscore_folder(self.bertscore_model, "--")
        metrics = document_metrics(documents, interval=True, bertscore=bertscore)
        baselines = baseline_scores(list(SUMMARY_BASELINES), documents, self.baseline_selection, bertscore)
        return Evaluated(metrics, baselines, (document.row() for document in documents), SUMMARY_ROW_KEYS)

    def load_corpus(self, config: CorpusConfig) -> Corpus:
        """Load documents with their summaries."""
        return load_corpus(config, key="corpus", kind=self.kind, trains=False, run_columns=self.run_columns)


def locate_sentences(document: str | list[str]) -> tuple[str, list[CharSpan]]:
    """Return the text of a document, and the spans of its sentences.

    Example:
        >>> locate_sentences(["One.", "Two."])
        ('One.\\nTwo.', [(0, 4), (5, 9)])
    """
    if isinstance(document, str):
        return document, sentence_spans(document)
    text, starts = join_sentences(document)
    return text, sentence_spans(text, starts)
