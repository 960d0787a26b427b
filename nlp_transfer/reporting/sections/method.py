"""Describe how a run was trained: methods, what they chose and counted, and the decision's thresholds."""

from typing import Any

from nlp_transfer.files import to_json_value
from nlp_transfer.reporting.report import Report, SearchSummary
from nlp_transfer.tasks.blocks import Alert, Block, Section, Table, Text, escape_markdown


def method(report: Report) -> Section:
    """Return the section about the methods."""
    first = f"{report.method_names}, on `{report.model}`, task `{report.task}`, seed {report.seed}."
    lines = [] if report.search is None else [_search_line(report.search)]
    lines += [
        f"- {escape_markdown(str(key))}{'' if value is True else f': {describe(value)}'}"
        for key, value in report.facts.items()
    ]
    return Section("Method", (Text(first), *([Text("\n".join(lines))] if lines else ())))


def _search_line(search: SearchSummary) -> str:
    tried = ", ".join(f"{values} ({score:.4f})" for values, score in search.scores.items())
    return f"- {escape_markdown(f'chosen by {search.metric}: {search.chosen}; tried: {tried}')}"


def findings(report: Report) -> Section | None:
    """Return the section with the findings about the predictions; their alerts stand first in a report."""
    blocks: list[Block] = []
    for one in report.findings:
        blocks += [Text(f"### {one.title}"), *(block for block in one.blocks if not isinstance(block, Alert))]
    return Section("Findings", tuple(blocks)) if blocks else None


def thresholds(report: Report) -> Section | None:
    """Return the section about the thresholds; None where predictions need none."""
    if not report.thresholds:
        return None
    rows = [[name, f"{value:.4f}"] for name, value in report.thresholds.items()]
    note = Text("Chosen on validation: a label is predicted from this probability on.")
    return Section("Thresholds", (note, Table("", ["label", "threshold"], rows)))


def describe(value: Any) -> str:
    """Write a value as Markdown in one line.

    Example:
        >>> describe({"layer": 4, "C": 0.1})
        'layer: 4; C: 0.1'
    """
    if isinstance(value, dict):
        return "; ".join(f"{escape_markdown(str(key))}: {describe(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(describe(item) for item in value)
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return escape_markdown(str(to_json_value(value)))
