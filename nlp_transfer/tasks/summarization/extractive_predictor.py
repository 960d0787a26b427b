"""Summarise documents by their own sentences, in constant memory, in their order.

A document of any length is read in windows that go through the model in batches of about as many tokens; one number is
kept of each sentence. Computation is in float32, whatever the run trained in.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from nlp_transfer.data.encoding.collators import PaddingCollator, SentenceCollator
from nlp_transfer.data.encoding.sentence_windows import DocumentEncoder, highlight_labels
from nlp_transfer.data.encoding.sentences import sentence_spans
from nlp_transfer.data.encoding.summary_pairs import Ranking
from nlp_transfer.data.input_texts import row_windows
from nlp_transfer.errors import CheckpointError, ConfigError
from nlp_transfer.metrics.sentence_selection import SummaryLength, select_sentences
from nlp_transfer.metrics.tokenization import concatenate_sentences
from nlp_transfer.models.speed.batching import token_budget_batches
from nlp_transfer.models.speed.inference import batch_logits, check_finite
from nlp_transfer.tasks.predictor import Evaluated, ExportablePredictor, Logits, progress
from nlp_transfer.tasks.saved_folder import SavedModel
from nlp_transfer.tasks.summarization.baselines import SUMMARY_BASELINES, SUMMARY_ROW_KEYS
from nlp_transfer.tasks.summarization.bertscore_model import bertscore_folder
from nlp_transfer.tasks.summarization.documents import DocumentPredictor, locate_sentences
from nlp_transfer.tasks.summarization.extracted_summaries import ExtractedSummary, document_metrics
from nlp_transfer.tasks.summarization.extractive import ExtractiveSummarization, length_problems, oracle_labels

if TYPE_CHECKING:
    import torch
    from datasets import Dataset


@dataclass(frozen=True)
class SummarySentence:
    """A sentence of a summary.

    Args:
        text: as it stands in the document.
        start: its first character there.
        end: the one after its last.
        score: the model's probability that it belongs into a summary.
    """

    text: str
    start: int
    end: int
    score: float


@dataclass(frozen=True)
class Extract:
    """The sentences of one document that a model takes for its summary.

    Args:
        id: the document's.
        sentences: in the document's order; none of a document without text.

    Example:
        >>> Extract("a", [SummarySentence("One.", 0, 4, 0.5), SummarySentence("Two.", 9, 13, 0.25)]).summary
        'One. Two.'
    """

    id: Any
    sentences: list[SummarySentence]

    @property
    def summary(self) -> str:
        """The sentences as one text."""
        return concatenate_sentences(sentence.text for sentence in self.sentences)

    def row(self) -> dict[str, Any]:
        """Return the extract as JSON holds it. It invents nothing: there are no flags."""
        sentences = [{**vars(sentence), "score": round(sentence.score, 6)} for sentence in self.sentences]
        return {"id": self.id, "summary": self.summary, "sentences": sentences, "flags": []}


@dataclass(frozen=True)
class ExtractivePredictor(DocumentPredictor, ExportablePredictor):
    """A trained extractive summariser; its network is one of `nlp_transfer.models.heads.extractive`.

    `max_length` is that of a window.

    Args:
        overlap: tokens that a window may repeat of the one before.
        budget: how much of a document a summary takes.
        block_trigrams: pass over sentences that share three words in a row with one that is taken.
        bertscore_model: an encoder for BERTScore, by which `evaluate` scores too.
    """

    task: ClassVar[str] = ExtractiveSummarization.name
    references: ClassVar[tuple[str, ...]] = ("summary", "highlights")
    references_noun: ClassVar[str] = "summaries or highlights"

    overlap: int
    budget: SummaryLength
    block_trigrams: bool
    bertscore_model: str | None = None

    @classmethod
    def from_saved(cls, saved: SavedModel) -> Self:
        """Load an extractive summariser; see `Predictor.from_saved`."""
        from nlp_transfer.models.heads.extractive import AutoModelForExtractiveSummarization

        record = saved.record
        try:
            state: dict[str, Any] = {
                "max_length": int(record["max_length"]),
                "overlap": int(record["overlap"]),
                "budget": SummaryLength(str(record["length_unit"]), float(record["length"])),
                "block_trigrams": bool(record["block_trigrams"]),
            }
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(
                f"{saved.name} is not a trained summariser: its config.json lacks how it reads and selects ({error}). "
                "Expected the folder of a run of extractive_summarization."
            ) from error
        loaded = saved.load_network(AutoModelForExtractiveSummarization, "summariser")
        return cls(model=loaded.model, tokenizer=loaded.tokenizer, origin=str(saved.folder), **state)

    def state(self) -> dict[str, Any]:
        """See `Predictor.state`."""
        return {
            "max_length": self.max_length,
            "overlap": self.overlap,
            "length_unit": self.budget.unit,
            "length": self.budget.size,
            "block_trigrams": self.block_trigrams,
        }

    def with_options(
        self, *, length_unit: str | None = None, length: float | None = None, bertscore_model: str | None = None
    ) -> Self:
        """Return the summariser with summaries of another length; None keeps its own.

        Args:
            length_unit: see `ExtractiveSummarization`.
            length: see `ExtractiveSummarization`.
            bertscore_model: an encoder for BERTScore, by which `evaluate` scores too.

        Raises:
            ConfigError: there is no such length, or no such encoder.
        """
        unit = self.budget.unit if length_unit is None else length_unit
        size = self.budget.size if length is None else length
        if problems := length_problems(unit, size, "--"):
            raise ConfigError(problems)
        bertscore_folder(bertscore_model, "--")
        return replace(self, budget=SummaryLength(unit, size), bertscore_model=bertscore_model or self.bertscore_model)

    def select(self, scores: Sequence[float], sentences: Sequence[str]) -> list[int]:
        """Return the numbers of the sentences that a summary takes, by their scores."""
        return select_sentences(scores, sentences, self.budget, block_trigrams=self.block_trigrams)

    def predictions(
        self, rows: Iterable[tuple[Any, str | list[str]]], max_tokens: int | None = None
    ) -> Iterator[Extract]:
        """See `Predictor.predictions` and `DocumentPredictor`."""
        for window in row_windows(self.watched(rows)):
            texts_of = [locate_sentences(document) for _, document in window]
            sentences = [[text[a:b] for a, b in spans] for text, spans in texts_of]
            scores = self.sentence_scores(sentences, max_tokens=max_tokens)
            for (row_id, _), (_, spans), texts, found in zip(window, texts_of, sentences, scores, strict=True):
                taken = self.select(found.tolist(), texts)
                yield Extract(row_id, [SummarySentence(texts[i], *spans[i], float(found[i])) for i in taken])

    def evaluate(self, dataset: "Dataset", *, max_tokens: int | None = None) -> Evaluated:
        """See `Predictor.evaluate`."""
        from nlp_transfer.tasks.summarization.sections import baseline_scores, summary_row

        scored = list(progress(self.extracts(dataset, max_tokens)))
        bertscore = bertscore_folder(self.bertscore_model, "--")
        metrics = document_metrics(scored, interval=True, bertscore=bertscore)
        baselines = baseline_scores(list(SUMMARY_BASELINES), scored, self, bertscore)
        return Evaluated(metrics, baselines, map(summary_row, scored), SUMMARY_ROW_KEYS)

    def extracts(self, dataset: "Dataset", max_tokens: int | None = None) -> Iterator[ExtractedSummary]:
        """Yield the extract of each document of a split, with the sentences that are right.

        Args:
            dataset: a split of a corpus of documents, with `summary` or `highlights`.
            max_tokens: see `predict`.
        """
        from scipy.special import logit

        for window in row_windows((row, row["text"]) for row in dataset):
            spans = [sentence_spans(text, row["sentence_starts"]) for row, text in window]
            sentences = [[text[a:b] for a, b in of] for (_, text), of in zip(window, spans, strict=True)]
            scores = self.sentence_scores(sentences, max_tokens=max_tokens)
            for (row, text), own, texts, found in zip(window, spans, sentences, scores, strict=True):
                summary = row.get("summary")
                labels = (
                    highlight_labels(own, row["highlights"]) if "highlights" in row else oracle_labels(texts, summary)
                )
                taken = self.select(found.tolist(), texts)
                yield ExtractedSummary(row["id"], text, own, logit(found).tolist(), taken, labels, summary)

    def ranking(self, *, max_tokens: int | None = None) -> Ranking:
        """Return a function that ranks the sentences of documents; see `PairEncoder`."""

        def rank(documents: Sequence[Sequence[str]]) -> list[Sequence[float]]:
            return [scores.tolist() for scores in self.sentence_scores(documents, max_tokens=max_tokens)]

        return rank

    def sentence_scores(self, documents: Sequence[Sequence[str]], *, max_tokens: int | None = None) -> list[np.ndarray]:
        """Return the probability of each sentence to belong into a summary.

        Args:
            documents: the sentences of each.
            max_tokens: see `predict`.

        Returns:
            For each document float64, shape (sentences,).

        Raises:
            CheckpointError: the model's outputs are not finite.
        """
        from scipy.special import expit

        return [expit(found) for found in self.sentence_logits(documents, max_tokens=max_tokens)]

    def sentence_logits(self, documents: Sequence[Sequence[str]], *, max_tokens: int | None = None) -> list[np.ndarray]:
        """Return the logits of sentences; see `sentence_scores`."""
        encoder = DocumentEncoder(self.tokenizer, self.max_length, self.overlap)
        collate = SentenceCollator(PaddingCollator(self.tokenizer))
        logits = [np.zeros(len(sentences)) for sentences in documents]
        cut = [
            (number, window)
            for number, sentences in enumerate(documents)
            if sentences
            for window in encoder.encode(sentences)[0]
        ]
        with batch_logits(self.model, len(cut)) as logits_of:
            lengths = [window["length"] for _, window in cut]
            for batch in token_budget_batches(lengths, self.batch_tokens(max_tokens)):
                found = logits_of(collate([cut[place][1] for place in batch]))
                for row, place in enumerate(batch):
                    number, window = cut[place]
                    first, begin, end = window["numbers"][0], window["scored_from"], window["scored_to"]
                    logits[number][begin:end] = found[row, begin - first : end - first]
        check_finite(np.concatenate([np.zeros(0), *logits]), self.origin)
        return logits

    def text_logits(self, texts: Sequence[str], *, max_tokens: int | None = None) -> list[np.ndarray]:
        """Return the logits of the sentences of each text."""
        return self.sentence_logits([_sentences(text) for text in texts], max_tokens=max_tokens)

    def decisions(self, texts: Sequence[str], logits: Logits) -> list[Any]:
        """Return the numbers of the sentences that the summary of each text takes."""
        return [self.select(of.tolist(), _sentences(text)) for text, of in zip(texts, logits, strict=True)]

    def example_batch(self, texts: Sequence[str]) -> "dict[str, torch.Tensor]":
        """See `ExportablePredictor.example_batch`; the texts are sentences."""
        encoder = DocumentEncoder(self.tokenizer, self.max_length, self.overlap)
        rows = [encoder.encode(list(sentences))[0][0] for sentences in (texts[:2], texts[1:3])]
        batch = SentenceCollator(PaddingCollator(self.tokenizer))(rows)
        return {name: tensor for name, tensor in batch.items() if name != "labels"}


def _sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text)]
