"""Finished runs are read again as they were; what is none, or lacks what is asked for, is said."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from nlp_transfer import hub
from nlp_transfer.errors import CheckpointError
from nlp_transfer.merged_models import CHOICES, WITHOUT_LABELS, WeightScorer, read_run
from nlp_transfer.metrics.label_free import LABEL_FREE
from tests.tiny_finished_runs import finished_runs


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run's folder. Do not write to it."""
    return finished_runs(tmp_path_factory.mktemp("merged"), (0,))[0]


def test_a_run_is_read_with_its_inputs(finished: Path) -> None:
    run = read_run(finished)
    assert run.inputs == json.loads((finished / "run.json").read_text())["inputs"]
    assert (run.config.task.max_length, run.config.training.seed) == (32, 0)
    state = hub.load(finished).model.state_dict()
    assert run.weights.keys() == state.keys()
    assert all(torch.equal(run.weights[name], weight) for name, weight in state.items())


def test_what_is_no_finished_run(tmp_path: Path, tiny_classifier: Path) -> None:
    for folder, what in ((tmp_path, "holds nothing"), (tiny_classifier, "holds no run")):
        with pytest.raises(CheckpointError) as caught:
            read_run(folder)
        assert str(caught.value) == (
            f"{folder} {what}; expected the output folder of a finished run of scripts/train.py, with run.json, "
            "config.yaml and model/."
        )


def test_an_unfinished_run(finished: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(finished, tmp_path / "run"))
    record = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**record, "status": "running"}))
    with pytest.raises(CheckpointError, match="run holds a run that is not finished; expected the output folder of a"):
        read_run(folder)


def test_a_score_of_target_texts_needs_a_target(tmp_path: Path) -> None:
    (folder,) = finished_runs(tmp_path, (0,), target=None)
    with pytest.raises(CheckpointError) as caught:
        WeightScorer(read_run(folder), "target_infomax")
    assert str(caught.value) == f"--choose_by target_infomax looks at a target's texts, and {folder} had no target."


def test_what_may_choose_needs_no_labels_of_the_target() -> None:
    assert set(WITHOUT_LABELS) <= set(LABEL_FREE)
    assert ("macro_f1", *WITHOUT_LABELS) == CHOICES
