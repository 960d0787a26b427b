"""What a network wrote of documents: put together from their windows, and scored."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from datasets import Dataset
    from transformers import PreTrainedTokenizerBase

    from nlp_transfer.data.encoding.sentences import CharSpan
    from nlp_transfer.metrics.factuality.unsupported import UnsupportedFact


@dataclass(frozen=True)
class WrittenSentence:
    """A sentence of a summary, and what it rests on.

    Args:
        text: the sentence.
        start: its first character in the summary.
        end: the one after its last.
        support: 0 to 1; see `sentence_support`.
        sources: the sentences of the document that support it, as offsets there.
    """

    text: str
    start: int
    end: int
    support: float
    sources: "list[CharSpan]"

    def row(self) -> dict[str, Any]:
        """As JSON holds it."""
        sources = [{"start": first, "end": last} for first, last in self.sources]
        return {**vars(self), "support": round(self.support, 4), "sources": sources}


@dataclass(frozen=True)
class GeneratedSummary:
    """What a network wrote of one document.

    Args:
        id: the document's.
        text: the document.
        spans: its sentences.
        written: the summary.
        summary: the reference; None where there is none.
    """

    id: str
    text: str
    spans: "list[CharSpan]"
    written: str
    summary: str | None

    @property
    def sentences(self) -> list[str]:
        """The document's."""
        return [self.text[first:last] for first, last in self.spans]

    def checked_sentences(self) -> list[WrittenSentence]:
        """The summary's sentences, with what each rests on."""
        from nlp_transfer.metrics.sentence_evidence import sentence_support

        spans = sentences_of(self.written)
        texts = [self.written[first:last] for first, last in spans]
        found = sentence_support(texts, self.sentences)
        return [
            WrittenSentence(text, *span, one.score, [self.spans[number] for number in one.sources])
            for text, span, one in zip(texts, spans, found, strict=True)
        ]

    def flags(self) -> "list[UnsupportedFact]":
        """What the summary says and the document does not have."""
        from nlp_transfer.metrics.factuality.unsupported import unsupported

        return unsupported(self.written, self.text)


def written_documents(
    tokens: np.ndarray, rows: "Dataset", tokenizer: "PreTrainedTokenizerBase"
) -> Iterator[GeneratedSummary]:
    """See `FittedAbstractiveSummarization.documents`."""
    from nlp_transfer.data.encoding.decoding import decode_texts
    from nlp_transfer.data.encoding.sentences import sentence_spans

    texts = decode_texts(tokens.tolist(), tokenizer)
    places: dict[int, list[int]] = {}
    for place, number in enumerate(rows["document"]):
        places.setdefault(number, []).append(place)
    wanted = rows.remove_columns([name for name in ("input_ids", "labels") if name in rows.column_names])
    for number in sorted(places):
        windows = sorted((wanted[place] | {"place": place} for place in places[number]), key=_window)
        first = windows[0]
        spans = sentence_spans(first["text"], first["sentence_starts"])
        written = join_chunk_summaries([texts[window["place"]] for window in windows])
        yield GeneratedSummary(first["id"], first["text"], spans, written, first.get("summary"))


def _window(row: dict[str, Any]) -> int:
    """Which window of its document a row is: the first has the document's text."""
    return 0 if row["text"] else int(row["id"].rpartition("#")[2])


def sentences_of(text: str) -> "list[CharSpan]":
    """The sentences of a text that a network wrote, which may have no capitals."""
    from nlp_transfer.data.encoding.sentences import sentence_spans

    if text != text.lower():
        return sentence_spans(text)
    # The splitter looks at capitals; where a tokenizer has dropped them, each possible beginning gets one.
    begins = [True] + [before.isspace() for before in text]
    capitals = "".join(
        letter.upper() if begin and len(letter.upper()) == 1 else letter
        for letter, begin in zip(text, begins, strict=False)
    )
    return sentence_spans(capitals)


def join_chunk_summaries(parts: Sequence[str]) -> str:
    """The summaries of a document's windows as one, without sentences that were written of windows before."""
    from nlp_transfer.metrics.tokenization import concatenate_sentences, plain_words

    said: set[tuple[str, ...]] = set()
    kept = []
    for part in parts:
        sentences = [part[first:last] for first, last in sentences_of(part)]
        words = [tuple(plain_words(sentence)) for sentence in sentences]
        kept += [sentence for sentence, own in zip(sentences, words, strict=True) if not own or own not in said]
        said.update(words)
    return concatenate_sentences(kept)


def summaries_and_references(documents: Sequence[GeneratedSummary]) -> tuple[list[list[str]], list[list[str]] | None]:
    """The sentences of each summary, and of each reference; None where not all documents have one."""
    from nlp_transfer.data.encoding.sentences import sentence_spans

    summaries = [[one.written[a:b] for a, b in sentences_of(one.written)] for one in documents]
    if any(one.summary is None for one in documents):
        return summaries, None
    references = [str(one.summary) for one in documents]
    return summaries, [[text[a:b] for a, b in sentence_spans(text)] for text in references]


def document_metrics(
    documents: Sequence[GeneratedSummary], *, interval: bool, bertscore: "Path | None" = None
) -> dict[str, Any]:
    """`summary_metrics` of what was written of each document, checked against it."""
    from nlp_transfer.metrics.scoring import summary_metrics

    summaries, references = summaries_and_references(documents)
    texts = [one.text for one in documents]
    return summary_metrics(summaries, texts, references, interval=interval, checked=True, bertscore=bertscore)
