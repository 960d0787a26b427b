"""List the versions of the libraries that a run used."""

from collections.abc import Mapping

from nlp_transfer.reporting.report import Report
from nlp_transfer.tasks.blocks import Section, Text


def versions(report: Report) -> Section:
    """Return the section about the libraries."""
    return Section("Versions", (Text(version_list(report.versions)),))


def version_list(installed: Mapping[str, str | None]) -> str:
    """Return versions by library as text.

    Example:
        >>> version_list({"torch": "2.13", "peft": None})
        'torch 2.13, peft not installed'
    """
    return ", ".join(f"{name} {version or 'not installed'}" for name, version in installed.items())
