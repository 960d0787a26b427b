"""The sections about corpora, cost, versions, use and configuration."""

import pytest

from nlp_transfer.reporting.sections.record import configuration, corpora, cost, usage, versions
from nlp_transfer.tasks import TASKS
from nlp_transfer.tasks.blocks import Section, Text
from tests.reporting.sections.reports import small_report


def test_rows_fingerprint_and_notes():
    assert corpora(small_report()) == Section(
        "Corpora",
        (
            Text("**source**: a \\*folder\\*"),
            Text("- rows: train 1,200, test 4\n- fingerprint: `f00d`\n- 2 dropped"),
        ),
    )


def test_one_line_a_measure():
    lines = "- Parameters trained: 1 of 2 (50.00%)\n- Computed on: a machine"
    assert cost(small_report()) == Section("Cost", (Text(lines),))


def test_what_is_not_installed_is_named_too():
    assert versions(small_report()) == Section("Versions", (Text("torch 2.13, onnx not installed"),))


def test_nothing_without_a_model():
    assert usage(small_report()) is None


@pytest.mark.parametrize("task", TASKS)
def test_the_models_folder_is_named(task):
    section = usage(small_report(task=task, paths={"model": "runs/{a}/model"}))
    assert section is not None
    assert "runs/{a}/model" in section.blocks[0].markdown
    assert "{model}" not in section.blocks[0].markdown


def test_secrets_are_left_out():
    (block,) = configuration(small_report()).blocks
    assert block.markdown == "```yaml\nmodel: encoder\ntraining: {}\n```"
