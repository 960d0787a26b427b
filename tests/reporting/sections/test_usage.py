"""The section about the model's use."""

import pytest

from nlp_transfer.reporting.sections.usage import usage
from nlp_transfer.tasks import TASKS
from tests.reporting.sections.reports import small_report


def test_nothing_without_a_model():
    assert usage(small_report()) is None


@pytest.mark.parametrize("task", TASKS)
def test_the_models_folder_is_named(task):
    section = usage(small_report(task=task, paths={"model": "runs/{a}/model"}))
    assert section is not None
    assert "runs/{a}/model" in section.blocks[0].markdown
    assert "{model}" not in section.blocks[0].markdown
