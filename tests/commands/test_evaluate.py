"""Scores of a saved model on a corpus: worked out by hand, and refusals in words."""

import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nlp_transfer import CorpusConfig
from nlp_transfer.commands.evaluate import evaluate_model
from nlp_transfer.errors import CheckpointError, ConfigError, DataError
from nlp_transfer.reporting.tables import console
from nlp_transfer.tasks import saved_models
from nlp_transfer.tasks.backends import Compute
from tests.tiny_classifiers import LABELS, random_texts
from tests.tiny_finished_runs import finished_runs

TEXTS = random_texts(40, seed=7)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NLP_TRANSFER_CACHE", str(tmp_path / "cache"))


Save = Callable[..., CorpusConfig]


@pytest.fixture
def corpus(tmp_path: Path) -> Save:
    """Write splits of rows and name them as a corpus."""

    def save(**splits: list[dict[str, Any]]) -> CorpusConfig:
        folder = tmp_path / "corpus"
        folder.mkdir(exist_ok=True)
        for name, rows in splits.items():
            (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        return CorpusConfig(path=str(folder))

    return save


@pytest.fixture
def predicted(tiny_classifier: Path) -> list[str]:
    """The class that the single-label model gives each of `TEXTS`."""
    return [str(row.predicted) for row in saved_models.load(tiny_classifier).predict(enumerate(TEXTS))]


def rows(labels: list[Any], column: str = "label") -> list[dict[str, Any]]:
    return [
        {"id": f"r{index}", "text": text, column: label}
        for index, (text, label) in enumerate(zip(TEXTS, labels, strict=False))
    ]


def other(label: str) -> str:
    return LABELS[(LABELS.index(label) + 1) % len(LABELS)]


# ---- right use ----


def test_scores_count_right_rows(tiny_classifier: Path, corpus: Save, predicted: list[str]) -> None:
    # Ten of forty rows carry another label than the one predicted.
    labels = [other(label) if index < 10 else label for index, label in enumerate(predicted)]
    result = evaluate_model(str(tiny_classifier), corpus(test=rows(labels)))
    assert (result.model, result.split, result.paths) == (str(tiny_classifier), "test", {})
    assert (result.metrics["rows"], result.metrics["accuracy"]) == (40, 0.75)
    assert {name: scores["support"] for name, scores in result.metrics["per_class"].items()} == {
        name: labels.count(name) for name in LABELS
    }
    for index, row in enumerate(result.metrics["confusion_matrix"]):
        assert row == [
            sum(pair == (LABELS[index], name) for pair in zip(labels, predicted, strict=True)) for name in LABELS
        ]


def test_multi_label_scores_use_the_saved_thresholds(tiny_multi_label_classifier: Path, corpus: Save) -> None:
    sure = [row.predicted for row in saved_models.load(tiny_multi_label_classifier).predict(enumerate(TEXTS))]
    assert len({tuple(names) for names in sure}) > 2
    result = evaluate_model(str(tiny_multi_label_classifier), corpus(test=rows(sure, "labels")))
    assert result.metrics["exact_match"] == 1.0
    assert {name: scores["support"] for name, scores in result.metrics["per_class"].items()} == {
        name: sum(name in names for names in sure) for name in LABELS
    }


def test_what_is_written(tiny_classifier: Path, corpus: Save, predicted: list[str], tmp_path: Path) -> None:
    labels = [other(predicted[0]), *predicted[1:]]
    output = tmp_path / "new" / "scores"
    result = evaluate_model(str(tiny_classifier), corpus(test=rows(labels)), output_dir=str(output))
    written = ["metrics.json", "predictions.jsonl.gz", "report.html", "report.json", "report.md"]
    assert sorted(path.name for path in output.iterdir()) == written
    assert sorted(result.paths) == ["metrics", "page", "predictions", "report"]
    assert json.loads((output / "metrics.json").read_text()) == {"target": {"test": result.metrics}}
    lines = [json.loads(line) for line in gzip.decompress((output / "predictions.jsonl.gz").read_bytes()).splitlines()]
    assert [line["id"] for line in lines] == [f"r{index}" for index in range(40)]
    assert [line["predicted"] for line in lines] == predicted
    assert (lines[0]["label"], lines[0]["split"], lines[0]["domain"]) == (labels[0], "test", "target")
    assert list(lines[0]["probabilities"]) == LABELS
    report = (output / "report.md").read_text()
    assert "## Results on test (40 rows)" in report
    assert "| model | 0.975 |" in report and "| system | ECE | ECE, 95 % | Brier |" in report
    assert "<td>0.975</td>" in (output / "report.html").read_text()
    assert f"- fingerprint: `{result.corpus.fingerprint}`" in report


def test_the_summary_is_the_tables_of_a_run(
    tiny_classifier: Path, corpus: Save, predicted: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    console().print(evaluate_model(str(tiny_classifier), corpus(test=rows(predicted))).summary())
    printed = capsys.readouterr().out
    assert printed.startswith("test · 40 rows")
    assert "test · per class" in printed
    for name in [*LABELS, "macro mean", "accuracy"]:
        assert f"\n{name} " in printed


def test_columns_have_the_names_of_the_run(tiny_classifier: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_classifier, tmp_path / "run" / "model")
    columns = {"Clause": "text", "kind": "label", "text": "unread"}
    (tmp_path / "run" / "run.json").write_text(json.dumps({"config": {"source": {"columns": columns}}}))
    scored = {}
    for name, header in {"a": "clause,kind", "b": "text,label", "c": "clause,label", "d": "clause,class"}.items():
        path = tmp_path / f"{name}.csv"
        path.write_text(f"{header}\nw1,red\nw2,blue\n")
        own = {"class": "label"} if name == "d" else {}
        scored[name] = evaluate_model(str(tmp_path / "run"), CorpusConfig(path=str(path), columns=own)).metrics
    assert all(metrics == scored["a"] for metrics in scored.values())
    with pytest.raises(DataError) as caught:
        evaluate_model(str(tmp_path / "run"), CorpusConfig(path=str(tmp_path / "d.csv")))
    assert str(caught.value) == (
        f"{tmp_path / 'd.csv'}: there is no column 'label' or 'labels'; columns found: clause, class. Name it: "
        "`corpus.columns: {class: label}`."
    )


def test_the_label_separator_is_that_of_the_run(tiny_multi_label_classifier: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_multi_label_classifier, tmp_path / "run" / "model")
    sources = [{"label_separator": "|"}, {"label_separator": None}]
    (tmp_path / "run" / "run.json").write_text(json.dumps({"config": {"source": sources}}))
    scored = {}
    for name, separator in {"run": "|", "own": ";"}.items():
        path = tmp_path / f"{name}.csv"
        path.write_text(f"text,labels\nw1,{LABELS[0]}{separator} {LABELS[1]}\nw2,{LABELS[0]}\nw3,\n")
        config = CorpusConfig(path=str(path), label_separator=";" if name == "own" else None)
        scored[name] = evaluate_model(str(tmp_path / "run"), config).metrics
    assert scored["run"] == scored["own"]
    assert [scores["support"] for scores in scored["run"]["per_class"].values()][:2] == [2, 1]


def test_texts_that_the_run_learned_from_are_counted(tmp_path: Path) -> None:
    (folder,) = finished_runs(tmp_path, (0,))
    own = CorpusConfig(path=str(tmp_path / "source"))
    result = evaluate_model(str(folder), own, split="train")
    count = result.metrics["rows"]
    note = f"train: {count} of {count} texts are exact copies of the run's source training texts."
    assert note in result.corpus.notes
    fitted = evaluate_model(str(folder), own, split="validation")
    count = fitted.metrics["rows"]
    assert (
        f"validation: {count} of {count} texts are exact copies of the texts that the decision was fitted on, which do "
        "not test it."
    ) in fitted.corpus.notes
    (tmp_path / "new.csv").write_text("text,label\na sentence that is new,public\n")
    new = CorpusConfig(path=str(tmp_path / "new.csv"))
    assert evaluate_model(str(folder), new).corpus.notes[-2:] == (
        "test: no text is an exact copy of the run's source training texts.",
        "test: no text is an exact copy of the run's target training texts.",
    )
    (tmp_path / "source").rename(tmp_path / "moved")
    (note,) = evaluate_model(str(folder), new).corpus.notes
    assert note.startswith("The corpora that the model learned from were not found by its run: copies of its training")


# ---- splits ----


def test_the_split_is_test_or_the_only_one_or_named(
    tiny_classifier: Path, corpus: Save, predicted: list[str], tmp_path: Path
) -> None:
    folder, both = str(tiny_classifier), corpus(train=rows(predicted)[:30], test=rows(predicted)[30:])
    assert evaluate_model(folder, both).metrics["rows"] == 10
    assert evaluate_model(folder, both, split="train").metrics["rows"] == 30
    # A file that belongs to no split is one, whatever rows a run would take from it to train.
    (tmp_path / "rows.csv").write_text("text,label\nw1,red\nw2,blue\n")
    assert evaluate_model(folder, CorpusConfig(path=str(tmp_path / "rows.csv"))).split == "test"
    (tmp_path / "dev.csv").write_text("text,label\nw1,red\n")
    assert evaluate_model(folder, CorpusConfig(path=str(tmp_path / "dev.csv"))).split == "validation"


def test_a_split_that_is_not_clear_or_not_there(tiny_classifier: Path, corpus: Save, predicted: list[str]) -> None:
    unlabelled = [{"id": "u1", "text": "w1"}]
    saved = corpus(train=rows(predicted)[:20], dev=rows(predicted)[20:], unlabeled=unlabelled)
    with pytest.raises(DataError) as caught:
        evaluate_model(str(tiny_classifier), saved)
    assert str(caught.value) == (
        f"{saved.path} has no test split, and several others: train, validation. Choose one with --split."
    )
    with pytest.raises(DataError) as caught:
        evaluate_model(str(tiny_classifier), saved, split="trian")
    assert str(caught.value) == (
        "--split: Unknown split 'trian'. Did you mean 'train'? Splits: train, validation. They are those of "
        f"{saved.path}."
    )
    with pytest.raises(DataError, match=r"the split 'unlabeled' of .* has no labels to score by"):
        evaluate_model(str(tiny_classifier), saved, split="unlabeled")


# ---- refusals ----


def test_labels_that_the_model_does_not_know(tiny_classifier: Path, corpus: Save) -> None:
    with pytest.raises(DataError) as caught:
        evaluate_model(str(tiny_classifier), corpus(test=rows(["red", "purple"])))
    assert "test.jsonl: row 2: label 'purple' is unseen in training. Classes of training: red, green, blue." in str(
        caught.value
    )


def test_a_corpus_without_labels(tiny_classifier: Path, corpus: Save) -> None:
    with pytest.raises(DataError, match="there is no column 'label' or 'labels'; columns found: id, text, kind"):
        evaluate_model(str(tiny_classifier), corpus(test=rows(["red"], "kind")))


def test_one_label_and_several_do_not_meet(
    tiny_classifier: Path, tiny_multi_label_classifier: Path, corpus: Save
) -> None:
    with pytest.raises(DataError) as caught:
        evaluate_model(str(tiny_classifier), corpus(test=rows([["red"], []], "labels")))
    assert "has any number of labels a row (labels: lists), but" in str(caught.value)
    assert "predicts one label a row (label)." in str(caught.value)
    with pytest.raises(DataError) as caught:
        evaluate_model(str(tiny_multi_label_classifier), corpus(test=rows(["red", "blue"])))
    assert "has one label a row (label), but" in str(caught.value)


def test_a_folder_that_holds_something_is_never_written(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(CheckpointError) as caught:  # before a model is looked for
        evaluate_model("no/model/here", CorpusConfig(), output_dir=str(tmp_path))
    assert str(caught.value) == (
        f"--output_dir {tmp_path} is not empty: notes.txt. Nothing in it is touched; name a new folder."
    )
    with pytest.raises(CheckpointError, match=r"notes\.txt is a file; name a new folder"):
        evaluate_model("no/model/here", CorpusConfig(), output_dir=str(tmp_path / "notes.txt"))


def test_options_out_of_range() -> None:
    with pytest.raises(ConfigError, match="--max_tokens is 0; expected at least 1"):
        evaluate_model("no/model/here", CorpusConfig(), compute=Compute(max_tokens=0))
