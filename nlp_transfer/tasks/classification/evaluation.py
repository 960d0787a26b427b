"""Score and report what a saved classifier makes of labelled texts."""

from typing import TYPE_CHECKING

from nlp_transfer.data.encoding.token_coverage import TokenCoverage
from nlp_transfer.tasks.base import Predictions
from nlp_transfer.tasks.blocks import Section
from nlp_transfer.tasks.classification.decision import Decision
from nlp_transfer.tasks.classification.figures import confidence_figures
from nlp_transfer.tasks.classification.length_section import length_section
from nlp_transfer.tasks.classification.sections import shift_block
from nlp_transfer.tasks.predictor import Evaluated
from nlp_transfer.tasks.reading.long_documents import LongDocuments

if TYPE_CHECKING:
    from datasets import Dataset

_NAME = ("scored", "texts")
"""The domain and the split, as figures and tables name them."""


def evaluated(
    decision: Decision, reading: LongDocuments, scored: Predictions, rows: "Dataset", coverage: TokenCoverage
) -> Evaluated:
    """Return the scores with the sections on confidence, on long documents, and on texts of another kind.

    Args:
        scored: the predictions, with labels.
        rows: `text_length`, `read` and `labels` of the texts.
        coverage: of the texts.
    """
    assert scored.labels is not None
    (domain, split), probabilities = _NAME, decision.probabilities(scored.logits)
    lengths = rows.with_format("numpy")["text_length"][:]
    figures = confidence_figures(probabilities, scored.labels, lengths, " ".join(_NAME))
    sections = [Section("Confidence and errors", tuple(figures))] if figures else []
    if coverage.known is not None:
        shift = shift_block(decision, coverage.known, coverage.frequencies, "These texts")
        sections.insert(0, Section("Decision", (shift,)))
    long = length_section(reading, decision, {domain: {split: scored}}, {domain: {split: rows}})
    return Evaluated(
        decision.scores(probabilities, scored.labels, interval=True),
        {},
        decision.prediction_rows(scored.ids, scored.labels, probabilities),
        decision.row_keys,
        (*sections, long) if long else tuple(sections),
    )
