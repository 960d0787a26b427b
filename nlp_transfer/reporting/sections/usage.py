"""Show how to use the model that a run saved."""

from nlp_transfer.reporting.report import MODEL, Report
from nlp_transfer.tasks import TASKS
from nlp_transfer.tasks.blocks import Section, Text


def usage(report: Report) -> Section | None:
    """Return the section about the model's use; None where none was saved."""
    if MODEL not in report.paths:
        return None
    text = TASKS[report.task].wording.usage.format(model=report.paths[MODEL])
    return Section("Use", (Text(text),))
