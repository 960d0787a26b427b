"""List the findings about a run's predictions: one function and one line in `FINDINGS` each, in their order."""

from collections.abc import Callable

from nlp_transfer.reporting.run_context import RunContext
from nlp_transfer.reporting.sections.adaptation import (
    adaptation,
    checkpoints,
    gap_to_ceiling,
    pseudo_labels,
    target_labels,
)
from nlp_transfer.reporting.sections.before_training import without_source
from nlp_transfer.reporting.sections.confidence import confidence, worst_errors
from nlp_transfer.reporting.sections.curves import curves
from nlp_transfer.reporting.sections.label_shift import label_shift
from nlp_transfer.reporting.sections.principal_components import principal_components
from nlp_transfer.reporting.sections.source_domains import source_domains
from nlp_transfer.reporting.sections.train_test_overlap import train_test_overlap
from nlp_transfer.reporting.sections.validation_trend import validation_trend
from nlp_transfer.tasks.blocks import Section

FINDINGS: tuple[Callable[[RunContext], Section | None], ...] = (
    target_labels,
    train_test_overlap,
    label_shift,
    checkpoints,
    source_domains,
    pseudo_labels,
    adaptation,
    gap_to_ceiling,
    without_source,
    validation_trend,
    curves,
    confidence,
    principal_components,
    worst_errors,
)
"""Each returns None where a run has nothing of its kind. A report keeps the sections that they return."""


def findings(run: RunContext) -> tuple[Section, ...]:
    """Return the sections about a run's predictions, those that only its task can make first."""
    made = (find(run) for find in FINDINGS)
    return (*run.task.sections(run.corpora, run.scored, run.rows), *(one for one in made if one is not None))
