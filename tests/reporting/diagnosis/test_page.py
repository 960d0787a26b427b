"""A diagnosis as a value and as files, and what cannot be diagnosed."""

import json
from pathlib import Path
from typing import Any

import pytest

from nlp_transfer import diagnose
from nlp_transfer.config.experiment import load_config
from nlp_transfer.errors import CheckpointError, ConfigError, DataError
from tests.reporting.diagnosis.conftest import write
from tests.tiny_runs import rows

TITLES = ["Texts", "Classes", "Near-duplicates", "Labels", "More labels", "Encoder", "Source and target", "Label shift"]


def test_what_a_diagnosis_leaves(planted: dict[str, Any], tmp_path: Path) -> None:
    found = diagnose(load_config(tree=planted), output=str(tmp_path / "out"))
    assert [section.title for section in found.sections] == TITLES
    assert str(found).startswith("# Diagnosis of ")
    assert found._repr_markdown_() == str(found)
    assert {Path(path).name for path in found.paths.values()} == {path.name for path in (tmp_path / "out").iterdir()}
    page = (tmp_path / "out" / "diagnosis.html").read_text()
    assert all(title in page for title in TITLES)
    assert "near-duplicates of training texts" in page
    lines = (tmp_path / "out" / "label_errors.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == found.label_errors
    record = json.loads((tmp_path / "out" / "diagnosis.json").read_text())
    assert len(record["sections"]) == 8
    assert record["numbers"]["best_layer"] == found.numbers.best_layer
    assert found.numbers.target_accuracy is not None
    assert record["numbers"]["target_accuracy"]["source"] == found.numbers.target_accuracy.source
    assert not Path(planted["training"]["output_dir"]).exists()  # nothing is trained
    with pytest.raises(CheckpointError, match="--output"):
        diagnose(load_config(tree=planted), output=str(tmp_path / "out"))


def test_texts_stand_in_the_page_where_the_report_shows_texts(planted: dict[str, Any], tmp_path: Path) -> None:
    found = diagnose(load_config(tree={**planted, "report_examples": 3}), output=str(tmp_path / "out"))
    assert found.label_errors[0]["text"] in (tmp_path / "out" / "diagnosis.html").read_text()
    assert (tmp_path / "out").stat().st_mode & 0o077 == 0  # as a run's folder
    without = diagnose(load_config(tree=planted))
    assert "text" not in without.label_errors[0]
    assert found.label_errors[0]["text"] not in str(without)


def test_several_labels(planted: dict[str, Any], tmp_path: Path) -> None:
    from tests.tiny_runs import write_corpus

    corpus = write_corpus(tmp_path / "several", multi_label=True)
    tree = {**planted, "source": {"path": str(corpus)}, "target": {"path": str(corpus / "test.jsonl")}}
    found = diagnose(load_config(tree=tree))
    assert [section.title for section in found.sections] == TITLES[:-1]
    assert {"id", "split", "label", "looks_like", "quality"} == set(found.label_errors[0])


def test_classes_of_one_row_and_two(planted: dict[str, Any], tmp_path: Path) -> None:
    few, test = rows(24, seed=3), rows(6, seed=4)
    for row in [*few[3:], *test]:
        row["label"] = "permissive"  # the other two classes have one or two rows
    corpus = write(tmp_path / "rare", {"train": few, "test": test})
    tree = {**planted, "source": {"path": str(corpus), "split": {"validation": 0}}}
    assert len(diagnose(load_config(tree=tree)).label_errors) == 30


def test_what_has_too_few_rows(planted: dict[str, Any], tmp_path: Path) -> None:
    corpus = write(tmp_path / "five", {"train": rows(5), "test": rows(4, seed=1)})
    tree = {**planted, "source": {"path": str(corpus), "split": {"validation": 0}}}
    with pytest.raises(DataError, match=r"has 9 labelled rows, and a diagnosis needs 20 or more\."):
        diagnose(load_config(tree=tree))
    tree["source"] = {"descriptions": {"copyleft": "share alike", "permissive": "any use", "public": "no rights"}}
    with pytest.raises(DataError, match=r"descriptions of 3 classes has 3 labelled rows"):
        diagnose(load_config(tree=tree))
    same = [{**row, "text": "the same text of more than five words"} for row in rows(24)]
    corpus = write(tmp_path / "same", {"train": same[:20], "test": same[20:]})
    tree["source"] = {"path": str(corpus), "split": {"validation": 0, "method": "given"}}
    with pytest.raises(DataError, match=r"The 24 labelled rows are all near-duplicates"):
        diagnose(load_config(tree={key: value for key, value in tree.items() if key != "target"}))


def test_what_cannot_be_diagnosed(planted: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"was given 'my\.yaml'; expected an Experiment: diagnose\(load_config"):
        diagnose("my.yaml")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"--rows is 3; expected 50 or more"):
        diagnose(load_config(tree=planted), rows=3)
    pretraining = {**planted, "task": {"name": "masked_language_modeling", "max_length": 32}}
    del pretraining["training"]["metric_for_best_model"]
    with pytest.raises(ConfigError, match=r"diagnose needs a task with classes of texts"):
        diagnose(load_config(tree=pretraining))


def test_a_sample_is_named(planted: dict[str, Any]) -> None:
    found = diagnose(load_config(tree=planted), rows=50)
    assert found.sampled.startswith("A sample was read, ")
    assert " of 132 texts of the source and " in found.sampled
    assert " of 60 texts of the target: --rows null reads all." in found.sampled
    assert found.sampled in str(found)
    assert diagnose(load_config(tree=planted), rows=None).sampled == ""


def test_an_encoder_that_is_not_there_is_refused_at_once(
    planted: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nlp_transfer.reporting.diagnosis.page.prepare", None)
    with pytest.raises(ConfigError, match="no_such_folder"):
        diagnose(load_config(tree=planted), encoders="./no_such_folder")
