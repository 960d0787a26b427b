"""What a summariser says of documents: put together from their windows, and scored."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from datasets import Dataset


@dataclass(frozen=True)
class ExtractedSummary:
    """What the model says of one document.

    Args:
        id: the document's.
        text: the document.
        spans: its sentences.
        scores: logits of its sentences.
        taken: the numbers of the sentences that make the summary.
        labels: 0 or 1 for each sentence; None where they are not known.
        summary: the reference; None where there is none.
    """

    id: str
    text: str
    spans: list[tuple[int, int]]
    scores: list[float]
    taken: list[int]
    labels: list[int] | None
    summary: str | None

    @property
    def sentences(self) -> list[str]:
        """The document's."""
        return [self.text[first:last] for first, last in self.spans]


def scored_documents(
    logits: np.ndarray, rows: "Dataset", select: Callable[[Sequence[float], Sequence[str]], list[int]]
) -> Iterator[ExtractedSummary]:
    """See `FittedExtractiveSummarization.documents`."""
    places: dict[int, list[int]] = {}
    for place, number in enumerate(rows["document"]):
        places.setdefault(number, []).append(place)
    for number in sorted(places):
        windows = sorted(
            (rows[place] | {"place": place} for place in places[number]), key=lambda row: row["numbers"][0]
        )
        spans: list[tuple[int, int]] = []
        scores: list[float] = []
        labels: list[int] = []
        for row in windows:
            for i, sentence in enumerate(row["numbers"]):
                if row["scored_from"] <= sentence < row["scored_to"]:
                    spans.append((row["starts"][i], row["ends"][i]))
                    scores.append(float(logits[row["place"], i]))
                    labels += [row["labels"][i]] if "labels" in row else []
        first = windows[0]
        text = first["text"]
        taken = select(scores, [text[start:end] for start, end in spans])
        yield ExtractedSummary(
            first["id"], text, spans, scores, taken, labels if "labels" in first else None, first.get("summary")
        )


def summaries_and_references(documents: Sequence[ExtractedSummary]) -> tuple[list[list[str]], list[list[str]] | None]:
    """The sentences of each summary, and of each reference; None where not all documents have one."""
    from nlp_transfer.data.encoding.sentences import sentence_spans

    summaries = [[one.sentences[number] for number in one.taken] for one in documents]
    if any(one.summary is None for one in documents):
        return summaries, None
    texts = [str(one.summary) for one in documents]
    return summaries, [[text[first:last] for first, last in sentence_spans(text)] for text in texts]


def document_metrics(
    documents: Sequence[ExtractedSummary], *, interval: bool, bertscore: "Path | None" = None
) -> dict[str, Any]:
    """`summary_metrics` of what is taken of each document."""
    from nlp_transfer.metrics.metric import Extract
    from nlp_transfer.metrics.scoring import summary_metrics

    summaries, references = summaries_and_references(documents)
    extracts = [Extract(one.taken, one.labels, one.scores) for one in documents if one.labels is not None]
    return summary_metrics(
        summaries,
        [one.text for one in documents],
        references,
        extracts if len(extracts) == len(documents) else None,
        interval=interval,
        bertscore=bertscore,
    )
