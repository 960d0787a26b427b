"""Report the length of summaries, the place of what they take, and those that repeat a training summary."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from nlp_transfer.metrics.tokenization import plain_words
from nlp_transfer.tasks.blocks import Figure, Section, facts_section
from nlp_transfer.tasks.charts import Curves
from nlp_transfer.tasks.summarization.summaries import DocumentSummary, ExtractedSummary

PARTS = 10
"""Number of equal parts of a document in which sentences are counted."""

LENGTH_POINTS = 50
"""Maximum number of points of a line of lengths."""


def summary_sections(documents: Mapping[str, Sequence[DocumentSummary]]) -> tuple[Section, ...]:
    """Return the section on the length of each split's summaries, and of extracts their place in the document."""
    figures = []
    for where, of_split in documents.items():
        if of_split:
            figures.append(_lengths(of_split, where))
        extracts = [one for one in of_split if isinstance(one, ExtractedSummary) and one.taken]
        if extracts:
            figures.append(_places(extracts, where))
    return (Section("Length and place of summaries", tuple(figures)),) if figures else ()


def _lengths(documents: Sequence[DocumentSummary], where: str) -> Figure:
    """Return the share of summaries that are at most so long, of the model's and of the references."""
    words = {
        "model": [len(one.summary.split()) for one in documents],
        "reference": [len(one.reference.split()) for one in documents if one.reference is not None],
    }
    known = {name: np.sort(lengths) for name, lengths in words.items() if lengths}
    ends = np.unique(np.linspace(0, 1, LENGTH_POINTS + 1).round(4))[1:]
    lines = {
        name: [[int(lengths[max(0, int(np.ceil(end * len(lengths))) - 1)]), float(end)] for end in ends]
        for name, lengths in known.items()
    }
    medians = ", ".join(f"{name} {np.median(lengths):g}" for name, lengths in known.items())
    return Figure(
        Curves("words", "share of summaries", lines),
        f"Length of summaries of {where}, median in words: {medians}",
        f"Length of summaries, {where}: the share that have at most so many words.",
    )


def _places(documents: Sequence[ExtractedSummary], where: str) -> Figure:
    """Return where in its document a sentence of a summary stands: of the model's, and of those labelled."""
    taken, labelled = np.zeros(PARTS), np.zeros(PARTS)
    for document in documents:
        sentences = len(document.spans)
        for counts, numbers in (
            (taken, document.taken),
            (labelled, np.flatnonzero(np.asarray(document.labels or []) == 1)),
        ):
            np.add.at(counts, np.asarray(numbers, dtype=int) * PARTS // sentences, 1)
    lines = {
        name: [[(place + 0.5) / PARTS, round(float(share), 4)] for place, share in enumerate(counts / counts.sum())]
        for name, counts in (("model", taken), ("labels", labelled))
        if counts.sum()
    }
    first = ", ".join(f"{name} {points[0][1]:.0%}" for name, points in lines.items())
    return Figure(
        Curves("place in the document (0 begin, 1 end)", "share of sentences", lines),
        f"Place of the sentences of summaries of {where}; in the first tenth: {first}",
        f"Place, {where}: where in the document the sentences of a summary stand, in {PARTS} equal parts.",
    )


def repetition_sections(
    documents: Mapping[str, Sequence[DocumentSummary]], training_summaries: Iterable[str]
) -> tuple[Section, ...]:
    """Return the section on summaries that are a training summary word for word."""
    known = {tuple(plain_words(text)) for text in training_summaries}
    facts = {}
    for place, of_split in documents.items():
        repeated, references = repeated_summaries(of_split, known)
        of_references = "" if references is None else f"; of the references {references:,}"
        facts[place] = f"{repeated:,} of {len(of_split):,}{of_references}"
    section = facts_section("Summaries that are a training summary word for word", ("split", "summaries"), facts)
    return () if section is None else (section,)


def repeated_summaries(documents: Sequence[DocumentSummary], known: set[tuple[str, ...]]) -> tuple[int, int | None]:
    """Return how many generated summaries and how many references are known; None without references.

    Args:
        known: the words of each training summary.
    """
    references = [document.reference for document in documents if document.reference is not None]
    repeated = sum(tuple(plain_words(document.summary)) in known for document in documents)
    return repeated, sum(tuple(plain_words(text)) in known for text in references) if references else None
