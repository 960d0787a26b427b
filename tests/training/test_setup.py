"""The parts of a run: its corpora, its metrics for a log, and the checkpoint that it goes on from."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from transformers import PrinterCallback
from transformers.integrations import TensorBoardCallback

from nlp_transfer.config.experiment import load_config
from nlp_transfer.errors import CheckpointError, ConfigError
from nlp_transfer.training.setup import latest_checkpoint, load_data, load_model, place_tensorboard, scalars
from tests.tiny_runs import run_tree


def test_a_log_holds_single_numbers():
    assert scalars({"macro_f1": 0.5, "rows": 3, "per_class": {"a": 1.0}, "name": "x"}) == {"macro_f1": 0.5, "rows": 3}


def test_rows_are_encoded_by_domain_and_split(encoder, corpus, tmp_path):
    experiment = load_config(tree=run_tree(encoder, corpus, tmp_path / "run"))
    data = load_data(experiment)
    assert list(data.encoded) == ["source"] == list(data.corpora)
    assert {"train", "validation"} <= set(data.encoded["source"])
    assert {"input_ids", "labels", "length"} <= set(data.encoded["source"]["train"].column_names)
    first, again = (load_model(experiment, data.task).model for _ in range(2))
    assert first.classifier.weight.equal(again.classifier.weight)  # which depend on the seed only


def test_a_prompt_takes_positions_of_the_encoder(encoder, corpus, tmp_path):
    tree = run_tree(encoder, corpus, tmp_path / "run")
    prompt = {"name": "peft", "peft_type": "PROMPT_TUNING", "settings": {"num_virtual_tokens": 4000}}
    experiment = load_config(tree={**tree, "methods": [prompt]})
    with pytest.raises(ConfigError, match="4000 virtual tokens are put before each text, but"):
        load_model(experiment, load_data(experiment).task)


def test_the_newest_whole_checkpoint_is_gone_on_from(tmp_path):
    def resume(newest, torn):
        return SimpleNamespace(resume=SimpleNamespace(newest_checkpoint=lambda: (newest, torn)))

    assert latest_checkpoint(resume(None, []), tmp_path) is None
    assert latest_checkpoint(resume(tmp_path / "checkpoint-3", ["checkpoint-4 is torn"]), tmp_path) == str(
        tmp_path / "checkpoint-3"
    )
    with pytest.raises(
        CheckpointError, match=r"has no whole checkpoint\. --archive_existing \(archive_existing=True\) starts anew"
    ):
        latest_checkpoint(resume(None, ["checkpoint-4 is torn"]), tmp_path)


@pytest.mark.parametrize(("given", "expected"), [(None, "run/tensorboard"), ("elsewhere", "elsewhere")])
def test_tensorboards_files_lie_in_the_runs_folder(given, expected):
    callback = TensorBoardCallback.__new__(TensorBoardCallback)  # it cannot be made without tensorboard
    callback.logging_dir = given
    place_tensorboard([PrinterCallback(), callback], Path("run/tensorboard"))
    assert callback.logging_dir == expected
