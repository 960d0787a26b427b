"""Report the generated summaries that repeat a training summary."""

from collections.abc import Iterable, Mapping, Sequence

from nlp_transfer.metrics.tokenization import plain_words
from nlp_transfer.tasks.blocks import Section, facts_section
from nlp_transfer.tasks.summarization.summaries import GeneratedSummary


def repetition_sections(
    documents: Mapping[str, Sequence[GeneratedSummary]], training_summaries: Iterable[str]
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


def repeated_summaries(documents: Sequence[GeneratedSummary], known: set[tuple[str, ...]]) -> tuple[int, int | None]:
    """Return how many generated summaries and how many references are known; None without references.

    Args:
        known: the words of each training summary.
    """
    references = [document.reference for document in documents if document.reference is not None]
    repeated = sum(tuple(plain_words(document.written)) in known for document in documents)
    return repeated, sum(tuple(plain_words(text)) in known for text in references) if references else None
