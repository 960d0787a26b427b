"""Write reports and sections as Markdown, for a reader who was not there. Figures are in `report.html` alone."""

import os
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path

from nlp_transfer.files import write_json, write_text
from nlp_transfer.reporting.config_record import config_record
from nlp_transfer.reporting.html import PAGE, report_page
from nlp_transfer.reporting.report import BASELINES, METRICS_FILE, REPORT, Report
from nlp_transfer.reporting.sections import SECTIONS
from nlp_transfer.reporting.sections.results import opening
from nlp_transfer.reporting.tables import to_markdown
from nlp_transfer.tasks.blocks import Alert, Block, Section, Table, Text, escape_markdown, section_record


def write_report(report: Report, output_dir: str | os.PathLike[str]) -> Report:
    """Write the report as JSON (three files), `report.md` and `report.html`; return the report with their paths."""
    folder = Path(output_dir)
    written = {"metrics": folder / METRICS_FILE, "report": folder / "report.md", "page": folder / PAGE}
    if report.baselines:
        written["baselines"] = folder / BASELINES
        write_json(written["baselines"], report.baselines)
    report = replace(report, paths={**report.paths, **{name: str(path) for name, path in written.items()}})
    write_text(written["report"], _report_markdown(report))
    write_text(written["page"], report_page(report))
    rest = {name: value for name, value in asdict(report).items() if name not in ("metrics", "baselines")}
    rest |= {"config": config_record(report.config), "findings": [section_record(one) for one in report.findings]}
    write_json(folder / REPORT, rest)
    write_json(written["metrics"], report.metrics)
    return report


def section_markdown(section: Section, level: int = 2) -> str:
    """Return a section with its heading.

    Example:
        >>> print(section_markdown(Section("Cost", (Text("- 3 s"),))))
        ## Cost
        <BLANKLINE>
        - 3 s
        <BLANKLINE>
    """
    heading = [f"{'#' * level} {section.title}\n"] if section.title else []
    return "\n".join([*heading, *(f"{block_markdown(block).rstrip()}\n" for block in section.blocks)])


def block_markdown(block: Block) -> str:
    """Return one block as Markdown.

    Example:
        >>> block_markdown(Alert("Scores are *low*."))
        '**Warning**: Scores are \\\\*low\\\\*.'
    """
    match block:
        case Text():
            return block.markdown
        case Table():
            return to_markdown(block)
        case Alert():
            return f"**Warning**: {escape_markdown(block.text)}"
    return f"[Figure: {escape_markdown(block.alt)}]({PAGE})"


def sections_markdown(
    title: str, sentences: Iterable[str], sections: Iterable[Section], warnings: Iterable[str] = ()
) -> str:
    """Return a document with a title, sentences, warnings and sections.

    Example:
        >>> sections_markdown("run", ["3 s."], [Section("Cost", ())]).splitlines()
        ['# run', '', '3 s.', '', '## Cost']
    """
    parts = [f"# {escape_markdown(title)}\n", " ".join(sentences)]
    parts += [f"\n{block_markdown(Alert(warning))}" for warning in warnings]
    return "\n".join([*parts, "", *map(section_markdown, sections)])


def _report_markdown(report: Report) -> str:
    sections = [section for make in SECTIONS if (section := make(report)) is not None]
    return sections_markdown(report.title, opening(report), sections, report.warnings)
