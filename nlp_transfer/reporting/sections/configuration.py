"""Show the configuration of a run."""

from nlp_transfer.reporting.config_record import config_record, to_yaml
from nlp_transfer.reporting.report import Report
from nlp_transfer.tasks.blocks import Section, Text


def configuration(report: Report) -> Section:
    """Return the section with the configuration as YAML, without secrets."""
    return Section("Configuration", (Text(f"```yaml\n{to_yaml(config_record(report.config))}```"),))
