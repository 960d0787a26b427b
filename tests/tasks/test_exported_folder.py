"""An exported model is found by its folder, with the graph of a precision."""

import json

import pytest

from nlp_transfer.errors import CheckpointError, ConfigError
from nlp_transfer.tasks import exported_folder
from nlp_transfer.tasks.exported_folder import FILES, FOLDER, export_record, find_exported


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder of a run with an exported graph, whose files are not looked at."""
    monkeypatch.setattr(exported_folder, "require_packages", lambda: None)
    place = tmp_path / FOLDER
    place.mkdir()
    (place / FILES["int8"]).touch()
    (place / "config.json").write_text(json.dumps({"nlp_transfer": {"task": "x", "export": {"opset": 18}}}))
    return tmp_path


def test_a_run_and_its_export_are_one(folder):
    for name in (folder, folder / FOLDER):
        found = find_exported(name, "int8")
        assert (found.folder, found.precision, found.record["task"]) == (folder / FOLDER, "int8", "x")
    assert export_record(folder / FOLDER) == {"opset": 18}
    assert export_record(folder) is None


def test_a_precision_that_is_missing_is_named(folder):
    with pytest.raises(
        CheckpointError, match=r"has no model\.onnx; it holds model_int8\.onnx\. Choose --precision int8"
    ):
        exported_folder._file(folder / FOLDER, "float32")
    with pytest.raises(ConfigError, match=r"^--precision: Unknown precision 'int4'"):
        exported_folder._file(folder / FOLDER, "int4")
    assert exported_folder._file(folder / FOLDER, None) == folder / FOLDER / FILES["int8"]


def test_a_folder_without_a_graph_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(exported_folder, "require_packages", lambda: None)
    with pytest.raises(CheckpointError, match=r"holds no exported model: there is neither model\.onnx nor model_int8"):
        find_exported(tmp_path)
    with pytest.raises(CheckpointError, match=r"^The model's name is empty"):
        find_exported("")
