"""List the versions of the libraries that a run used."""

from nlp_transfer.reporting.report import Report
from nlp_transfer.tasks.blocks import Section, Text


def versions(report: Report) -> Section:
    """Return the section about the libraries."""
    named = [f"{name} {version or 'not installed'}" for name, version in report.versions.items()]
    return Section("Versions", (Text(", ".join(named)),))
