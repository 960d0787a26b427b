"""Describe the corpora of a run: origin, rows, fingerprint and notes."""

from nlp_transfer.reporting.report import Report
from nlp_transfer.tasks.blocks import Block, Section, Text, escape_markdown


def corpora(report: Report) -> Section:
    """Return the section about the corpora."""
    blocks: list[Block] = []
    for domain, facts in report.corpora.items():
        rows = ", ".join(f"{name} {count:,}" for name, count in facts.rows.items())
        lines = [f"- rows: {rows}", f"- fingerprint: `{facts.fingerprint}`"]
        lines += [f"- {escape_markdown(note)}" for note in facts.notes]
        blocks.append(Text(f"**{domain}**: {escape_markdown(facts.origin)}"))
        blocks.append(Text("\n".join(lines)))
    return Section("Corpora", tuple(blocks))
