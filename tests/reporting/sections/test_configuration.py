"""The section with the configuration."""

from nlp_transfer.reporting.sections.configuration import configuration
from tests.reporting.sections.reports import small_report


def test_secrets_are_left_out():
    (block,) = configuration(small_report()).blocks
    assert block.markdown == "```yaml\nmodel: encoder\ntraining: {}\n```"
