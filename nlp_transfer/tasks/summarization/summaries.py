"""Assemble summaries of documents from their windows.

Offsets of extracted sentences count characters of the document, those of generated sentences of the summary; the
document's sentences that support these are their `sources`.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nlp_transfer.data.encoding.sentences import CharSpan, sentence_spans
from nlp_transfer.metrics.tokenization import concatenate_sentences, plain_words
from nlp_transfer.tasks.summarization.selection import Selection

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PreTrainedTokenizerBase

    from nlp_transfer.metrics.factuality.unsupported import UnsupportedFact

SUMMARY_ROW_KEYS = ("id", "split", "domain", "summary", "reference", "sentences", "flags")
"""The keys of a line of predictions, in their order. `reference` is null where there is none."""


@dataclass(frozen=True)
class SelectedSentence:
    """A sentence of a summary, with its character offsets in the document and its probability."""

    text: str
    start: int
    end: int
    score: float

    def row(self) -> dict[str, Any]:
        """Return the sentence as JSON holds it."""
        return {**vars(self), "score": round(self.score, 6)}


@dataclass(frozen=True)
class WrittenSentence:
    """A sentence of a generated summary, with its character offsets and its sources.

    Args:
        support: 0 to 1; see `sentence_support`.
        sources: offsets of the document's sentences that support it.
    """

    text: str
    start: int
    end: int
    support: float
    sources: list[CharSpan]

    def row(self) -> dict[str, Any]:
        """Return the sentence as JSON holds it."""
        sources = [{"start": first, "end": last} for first, last in self.sources]
        return {**vars(self), "support": round(self.support, 4), "sources": sources}


@dataclass(frozen=True)
class SummaryPrediction:
    """The predicted summary of one document; empty for a document without text.

    Args:
        flags: facts of a generated summary that the document lacks.
    """

    id: Any
    summary: str
    sentences: Sequence[SelectedSentence | WrittenSentence]
    flags: "Sequence[UnsupportedFact]"

    def row(self) -> dict[str, Any]:
        """Return the summary as JSON holds it."""
        sentences, flags = [one.row() for one in self.sentences], [vars(flag) for flag in self.flags]
        return {"id": self.id, "summary": self.summary, "sentences": sentences, "flags": flags}


@dataclass(frozen=True)
class DocumentSummary(ABC):
    """A document with its summary.

    Args:
        spans: character offsets of its sentences.
        reference: the summary that people wrote; None where there is none.
    """

    id: Any
    text: str
    spans: Sequence[CharSpan]
    reference: str | None

    @property
    def sentences(self) -> list[str]:
        """The sentences of the document."""
        return [self.text[first:last] for first, last in self.spans]

    @property
    @abstractmethod
    def summary_sentences(self) -> list[str]:
        """The sentences of the summary."""

    @property
    def summary(self) -> str:
        """The summary as one text."""
        return concatenate_sentences(self.summary_sentences)

    @abstractmethod
    def checked_sentences(self) -> Sequence[SelectedSentence | WrittenSentence]:
        """Return the sentences of the summary with their places."""

    def flags(self) -> "list[UnsupportedFact]":
        """Return the facts of the summary that the document lacks; an extract has none."""
        return []

    def prediction(self) -> SummaryPrediction:
        """Return the summary without the document."""
        return SummaryPrediction(self.id, self.summary, self.checked_sentences(), self.flags())

    def row(self) -> dict[str, Any]:
        """Return the line of predictions, without `split` and `domain`."""
        return {**self.prediction().row(), "reference": self.reference}


@dataclass(frozen=True)
class ExtractedSummary(DocumentSummary):
    """A summary made of sentences of the document.

    Args:
        scores: logits of the document's sentences.
        taken: numbers of the selected sentences.
        labels: 0 or 1 for each sentence of the document; None where unknown.
    """

    scores: Sequence[float]
    taken: Sequence[int]
    labels: Sequence[int] | None

    @property
    def summary_sentences(self) -> list[str]:
        """The selected sentences."""
        sentences = self.sentences
        return [sentences[number] for number in self.taken]

    def checked_sentences(self) -> list[SelectedSentence]:
        """Return the selected sentences with their offsets and probabilities."""
        from scipy.special import expit

        texts = zip(self.taken, self.summary_sentences, strict=True)
        return [SelectedSentence(text, *self.spans[i], float(expit(self.scores[i]))) for i, text in texts]

    def row(self) -> dict[str, Any]:
        """Return the line of predictions, whose sentences are offsets."""
        row = super().row()
        for sentence in row["sentences"]:
            del sentence["text"]
        return row


@dataclass(frozen=True)
class GeneratedSummary(DocumentSummary):
    """A summary that a network wrote."""

    written: str

    @property
    def summary_sentences(self) -> list[str]:
        """The generated sentences."""
        return [self.written[first:last] for first, last in generated_sentence_spans(self.written)]

    @property
    def summary(self) -> str:
        """The summary as it was written."""
        return self.written

    def checked_sentences(self) -> list[WrittenSentence]:
        """Return the generated sentences with their sources."""
        from nlp_transfer.metrics.sentence_evidence import sentence_support

        texts, spans = self.summary_sentences, generated_sentence_spans(self.written)
        return [
            WrittenSentence(text, *span, found.score, [self.spans[number] for number in found.sources])
            for text, span, found in zip(texts, spans, sentence_support(texts, self.sentences), strict=True)
        ]

    def flags(self) -> "list[UnsupportedFact]":
        """Return the facts of the summary that the document lacks."""
        from nlp_transfer.metrics.factuality.unsupported import unsupported

        return unsupported(self.written, self.text)


def extracted_summaries(logits: np.ndarray, rows: "Dataset", selection: Selection) -> Iterator[ExtractedSummary]:
    """Yield the extracts of documents, in the documents' order.

    Args:
        logits: of the sentences of each window, shape (rows, sentences).
        rows: encoded documents, all windows of each, in any order.
    """
    for places in _windows(rows):
        windows = sorted((rows[place] | {"place": place} for place in places), key=lambda row: row["numbers"][0])
        spans: list[CharSpan] = []
        scores: list[float] = []
        labels: list[int] = []
        for row in windows:
            for i, sentence in enumerate(row["numbers"]):
                if row["scored_from"] <= sentence < row["scored_to"]:
                    spans.append((row["starts"][i], row["ends"][i]))
                    scores.append(float(logits[row["place"], i]))
                    labels += [row["labels"][i]] if "labels" in row else []
        first, text = windows[0], windows[0]["text"]
        taken = selection.select(scores, [text[start:end] for start, end in spans])
        known = labels if "labels" in first else None
        yield ExtractedSummary(first["id"], text, spans, first.get("summary"), scores, taken, known)


def generated_summaries(
    tokens: np.ndarray, rows: "Dataset", tokenizer: "PreTrainedTokenizerBase"
) -> Iterator[GeneratedSummary]:
    """Yield the generated summaries of documents, in the documents' order.

    Args:
        tokens: generated for each window, shape (rows, tokens).
        rows: encoded documents, all windows of each, in any order.
    """
    from nlp_transfer.data.encoding.decoding import decode_texts

    texts = decode_texts(tokens.tolist(), tokenizer)
    wanted = rows.remove_columns([name for name in ("input_ids", "labels") if name in rows.column_names])
    for places in _windows(rows):
        windows = sorted((wanted[place] | {"place": place} for place in places), key=_window_number)
        first = windows[0]
        spans = sentence_spans(first["text"], first["sentence_starts"])
        written = join_window_summaries([texts[window["place"]] for window in windows])
        yield GeneratedSummary(first["id"], first["text"], spans, first.get("summary"), written)


def _windows(rows: "Dataset") -> list[list[int]]:
    """Return the places of the windows of each document."""
    places: dict[int, list[int]] = {}
    for place, document in enumerate(rows["document"]):
        places.setdefault(document, []).append(place)
    return [places[document] for document in sorted(places)]


def _window_number(row: dict[str, Any]) -> int:
    """Return the number of a window; only the first has the document's text."""
    return 0 if row["text"] else int(row["id"].rpartition("#")[2])


