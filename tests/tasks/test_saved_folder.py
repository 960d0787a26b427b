"""A saved model is found by its folder; its record is read with types, and renamed keys are named."""

import json
from pathlib import Path

import pytest

from nlp_transfer.errors import CheckpointError
from nlp_transfer.tasks.saved_folder import CONFIG_KEY, SavedModel, find_saved, run_label_separator, saved_record
from tests.tiny_classifiers import save_classifier


def saved(**record):
    return SavedModel("runs/a", Path("runs/a"), Path("runs/a"), record)


def test_settings_have_their_types():
    found = saved(max_length=64, length="0.2").settings("summarizer", {"max_length": int, "length": float})
    assert found == {"max_length": 64, "length": 0.2}


def test_a_renamed_key_is_named():
    with pytest.raises(CheckpointError) as caught:
        saved(select_by="share", select=0.2).settings("summarizer", {"length_unit": str, "length": float})
    assert str(caught.value) == (
        "runs/a is not a trained summarizer: its config.json lacks how it reads (select_by was renamed length_unit; "
        "select was renamed length: rename it there)."
    )


def test_a_missing_key_is_named():
    with pytest.raises(CheckpointError, match=r"lacks how it reads \('overlap'\)\."):
        saved().settings("summarizer", {"overlap": int})


def test_a_run_and_its_model_are_one(tmp_path):
    save_classifier(tmp_path / "model")
    for name in (tmp_path, tmp_path / "model"):
        found = find_saved(name)
        assert (found.name, found.folder, found.files) == (str(name), tmp_path / "model", tmp_path / "model")
        assert found.record["task"] == "sequence_classification"
    with pytest.raises(CheckpointError, match=r"^The model's name is empty; expected a run's folder"):
        find_saved("")


def test_a_torn_record_is_empty(tmp_path):
    assert saved_record(tmp_path) == {}
    for text in ("{", "[]", json.dumps({CONFIG_KEY: 1})):
        (tmp_path / "config.json").write_text(text)
        assert saved_record(tmp_path) == {}


@pytest.mark.parametrize(
    ("source", "separator"),
    [
        ({"label_separator": ";"}, ";"),
        ({"path": "a.csv"}, None),
        ([{"label_separator": ";"}, {"label_separator": None}, {"label_separator": ";"}], ";"),
        ([{"label_separator": ";"}, {"label_separator": "|"}], None),
    ],
)
def test_a_run_has_one_label_separator_or_none(source, separator, tmp_path):
    (tmp_path / "model").mkdir()
    assert run_label_separator(tmp_path / "model") is None
    (tmp_path / "run.json").write_text(json.dumps({"config": {"source": source}}))
    assert run_label_separator(tmp_path / "model") == separator
