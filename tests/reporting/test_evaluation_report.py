"""What an evaluation says and writes: markup in paths and notes, an empty setting, baselines, and a folder in the way."""

import gzip
import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from nlp_transfer.errors import CheckpointError
from nlp_transfer.metrics.table import classification_metrics
from nlp_transfer.reporting.evaluation_report import Evaluation
from nlp_transfer.reporting.report import CorpusFacts
from nlp_transfer.reporting.tables import console

FILES = ["metrics.json", "predictions.jsonl.gz", "report.html", "report.json", "report.md"]
LINES = [
    {"id": name, "split": "test", "domain": "target", "label": "no", "predicted": said, "probabilities": {said: 0.9}}
    for name, said in (("r1", "no"), ("r2", "yes"))
]


@pytest.fixture
def evaluation() -> Evaluation:
    """Four rows, three of which are right."""
    found = classification_metrics(np.array([1, 1, 0, 1]), np.array([1, 1, 0, 0]), ["no", "yes"], multi_label=False)
    facts = CorpusFacts("data/[old]/a_b", "f" * 64, {"test": 4, "train": 1200}, ("2 rows of [x] were dropped.",))
    return Evaluation("runs/a_b", "sequence_classification", facts, "test", found, settings={"max_length": 64})


def test_what_the_terminal_says(evaluation: Evaluation, capsys: pytest.CaptureFixture[str]) -> None:
    console().print(replace(evaluation, paths={"report": "out/[1]/report.md", "metrics": "m.json"}).summary())
    printed = capsys.readouterr().out
    assert printed.startswith("test · 4 rows")
    assert "\naccuracy " in printed and "0.750" in printed
    ends = [
        "Otherwise than in the model's run: max_length 64.",
        "2 rows of [x] were dropped.",
        "report   out/[1]/report.md",
        "metrics  m.json",
    ]
    lines = printed.splitlines()
    empty = max(place for place, line in enumerate(lines) if not line)
    assert lines[empty - 4 : empty] == ends
    assert " ".join(" ".join(lines[empty:]).split()) == evaluation.headline
    assert evaluation.headline.startswith("On 4 rows of test the model's macro-F1 is 0.733 (95 % interval ")
    assert evaluation.headline.endswith(" and its accuracy 0.750. 4 rows are too few to tell systems apart.")


def test_what_was_not_set_is_not_said(evaluation: Evaluation, capsys: pytest.CaptureFixture[str]) -> None:
    quiet = replace(evaluation, settings={})
    console().print(quiet.summary())
    assert "Otherwise" not in capsys.readouterr().out + quiet.markdown()


def test_the_report_shows_names_as_they_are(evaluation: Evaluation) -> None:
    report = evaluation.markdown()
    assert report.startswith(
        f"# runs/a_b on data/\\[old\\]/a_b\n\n{evaluation.headline}\n\n## Results on test (4 rows)\n"
    )
    assert "- rows: test 4, train 1,200\n" in report
    assert f"- fingerprint: `{'f' * 64}`\n- 2 rows of \\[x\\] were dropped.\n" in report
    assert "The model's confusions, rows true, columns predicted:" in report
    assert report.index("## Corpus") < report.index("## Versions") and "torch" in report.splitlines()[-1]


def test_the_page_has_what_the_page_of_a_run_has(evaluation: Evaluation) -> None:
    page = evaluation.page()
    assert page.startswith("<!DOCTYPE html>") and "<h1>runs/a_b on data/[old]/a_b</h1>" in page
    assert '<a href="#corpus">Corpus</a><a href="#versions">Versions</a></nav>' in page
    assert "Confusion matrix: 3 of 4 rows are on its diagonal" in page and "<td>0.750</td>" in page
    assert "Otherwise than in the model's run: max_length 64." in page


def test_all_is_written_and_the_paths_said(evaluation: Evaluation, tmp_path: Path) -> None:
    compared = replace(evaluation, baselines={"majority": evaluation.metrics})
    written = compared.write(tmp_path / "out", LINES)
    assert written == replace(compared, paths=written.paths)
    assert {word: Path(path).name for word, path in written.paths.items()} == {
        "predictions": "predictions.jsonl.gz",
        "report": "report.md",
        "page": "report.html",
        "metrics": "metrics.json",
        "baselines": "baselines.json",
    }
    assert json.loads(Path(written.paths["metrics"]).read_text())["target"]["test"]["accuracy"] == 0.75
    assert json.loads(Path(written.paths["baselines"]).read_text())["majority"]["target"]["test"]["rows"] == 4
    assert Path(written.paths["report"]).read_text() == compared.markdown()
    assert Path(written.paths["page"]).read_text() == compared.page()
    assert json.loads((tmp_path / "out" / "report.json").read_text()) == {
        "title": "runs/a_b on data/[old]/a_b",
        "task": "sequence_classification",
        "model": "runs/a_b",
        "corpora": {"target": json.loads(json.dumps(asdict(compared.corpus)))},
        "split": "test",
        "settings": {"max_length": 64},
        "paths": written.paths,
        "versions": compared.versions,
    }
    lines = gzip.decompress(Path(written.paths["predictions"]).read_bytes()).splitlines()
    assert [json.loads(line)["predicted"] for line in lines] == ["no", "yes"]


def test_without_baselines_there_is_no_file_of_them(evaluation: Evaluation, tmp_path: Path) -> None:
    evaluation.write(tmp_path, LINES)
    assert sorted(path.name for path in tmp_path.iterdir()) == FILES


def test_a_folder_that_cannot_be_made(evaluation: Evaluation, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(CheckpointError) as caught:
        evaluation.write(tmp_path / "file" / "out", LINES)
    assert str(caught.value) == f"--output_dir {tmp_path / 'file' / 'out'} cannot be written: Not a directory."
    assert (tmp_path / "file").read_text() == "mine"
