"""Summarise documents as they come, in constant memory, in their order.

A document of any length is read in windows that go through the model in batches of about as many tokens; what is kept
of each sentence is one number. Computation is in float32, whatever the run trained in.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nlp_transfer.data.encoding.collators import PaddingCollator, SentenceCollator
from nlp_transfer.data.encoding.sentence_windows import DocumentEncoder, highlight_labels
from nlp_transfer.data.encoding.sentences import CharSpan, sentence_spans
from nlp_transfer.data.encoding.summary_pairs import Ranking
from nlp_transfer.data.input_texts import row_windows
from nlp_transfer.data.validation.documents import join_sentences
from nlp_transfer.errors import CheckpointError
from nlp_transfer.files import json_line
from nlp_transfer.metrics.tokenization import joined
from nlp_transfer.models.speed.batching import token_budget_batches
from nlp_transfer.models.speed.inference import batch_logits
from nlp_transfer.tasks.summarization.extracted_summaries import ExtractedSummary
from nlp_transfer.tasks.summarization.extractive import oracle_labels
from nlp_transfer.tasks.trained import TrainedSummarizer

if TYPE_CHECKING:
    from datasets import Dataset

MAX_TOKENS = 8192
"""Tokens of a batch, padding counted."""

CPU_MAX_TOKENS = 2048
"""The same on a CPU."""


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
class Summary:
    """What a model takes of one document.

    Args:
        id: the document's.
        sentences: in the document's order; none of a document without text.
    """

    id: Any
    sentences: list[SummarySentence]

    @property
    def summary(self) -> str:
        """The sentences as one text."""
        return joined(sentence.text for sentence in self.sentences)

    def row(self) -> dict[str, Any]:
        """As JSON holds it. An extract invents nothing: there are no flags."""
        sentences = [
            {"text": one.text, "start": one.start, "end": one.end, "score": round(one.score, 6)}
            for one in self.sentences
        ]
        return {"id": self.id, "summary": self.summary, "sentences": sentences, "flags": []}

    def line(self) -> bytes:
        """One line of JSON."""
        return json_line(self.row())


def summarize(
    summarizer: TrainedSummarizer, rows: Iterable[tuple[Any, str | list[str]]], *, max_tokens: int | None = None
) -> Iterator[Summary]:
    """Summarise documents in their order.

    Args:
        summarizer: on the device that it shall run on.
        rows: (id, document); a document is a text or the list of its sentences, whose offsets then count in the text
            that has one of them a line. Read a window at a time, as many as memory is meant for.
        max_tokens: tokens of a batch, padding counted; None is `CPU_MAX_TOKENS` or `MAX_TOKENS`.

    Raises:
        DataError: what `rows` raises.
        CheckpointError: the model's outputs are not finite.
    """
    for window in row_windows(rows):
        texts_of = [locate_sentences(document) for _, document in window]
        sentences = [[text[a:b] for a, b in spans] for text, spans in texts_of]
        scores = sentence_scores(summarizer, sentences, max_tokens=max_tokens)
        for (row_id, _), (_, spans), texts, found in zip(window, texts_of, sentences, scores, strict=True):
            taken = summarizer.select(found.tolist(), texts)
            yield Summary(row_id, [SummarySentence(texts[i], *spans[i], float(found[i])) for i in taken])


def locate_sentences(document: str | list[str]) -> tuple[str, list[CharSpan]]:
    """The text of a document, and where its sentences are."""
    if isinstance(document, str):
        return document, sentence_spans(document)
    text, starts = join_sentences(document)
    return text, sentence_spans(text, starts)


def score_documents(
    summarizer: TrainedSummarizer, dataset: "Dataset", *, max_tokens: int | None = None
) -> Iterator[ExtractedSummary]:
    """What a summariser takes of a corpus's documents, beside what it should have taken.

    Args:
        summarizer: on the device that it shall run on.
        dataset: a split of a corpus of documents, with `summary` or `highlights`.
        max_tokens: see `summarize`.

    Raises:
        CheckpointError: the model's outputs are not finite.
    """
    from scipy.special import logit

    for window in row_windows((row, row["text"]) for row in dataset):
        spans = [sentence_spans(text, row["sentence_starts"]) for row, text in window]
        sentences = [[text[a:b] for a, b in of] for (_, text), of in zip(window, spans, strict=True)]
        scores = sentence_scores(summarizer, sentences, max_tokens=max_tokens)
        for (row, text), own, texts, found in zip(window, spans, sentences, scores, strict=True):
            summary = row.get("summary")
            labels = highlight_labels(own, row["highlights"]) if "highlights" in row else oracle_labels(texts, summary)
            taken = summarizer.select(found.tolist(), texts)
            yield ExtractedSummary(row["id"], text, own, logit(found).tolist(), taken, labels, summary)


def sentence_scores(
    summarizer: TrainedSummarizer, documents: Sequence[Sequence[str]], *, max_tokens: int | None = None
) -> list[np.ndarray]:
    """The probability of each sentence of some documents to belong into a summary.

    Args:
        summarizer: on the device that it shall run on.
        documents: the sentences of each.
        max_tokens: see `summarize`.

    Returns:
        For each document float64, shape (sentences,).

    Raises:
        CheckpointError: the model's outputs are not finite.
    """
    from scipy.special import expit

    return [expit(found) for found in sentence_logits(summarizer, documents, max_tokens=max_tokens)]


def ranking(summarizer: TrainedSummarizer, *, max_tokens: int | None = None) -> Ranking:
    """What ranks the sentences of documents for a network that reads only some of them; see `PairEncoder`."""

    def rank(documents: Sequence[Sequence[str]]) -> list[Sequence[float]]:
        return [scores.tolist() for scores in sentence_scores(summarizer, documents, max_tokens=max_tokens)]

    return rank


def sentence_logits(
    summarizer: TrainedSummarizer, documents: Sequence[Sequence[str]], *, max_tokens: int | None = None
) -> list[np.ndarray]:
    """The same before the sigmoid."""
    network = summarizer.model
    if max_tokens is None:
        max_tokens = CPU_MAX_TOKENS if network.device.type == "cpu" else MAX_TOKENS
    encoder = DocumentEncoder(summarizer.tokenizer, summarizer.max_length, summarizer.overlap)
    collate = SentenceCollator(PaddingCollator(summarizer.tokenizer))
    logits = [np.zeros(len(sentences)) for sentences in documents]
    cut = [
        (number, window)
        for number, sentences in enumerate(documents)
        if sentences
        for window in encoder.encode(sentences)[0]
    ]
    with batch_logits(network, len(cut)) as logits_of:
        for batch in token_budget_batches([window["length"] for _, window in cut], max_tokens):
            found = logits_of(collate([cut[place][1] for place in batch]))
            for row, place in enumerate(batch):
                number, window = cut[place]
                first, begin, end = window["numbers"][0], window["scored_from"], window["scored_to"]
                logits[number][begin:end] = found[row, begin - first : end - first]
    if not all(np.isfinite(of_document).all() for of_document in logits):
        raise CheckpointError(
            f"{summarizer.origin} gives outputs that are not finite (NaN or infinite): its weights are ruined. Use "
            "another checkpoint, or train again."
        )
    return logits
