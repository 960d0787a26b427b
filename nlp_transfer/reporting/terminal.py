"""Show results in a terminal."""

import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from rich.console import Group, RenderableType
from rich.text import Text

from nlp_transfer.methods import FrozenEncoder
from nlp_transfer.metrics.metric import Scores
from nlp_transfer.reporting.report import Report
from nlp_transfer.reporting.sections.results import headlines, result_tables
from nlp_transfer.reporting.tables import GroupedTable, console, to_rich
from nlp_transfer.tasks import TASKS
from nlp_transfer.tasks.base import Task
from nlp_transfer.tasks.blocks import Alert, Figure, Section, Table
from nlp_transfer.tasks.blocks import Text as Markdown


def report_summary(report: Report) -> RenderableType:
    """Return the end of a run's output: each domain's systems, cost, paths, warnings, verdicts and next steps."""
    parts: list[RenderableType] = []
    for domain, split in report.headlines():
        parts += split_summary(TASKS[report.task], report.systems(domain, split), f"{domain} · {split}")
    # Paths and counts are texts, not markup, and stay whole for copying.
    parts += [Text("\n".join(report.cost.lines()) + "\n"), *path_lines(report.paths)]
    parts += [Text(f"\nWarning: {warning}") for warning in report.warnings]
    return Group(*parts, *(Text(f"\n{sentence}") for sentence in [*headlines(report), *next_steps(report)]))


def next_steps(report: Report) -> Iterator[str]:
    """Yield what to do with a run's result."""
    if "page" in report.paths:
        yield f"The whole report is {report.paths['page']}."
    if report.methods == (FrozenEncoder.name,):
        yield "Next: train the encoder, too, which takes longer: --methods lp_ft and another training.output_dir."


def summary_text(report: Report) -> str:
    """Return the summary as text of `PIPED_WIDTH` columns."""
    text = io.StringIO()
    console(text).print(report_summary(report))
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines()).strip()


def split_summary(task: type[Task], systems: Mapping[str, Scores], where: str) -> Iterator[RenderableType]:
    """Yield the tables of one split, each with a blank line after it."""
    count = next(iter(systems.values()))["rows"]
    for table in result_tables(systems, f"{where} · {count:,} {task.wording.unit}", task.scored_rows):
        if table.in_terminal:
            yield from (to_rich(table), Text())
    for block in task.details(systems):
        if isinstance(block, Table) and block.in_terminal:
            yield from (GroupedTable(replace(block, title=f"{where} · {block.title}")), Text())


def path_lines(paths: Mapping[str, str]) -> list[Text]:
    """Return written files and folders, one a line."""
    width = max(map(len, paths), default=0)
    return [Text(f"{name:<{width}}  {path}", overflow="fold") for name, path in paths.items()]


def print_sections(sections: Iterable[Section]) -> None:
    """Print the tables, texts and warnings of sections, with a blank line after each."""
    out = console()
    for section in sections:
        for block in section.blocks:
            if isinstance(block, Table):
                out.print(to_rich(block, longest_name=60))
            elif isinstance(block, Markdown | Alert):
                text = block.markdown if isinstance(block, Markdown) else f"Warning: {block.text}"
                out.print(text, markup=False, highlight=False)
            if not isinstance(block, Figure):
                out.print("")
