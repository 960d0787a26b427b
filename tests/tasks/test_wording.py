"""Each task has texts for people, which fit any model."""

import pytest

from nlp_transfer.tasks import TASKS


@pytest.mark.parametrize("name", TASKS)
def test_texts_can_be_filled_in(name):
    wording = TASKS[name].wording
    filled = [
        text.format(model="runs/a/model", classes="a and b")
        for text in (wording.purpose, wording.usage, wording.hub_usage)
    ]
    assert all(filled)
    assert "{" not in filled[0]
    assert wording.unit == wording.unit.lower()
    assert wording.legend.endswith(".")
    assert wording.not_for.endswith(".")
