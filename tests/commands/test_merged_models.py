"""What may choose among weights, and what it needs."""

from pathlib import Path

import pytest

from nlp_transfer.commands.finished_runs import read_run
from nlp_transfer.commands.merged_models import WITHOUT_LABELS, WeightScorer, weight_choices
from nlp_transfer.errors import CheckpointError
from nlp_transfer.metrics.table import LABEL_FREE
from nlp_transfer.tasks import SequenceClassification
from tests.tiny_finished_runs import finished_runs


def test_a_score_of_target_texts_needs_a_target(tmp_path: Path) -> None:
    (folder,) = finished_runs(tmp_path, (0,), target=None)
    with pytest.raises(CheckpointError) as caught:
        WeightScorer(read_run(folder), "target_infomax")
    assert str(caught.value) == f"--choose_by target_infomax looks at a target's texts, and {folder} had no target."


def test_what_may_choose_needs_no_labels_of_the_target() -> None:
    assert set(WITHOUT_LABELS) <= set(LABEL_FREE)
    assert weight_choices(SequenceClassification()) == ("macro_f1", *WITHOUT_LABELS)
