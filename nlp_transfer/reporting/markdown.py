"""Write sections as Markdown: `report.md`, for a reader who was not there."""

from collections.abc import Iterator

from nlp_transfer.reporting.report import MODEL, Report
from nlp_transfer.reporting.sections import SECTIONS
from nlp_transfer.reporting.tables import to_markdown
from nlp_transfer.tasks import TASKS
from nlp_transfer.tasks.blocks import Alert, Block, Section, Table, Text, escape_markdown


def report_markdown(report: Report) -> str:
    """Write the whole report."""
    parts = [f"# {escape_markdown(report.title)}\n", _summary(report)]
    parts += [f"\n{block_markdown(Alert(warning))}" for warning in report.warnings]
    made = (make(report) for make in SECTIONS)
    parts += ["", *(section_markdown(section) for section in made if section is not None)]
    return "\n".join(parts)


def section_markdown(section: Section, level: int = 2) -> str:
    """Write a section with its heading.

    Args:
        section: what to write.
        level: of the heading.

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
    """Write one block."""
    match block:
        case Text():
            return block.markdown
        case Table():
            return to_markdown(block)
        case Alert():
            return f"**Warning**: {escape_markdown(block.text)}"
    return f"![{escape_markdown(block.caption)}]({block.path})"


def _summary(report: Report) -> str:
    """Return one paragraph: who learned what, how well, and whether it beat the best baseline."""
    return " ".join(_sentences(report))


def _sentences(report: Report) -> Iterator[str]:
    origins = {domain: escape_markdown(corpus.origin) for domain, corpus in report.corpora.items()}
    how = f"moved into {origins.get('source', 'its domain')}"
    if "target" in origins:
        how = f"trained on {origins.get('source', 'its source')}, with the target domain {origins['target']},"
    yield f"`{report.model}` {how} by {report.method_names} ({report.seed_words})."
    for domain, split in report.headlines():
        systems = report.systems(domain, split)
        scores = systems.pop(MODEL)
        yield TASKS[report.task].headline(f"{domain} {split}", scores, systems)
