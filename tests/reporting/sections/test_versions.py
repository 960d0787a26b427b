"""The section about the libraries."""

from nlp_transfer.reporting.sections.versions import versions
from nlp_transfer.tasks.blocks import Section, Text
from tests.reporting.sections.reports import small_report


def test_what_is_not_installed_is_named_too():
    assert versions(small_report()) == Section("Versions", (Text("torch 2.13, onnx not installed"),))
