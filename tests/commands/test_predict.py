"""Predict files: output files, checks before the model is loaded, warnings."""

import gzip
import io
import json
import os
import shutil
import threading
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from transformers import pipeline

from nlp_transfer.__main__ import main
from nlp_transfer.commands.predict import predict, predict_file
from nlp_transfer.config.command_line import call_command
from nlp_transfer.data.source import FileSettings
from nlp_transfer.errors import CheckpointError, ConfigError, DataError
from nlp_transfer.tasks import saved_models
from nlp_transfer.tasks.backends import Compute
from tests.tiny_classifiers import LABELS, MAX_LENGTH, WORDS, random_texts


def read(path: Path) -> list[dict[str, Any]]:
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [json.loads(line) for line in content.splitlines()]


def write_texts(path: Path, texts: list[str]) -> str:
    path.write_text("".join(f"{text}\n" for text in texts))
    return str(path)


@pytest.mark.parametrize("kind", ["tiny_classifier", "tiny_multi_label_classifier"])
def test_equals_the_pipeline_of_plain_transformers(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    folder: Path = request.getfixturevalue(kind)
    texts = [*random_texts(30), WORDS[3], " ".join(WORDS[:14]), " ".join(WORDS[:15])]
    assert {len(text.split()) > MAX_LENGTH - 2 for text in texts} == {True, False}
    assert predict_file(str(folder), write_texts(tmp_path / "a.txt", texts), output=str(tmp_path / "b.jsonl")) == 33
    classify = pipeline("text-classification", model=str(folder), truncation=True, top_k=None)
    thresholds = saved_models.load(folder).decision.threshold_by_label()
    for row, expected in zip(read(tmp_path / "b.jsonl"), classify(texts), strict=True):
        scores = {item["label"]: item["score"] for item in expected}
        assert row["probabilities"] == pytest.approx(scores, abs=1e-5)
        if kind == "tiny_classifier":
            assert row["predicted"] == expected[0]["label"]
        else:
            assert row["predicted"] == [label for label in LABELS if scores[label] >= thresholds[label]]
    assert len({str(row["predicted"]) for row in read(tmp_path / "b.jsonl")}) > 1


def test_gzipped_output_and_no_rows(tiny_classifier: Path, tmp_path: Path) -> None:
    source = write_texts(tmp_path / "a.txt", ["w1", "w2 w3"])
    assert predict_file(str(tiny_classifier), source, output=str(tmp_path / "b.jsonl.gz")) == 2
    assert [row["id"] for row in read(tmp_path / "b.jsonl.gz")] == [0, 1]
    assert predict_file(str(tiny_classifier), write_texts(tmp_path / "c.txt", []), output=str(tmp_path / "d")) == 0
    assert (tmp_path / "d").read_bytes() == b""


def test_an_output_file_is_whole_or_not_there(
    tiny_classifier: Path,
    tmp_path: Path,
    capsysbinary: pytest.CaptureFixture[bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = write_texts(tmp_path / "a.txt", ["w1"] * 2500 + [""])
    with monkeypatch.context() as patch:  # found before the model is loaded, not hours later
        patch.setattr(saved_models, "load_found", lambda *_, **__: pytest.fail("loaded"))
        with pytest.raises(DataError, match=r"line 2501 \(id 2500\): text is empty"):
            predict_file(str(tiny_classifier), source, output=str(tmp_path / "b.jsonl"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt"]
    # Standard output gets all rows before the bad one, whole lines all.
    with pytest.raises(DataError, match="line 4501"):
        predict_file(str(tiny_classifier), write_texts(tmp_path / "c.txt", ["w1"] * 4500 + [""]))
    lines = capsysbinary.readouterr().out.splitlines()
    assert [json.loads(line)["id"] for line in lines] == list(range(4500))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_read_once(tiny_classifier: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    writer = threading.Thread(target=lambda: (tmp_path / "pipe.txt").write_text("w1\nw2\n"))
    writer.start()
    assert predict_file(str(tiny_classifier), str(tmp_path / "pipe.txt"), output=str(tmp_path / "b.jsonl")) == 2
    writer.join()


def test_options_are_checked_before_the_model_is_loaded(
    tiny_classifier: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saved_models, "load_found", lambda *_, **__: pytest.fail("loaded"))

    def refusal(**options: Any) -> str:
        with pytest.raises(ConfigError) as caught:
            predict_file(str(tiny_classifier), source, **options)
        return str(caught.value)

    source = write_texts(tmp_path / "a.txt", ["w1"])
    with pytest.raises(ConfigError, match=r"^--max_tokens is 0; expected at least 1\.$"):
        Compute(max_tokens=0)
    known = "Options: --top_k, --windows, --descriptions, --transductive."
    assert refusal(options={"topk": 1}).startswith(f"Unknown option '--generation topk'. {known}")
    assert refusal(output=str(tmp_path)) == f"--output {tmp_path} is a folder; expected a file to write."
    os.mkfifo(tmp_path / "pipe")
    assert "is a device or pipe, no file; leave --output out and redirect with >." in refusal(
        output=str(tmp_path / "pipe")
    )
    missing = tmp_path / "no" / "b.jsonl"
    assert refusal(output=str(missing)) == f"--output {missing}: there is no folder {missing.parent}; make it first."
    rows = tmp_path / "a.jsonl"
    rows.write_text('{"text": "w1"}\n')
    with pytest.raises(ConfigError, match=r"is there already, and is not overwritten; name another file\."):
        predict_file(str(tiny_classifier), str(rows), output=str(rows))
    assert "no format is known by the suffix '.txt'; expected .jsonl, .csv, .parquet." in refusal(output=source)
    with pytest.raises(DataError, match=r"There is no file nowhere\.csv"):
        predict_file(str(tiny_classifier), "nowhere.csv")


def test_an_output_that_may_not_be_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refusing(path: Path) -> bool:
        if path.name == "private":
            raise PermissionError(13, "Permission denied", str(path))
        return os.path.isdir(path)  # noqa: PTH112 - what is patched is the other

    source, output = write_texts(tmp_path / "a.txt", ["w1"]), tmp_path / "private"
    monkeypatch.setattr(Path, "is_dir", refusing)
    with pytest.raises(ConfigError) as caught:
        predict_file("no/model/here", source, output=str(output))
    assert str(caught.value) == f"--output {output} cannot be written: Permission denied. Name another."


def test_a_model_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="there is no folder "):
        predict_file(str(tmp_path / "no"), write_texts(tmp_path / "a.txt", ["w1"]))


def test_a_full_disk_is_told_in_words(tiny_classifier: Path, tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full on this system")
    source = write_texts(tmp_path / "a.txt", ["w1"])
    with Path("/dev/full").open("w") as full, pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdout", full)
        with pytest.raises(ConfigError, match="Standard output cannot be written: No space left on device"):
            predict_file(str(tiny_classifier), source)
        full.flush()  # as Python does when it ends: nothing is left that fails again


def test_cut_and_unreadable_texts_are_warned_of(
    tiny_classifier: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    texts = ["w1 w2", " ".join(WORDS[:24]), "\u5408 \u540c w3"]
    predict_file(str(tiny_classifier), write_texts(tmp_path / "a.txt", texts), output=str(tmp_path / "b.jsonl"))
    assert [record.getMessage() for record in caplog.records] == [
        "1 of 3 (33%) texts are longer than the model reads: 28.6% of all tokens were cut off.",  # 10 of 4 + 26 + 5
        "1 of 3 (33%) texts are unreadable: the encoder's tokenizer does not know half of their tokens or more, as in id 2 "
        "('\u5408', '\u540c'). Take an encoder of their language; words of over 100 characters are unknown, too.",
    ]
    caplog.clear()
    predict_file(str(tiny_classifier), write_texts(tmp_path / "a.txt", texts[:1]), output=str(tmp_path / "c.jsonl"))
    assert caplog.records == []


def test_bad_rows_that_are_skipped_stay_in_the_output(
    tiny_classifier: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "a.csv").write_text('clause,page\nw1 w2,3\n,4\nw3,5\n" ",6\n')
    options: dict[str, Any] = {"text_column": "clause", "keep_columns": True}
    with pytest.raises(DataError, match=r"rows 3 and 5 \(ids 1 and 3\): clause is empty.*on_error skip\.$"):
        predict_file(str(tiny_classifier), str(tmp_path / "a.csv"), output=str(tmp_path / "b.csv"), **options)
    assert not (tmp_path / "b.csv").exists()
    options["on_error"] = "skip"
    assert predict_file(str(tiny_classifier), str(tmp_path / "a.csv"), output=str(tmp_path / "b.csv"), **options) == 4
    problem = "clause is empty or has no visible character"
    assert [record.getMessage() for record in caplog.records] == [
        f"2 of 4 rows have no prediction, and are marked so: {problem} (2)."
    ]
    table = pd.read_csv(tmp_path / "b.csv", keep_default_na=False)
    assert list(table) == [
        "id",
        "clause",
        "page",
        "predicted",
        *(f"probabilities.{name}" for name in LABELS),
        "problem",
    ]
    assert list(table["page"]) == [3, 4, 5, 6]
    assert list(table["problem"]) == ["", problem, "", problem]
    assert [name in LABELS for name in table["predicted"]] == [True, False, True, False]
    predict_file(str(tiny_classifier), str(tmp_path / "a.csv"), output=str(tmp_path / "b.jsonl"), **options)
    rows = read(tmp_path / "b.jsonl")
    assert [row["predicted"] for row in rows] == [name or None for name in table["predicted"]]
    assert rows[1] == {
        **{"id": 1, "clause": "", "page": "4", "predicted": None, "probabilities": None},
        "problem": problem,
    }


@pytest.mark.parametrize(
    ("name", "content", "problem", "message"),
    [
        (
            "a.jsonl",
            '{"id": "x", "text": "w1"}\n{"id": "y", "text": \n\n{"id": "z", "text": "w2"}\n',
            "broken JSON at character 22 (Expecting value)",
            "line 2: broken JSON at character 22 (Expecting value). Expected one JSON object a line.",
        ),
        (
            "a.csv",
            'id,text\nx,w1\ny,w1,"w2\nw3"\nz,w2\n',
            "3 cells, but the header has 2 (id, text)",
            "row 3 (line 4): 3 cells, but the header has 2 (id, text). Put cells that hold commas or quotes in double "
            "quotes.",
        ),
    ],
)
def test_broken_rows_that_are_skipped_stay_in_the_output(
    tiny_classifier: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    name: str,
    content: str,
    problem: str,
    message: str,
) -> None:
    path, output = tmp_path / name, tmp_path / "b.jsonl"
    path.write_text(content)
    with pytest.raises(DataError) as caught:
        predict_file(str(tiny_classifier), str(path), output=str(output))
    assert str(caught.value) == f"{path}: {message} Or mark such rows and go on: --on_error skip."
    options: dict[str, Any] = {"on_error": "skip", "keep_columns": True}
    assert predict_file(str(tiny_classifier), str(path), output=str(output), **options) == 3
    assert [record.getMessage() for record in caplog.records] == [
        f"1 of 3 rows have no prediction, and are marked so: {problem} (1)."
    ]
    rows = read(output)
    assert [(row["id"], row.get("text")) for row in rows] == [("x", "w1"), (1, None), ("z", "w2")]
    assert rows[1] == {"id": 1, "predicted": None, "probabilities": None, "problem": problem}


def test_few_of_many_problems_are_listed(
    tiny_classifier: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_texts(tmp_path / "a.jsonl", [" " * number + "{" for number in range(7)])
    assert predict_file(str(tiny_classifier), path, output=str(tmp_path / "b.jsonl"), on_error="skip") == 7
    (record,) = caplog.records
    assert record.getMessage().count("broken JSON") == 5
    assert record.getMessage().endswith(" (1), ….")


def test_parquet_keeps_the_types_of_the_input(tiny_classifier: Path, tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"id": ["x", "y"], "text": ["w1", "w2"], "page": [3, 4], "date": pd.to_datetime(["2024-01-02"] * 2)}
    )
    frame.to_parquet(tmp_path / "a.parquet")
    output = tmp_path / "b.parquet"
    predict_file(str(tiny_classifier), str(tmp_path / "a.parquet"), output=str(output), keep_columns=True)
    table = pd.read_parquet(output)
    pd.testing.assert_frame_equal(table[list(frame)], frame)
    assert list(table)[4:] == ["predicted", *(f"probabilities.{name}" for name in LABELS)]
    output.unlink()
    predict_file(str(tiny_classifier), str(tmp_path / "a.parquet"), output=str(output), options={"top_k": 1})
    assert pd.read_parquet(output).count()[2:].sum() == 2


def test_columns_that_cannot_be_kept(tiny_classifier: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.csv").write_text("text,predicted\nw1,x\n")
    with pytest.raises(ConfigError, match=r"a\.csv has a column 'predicted', and so have predictions\. Rename it\."):
        predict_file(str(tiny_classifier), str(tmp_path / "a.csv"), keep_columns=True)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"w1\n")))
    with pytest.raises(
        ConfigError, match=r"--keep_columns reads the input twice, and standard input can be read once\."
    ):
        predict_file(str(tiny_classifier), "-", keep_columns=True)


def test_the_columns_of_the_training_are_found(tiny_classifier: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_classifier, tmp_path / "run" / "model")
    source = {"columns": {"clause": "text", "number": "id"}}
    (tmp_path / "run" / "run.json").write_text(json.dumps({"config": {"source": source}}))
    (tmp_path / "a.csv").write_text("clause,number,text\nw1 w2,n7,w5\n")
    for model in (tmp_path / "run", tmp_path / "run" / "model"):
        predict_file(str(model), str(tmp_path / "a.csv"), output=str(tmp_path / "b.jsonl"))
        (row,) = read(tmp_path / "b.jsonl")
        (tmp_path / "b.jsonl").unlink()
        (expected,) = saved_models.load(tiny_classifier).predict([("n7", "w1 w2")])
        assert row == expected.row()
    predict_file(str(model), str(tmp_path / "a.csv"), text_column="text", output=str(tmp_path / "b.jsonl"))
    assert read(tmp_path / "b.jsonl")[0]["probabilities"] != row["probabilities"]
    (tmp_path / "c.csv").write_text("body\nw1\n")
    with pytest.raises(
        DataError, match=r"there is no column 'clause' or 'text'; columns found: body\. Name it: --text_column 'body'"
    ):
        predict_file(str(model), str(tmp_path / "c.csv"))


def test_files_of_offices(tiny_classifier: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pd.DataFrame({"Text ": ["w1 w2"], "note": ["x"]}).to_excel(tmp_path / "a.xlsx", sheet_name="first", index=False)
    (tmp_path / "b.csv").write_bytes("note;TEXT\nx;w1 w2 š\n".encode("cp1250"))
    for name, settings in (("a.xlsx", FileSettings(sheet="first")), ("b.csv", FileSettings("cp1250"))):
        output = tmp_path / f"{name}.csv"
        predict_file(
            str(tiny_classifier), str(tmp_path / name), output=str(output), keep_columns=True, settings=settings
        )
        assert pd.read_csv(output)["note"].tolist() == ["x"]
    assert "b.csv is read as cp1250." in caplog.messages and "Column 'Text ' is read as 'text'." in caplog.messages
    with pytest.raises(ConfigError, match="--encoding: 'ansi' is no encoding that Python knows"):
        predict_file(str(tiny_classifier), str(tmp_path / "b.csv"), settings=FileSettings("ansi"))


def test_options_of_a_classifier_are_given_on_the_command_line(tiny_classifier: Path, tmp_path: Path) -> None:
    texts, output = random_texts(500, seed=3), tmp_path / "b.jsonl"
    words = [str(tiny_classifier), write_texts(tmp_path / "a.txt", texts), "--output", str(output)]
    assert main(["predict", *words, "--transductive"]) == 0
    expected = saved_models.load(tiny_classifier).predict(texts, transductive=True)
    assert [row["predicted"] for row in read(output)] == [one.predicted for one in expected]
    with pytest.raises(ConfigError, match=r"^--descriptions: .* has the classes red, green, blue; expected a model of"):
        call_command(predict, [*words[:2], "--descriptions", "paid=Costs: 5", "free=Costs nothing"])
