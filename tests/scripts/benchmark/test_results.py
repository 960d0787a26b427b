"""The file of measurements: whole after each, and of one benchmark on one machine."""

import json

import pytest

from nlp_transfer.errors import CheckpointError
from scripts.benchmark.results import Key, Results
from tests.scripts.benchmark.conftest import measurement

TREE = {"cases": {"full": {"rows": 8}}}
MACHINE = {"device": "cpu", "versions": {"torch": "2.13"}}
KEY = Key("full", "ours", 1, 3, rows=16, processes=2)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "runs" / "benchmark.json"
    results = Results(path, TREE, MACHINE)
    results.add(Key("full", "stock", 0, 0), measurement(seconds=5.0))
    results.add(KEY, measurement(flops=None, macro_f1=None))
    return path


def test_what_was_measured_is_read_again(file):
    again = Results(file, TREE, MACHINE)
    assert again.found == {
        Key("full", "stock", 0, 0): measurement(seconds=5.0),
        KEY: measurement(flops=None, macro_f1=None),
    }
    tree = json.loads(file.read_text())
    assert (tree["benchmark"], tree["environment"]) == (TREE, MACHINE)
    assert tree["measurements"][1]["processes"] == 2


@pytest.mark.parametrize(
    ("tree", "machine", "text"),
    [
        (
            {"cases": {"full": {"rows": 9}}},
            MACHINE,
            "holds measurements of another benchmark file. Name another file, or delete it. What differs (there -> now):\n"
            "  cases.full.rows: 8 -> 9",
        ),
        (
            TREE,
            {"device": "cpu", "versions": {"torch": "2.14"}},
            "holds measurements from another machine or other versions. Name another file, or delete it. What differs "
            "(there -> now):\n  versions.torch: '2.13' -> '2.14'",
        ),
    ],
)
def test_measurements_of_something_else_are_refused(file, tree, machine, text):
    with pytest.raises(CheckpointError) as caught:
        Results(file, tree, machine)
    assert str(caught.value) == f"--output {file} {text}"


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"benchmark": {}, "environment": {}, "measurements": [{"case": "x"}]}']
)
def test_another_file_is_not_written_over(tmp_path, text):
    path = tmp_path / "notes.json"
    path.write_text(text)
    with pytest.raises(CheckpointError, match=r"notes\.json is there and holds no benchmark's measurements"):
        Results(path, TREE, MACHINE)
    assert path.read_text() == text


def test_a_file_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="cannot be written: "):
        Results(tmp_path / "file" / "out.json", TREE, MACHINE)


def test_a_file_without_measurements_is_anyones(tmp_path):
    path = tmp_path / "out.json"
    assert Results(path, TREE, MACHINE).found == {}
    Results(path, {"cases": {}}, MACHINE).add(KEY, measurement())
    assert json.loads(path.read_text())["benchmark"] == {"cases": {}}
