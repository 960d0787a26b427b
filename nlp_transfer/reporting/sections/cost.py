"""Describe what a run took."""

from nlp_transfer.reporting.report import Report
from nlp_transfer.tasks.blocks import Section, Text


def cost(report: Report) -> Section:
    """Return the section about parameters, time and memory."""
    return Section("Cost", (Text("\n".join(f"- {line}" for line in report.cost.lines())),))
