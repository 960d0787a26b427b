"""Describe the corpora of a run: origin, rows, fingerprint and notes."""

from nlp_transfer.reporting.report import CorpusFacts, Report
from nlp_transfer.tasks.blocks import Block, Section, Text, escape_markdown


def corpora(report: Report) -> Section:
    """Return the section about the corpora."""
    blocks: list[Block] = []
    for domain, facts in report.corpora.items():
        blocks.append(Text(f"**{domain}**: {escape_markdown(facts.origin)}"))
        blocks.append(Text(corpus_lines(facts)))
    return Section("Corpora", tuple(blocks))


def corpus_lines(facts: CorpusFacts) -> str:
    """Return the rows, fingerprint and notes of a corpus as a list in Markdown.

    Example:
        >>> print(corpus_lines(CorpusFacts("data/kitchen", "f00d", {"test": 4}, ("2 rows were dropped.",))))
        - rows: test 4
        - fingerprint: `f00d`
        - 2 rows were dropped.
    """
    lines = [f"rows: {facts.row_counts()}", f"fingerprint: `{facts.fingerprint}`", *map(escape_markdown, facts.notes)]
    return "\n".join(f"- {line}" for line in lines)
