"""Describe what a run read, took and left: corpora, cost, versions, use and configuration."""

from collections.abc import Mapping

from nlp_transfer.reporting.config_record import config_record, to_yaml
from nlp_transfer.reporting.report import MODEL, CorpusFacts, Report
from nlp_transfer.tasks import TASKS
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


def cost(report: Report) -> Section:
    """Return the section about parameters, time and memory."""
    return Section("Cost", (Text("\n".join(f"- {line}" for line in report.cost.lines())),))


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


def usage(report: Report) -> Section | None:
    """Return the section about the model's use; None where none was saved."""
    if MODEL not in report.paths:
        return None
    return Section("Use", (Text(TASKS[report.task].wording.usage.format(model=report.paths[MODEL])),))


def configuration(report: Report) -> Section:
    """Return the section with the configuration as YAML, without secrets."""
    return Section("Configuration", (Text(f"```yaml\n{to_yaml(config_record(report.config))}```"),))
