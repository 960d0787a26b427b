"""Finished runs are read again as they were; what is none is said."""

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from nlp_transfer.commands.finished_runs import read_run
from nlp_transfer.config.experiment import load_config
from nlp_transfer.errors import CheckpointError, ConfigError
from nlp_transfer.tasks import saved_models
from tests.tiny_finished_runs import finished_runs


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run's folder. Do not write to it."""
    return finished_runs(tmp_path_factory.mktemp("finished"), (0,))[0]


def test_a_run_is_read_as_it_was(finished: Path) -> None:
    run = read_run(finished)
    assert run.inputs == json.loads((finished / "run.json").read_text())["inputs"]
    assert (run.task, run.config["task"]["max_length"]) == ("sequence_classification", 32)
    assert (run.settings.task.max_length, run.settings.training.seed) == (32, 0)
    assert run.report.metrics == json.loads((finished / "metrics.json").read_text())
    state = saved_models.load(finished).model.state_dict()
    assert run.weights.keys() == state.keys()
    assert all(torch.equal(run.weights[name], weight) for name, weight in state.items())


@pytest.mark.parametrize(("name", "value"), [("report_to", ["azure_ml"]), ("fp16", True)])
def test_a_logger_or_gpu_that_this_machine_lacks_is_not_needed_to_read(finished: Path, name: str, value: Any) -> None:
    run = read_run(finished)
    training = {key: item for key, item in run.config["training"].items() if key != "precision"}
    elsewhere = {**run.config, "training": {**training, name: value}}
    with pytest.raises(ConfigError, match=f"training.{name} "):
        load_config(tree=elsewhere)
    assert dataclasses.replace(run, record={"config": elsewhere}).settings.source == run.settings.source


def test_what_is_no_finished_run(tmp_path: Path, tiny_classifier: Path) -> None:
    for folder, what in ((tmp_path, "is empty or not there"), (tiny_classifier, "holds no run of ours")):
        with pytest.raises(CheckpointError) as caught:
            read_run(folder)
        assert str(caught.value) == f"{folder} {what}. Expected the output folder of a finished run."


def test_an_unfinished_run(finished: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(finished, tmp_path / "run"))
    record = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**record, "status": "running"}))
    with pytest.raises(CheckpointError, match=r"run holds an unfinished run; finish it with --resume\. Expected"):
        read_run(folder)


@pytest.mark.parametrize("name", ["metrics.json", "report.json", "predictions.jsonl.gz", "log.jsonl"])
def test_results_that_were_changed(finished: Path, tmp_path: Path, name: str) -> None:
    folder = Path(shutil.copytree(finished, tmp_path / "run"))
    read_run(folder)
    (folder / name).write_bytes((folder / name).read_bytes()[:-9])
    with pytest.raises(CheckpointError) as caught:
        read_run(folder)
    assert str(caught.value) == (
        f"{folder / name} was changed after the run had finished. Put the files back as they were, or delete {folder} "
        "and make the run again."
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"cost": ', r"report\.json cannot be read \(.*\)\. Take it from a copy of the run\."),
        ("[1]", r"report\.json holds \[1\]; expected an object\. Take it from a copy of the run\."),
    ],
)
def test_a_torn_file_of_a_run_without_hashes(finished: Path, tmp_path: Path, text: str, message: str) -> None:
    folder = Path(shutil.copytree(finished, tmp_path / "run"))
    record = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({key: value for key, value in record.items() if key != "results"}))
    (folder / "report.json").write_text(text)
    with pytest.raises(CheckpointError, match=message):
        read_run(folder)