def generated_sentence_spans(text: str) -> list[CharSpan]:
    """Return the sentences of a generated text, which may lack capitals.

    Example:
        >>> generated_sentence_spans("the fee is due. it ends.")
        [(0, 15), (16, 24)]
    """
    if text != text.lower():
        return sentence_spans(text)
    # The splitter needs capitals, which some tokenizers drop: capitalise every word.
    begins = [True] + [before.isspace() for before in text]
    capitals = "".join(
        letter.upper() if begin and len(letter.upper()) == 1 else letter
        for letter, begin in zip(text, begins, strict=False)
    )
    return sentence_spans(capitals)


def join_window_summaries(parts: Sequence[str]) -> str:
    """Join the summaries of a document's windows without the sentences that earlier windows have.

    Example:
        >>> join_window_summaries(["the rent is due. pay it.", "The rent is due", "late fees apply."])
        'the rent is due. pay it. late fees apply.'
    """
    earlier: set[tuple[str, ...]] = set()
    kept = []
    for part in parts:
        sentences = [part[first:last] for first, last in generated_sentence_spans(part)]
        words = [tuple(plain_words(sentence)) for sentence in sentences]
        kept += [sentence for sentence, own in zip(sentences, words, strict=True) if not own or own not in earlier]
        earlier.update(words)
    return concatenate_sentences(kept)
