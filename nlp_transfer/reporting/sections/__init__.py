"""List the sections of a run's report: one function and one line in `SECTIONS` each, in their order."""

from collections.abc import Callable

from nlp_transfer.reporting.report import Report
from nlp_transfer.reporting.sections.method import findings, method, thresholds
from nlp_transfer.reporting.sections.record import configuration, corpora, cost, usage, versions
from nlp_transfer.reporting.sections.results import results
from nlp_transfer.tasks.blocks import Section

SECTIONS: tuple[Callable[[Report], Section | None], ...] = (
    results,
    corpora,
    method,
    thresholds,
    findings,
    cost,
    versions,
    usage,
    configuration,
)
"""The sections of a report; each returns None where a run has nothing of its kind."""
