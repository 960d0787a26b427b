"""Runs that were scored on the same rows are compared; others are refused with what differs."""

import gzip
import json
import shutil
from pathlib import Path

import pytest

from nlp_transfer.commands import main
from nlp_transfer.commands.finished_runs import read_run
from nlp_transfer.commands.run_comparison import compare_runs, row_scores
from nlp_transfer.config.command_ending import BAD_INPUT
from nlp_transfer.errors import CheckpointError, ConfigError
from tests.tiny_finished_runs import finished_runs


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return finished_runs(tmp_path_factory.mktemp("compare"), (0,))[0]


@pytest.fixture
def runs(finished, tmp_path):
    """Return a maker of runs like the finished one, with other settings and predictions."""

    def make(name, *, seed=0, rate=2e-3, change=lambda row: row):
        place = shutil.copytree(finished, tmp_path / name)
        record = json.loads((place / "run.json").read_text())
        record["config"]["training"] |= {"seed": seed, "learning_rate": rate, "output_dir": str(place)}
        record.pop("results", None)
        (place / "run.json").write_text(json.dumps(record))
        path = place / "predictions.jsonl.gz"
        rows = [change(json.loads(line)) for line in gzip.decompress(path.read_bytes()).splitlines()]
        path.write_bytes(gzip.compress("".join(f"{json.dumps(row)}\n" for row in rows if row).encode()))
        return str(place)

    return make


def right(row):
    return {**row, "predicted": row["label"]}


def wrong(row):
    return {**row, "predicted": "public" if row["label"] != "public" else "copyleft"}


def test_runs_that_differ_in_their_seed_are_one_system(runs):
    folders = [runs("good-0", change=right), runs("good-1", seed=1, change=right), runs("bad", rate=1e-3, change=wrong)]
    found = compare_runs(folders)
    assert [(one.name, len(one.runs), one.mean) for one in found.systems] == [("good", 2, 1.0), ("bad", 1, 0.0)]
    (pair,) = found.differences
    assert (pair.second, pair.first, pair.difference, pair.clear) == ("good", "bad", 1.0, True)
    assert found.sentences() == [
        "good is better than bad: 100.0 points of macro-F1, 95 % interval +100.0 to +100.0. These rows show differences "
        "from about 0.0 on.",
        f"By quality take good (its best run is {folders[0]}).",
        "A system with one seed is one trained model: another seed may change the order.",
    ]


def test_lines_are_compared_by_their_ids_whatever_their_order(runs):
    folders = [runs("one", change=right), runs("two", rate=1e-3, change=right)]
    path = Path(folders[1]) / "predictions.jsonl.gz"
    lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    path.write_bytes(gzip.compress(b"".join(reversed(lines))))
    metric, scores, rows = row_scores([read_run(Path(one)) for one in folders], "source", "test")
    assert (metric.name, rows) == ("macro_f1", len(scores.references))
    assert scores.observed().tolist() == [1.0, 1.0]


def test_systems_that_the_rows_do_not_tell_apart_are_chosen_by_cost(runs):
    folders = [runs("slow"), runs("fast", rate=1e-3)]
    found = compare_runs(folders)
    assert found.differences[0].difference == 0
    assert not found.differences[0].clear
    assert any(sentence.startswith("These rows do not tell") for sentence in found.sentences())


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda row: {**row, "label": "public"}, "has other labels than"),
        (
            lambda row: None if row["split"] == "test" and row["id"].endswith("1") else row,
            "was scored on other rows of",
        ),
    ],
)
def test_other_rows_or_labels_are_refused(runs, change, problem):
    with pytest.raises(CheckpointError, match=problem):
        compare_runs([runs("a"), runs("b", rate=1e-3, change=change)])


def test_a_split_without_predictions_is_refused(runs):
    with pytest.raises(CheckpointError, match="has no rows of source train"):
        compare_runs([runs("a"), runs("b", rate=1e-3)], split="train")


def test_one_system_or_a_run_twice_is_refused(runs):
    one = runs("a-0")
    with pytest.raises(ConfigError, match="differ in their seed alone"):
        compare_runs([one, runs("a-1", seed=1)])
    with pytest.raises(ConfigError, match="named twice"):
        compare_runs([one, one])


def test_the_command_prints_and_writes_tables(runs, tmp_path, capsys):
    words = [runs("good", change=right), runs("bad", rate=1e-3, change=wrong), "--output", str(tmp_path / "out")]
    assert main(["compare", *words]) == 0
    printed = capsys.readouterr().out
    assert "macro-F1 on " in printed
    assert "good is better than bad: 100.0 points" in printed
    assert "| good - bad | +100.0 | +100.0 to +100.0 |" in (tmp_path / "out" / "compare.md").read_text()
    page = (tmp_path / "out" / "compare.html").read_text()
    assert "good is better than bad: 100.0 points" in page
    assert page.count("<svg") == 1
    record = json.loads((tmp_path / "out" / "compare.json").read_text())
    assert record["systems"][0]["name"] == "good"
    assert main(["compare", *words]) == BAD_INPUT  # the folder is not empty
    assert main(["compare", words[0]]) == BAD_INPUT
