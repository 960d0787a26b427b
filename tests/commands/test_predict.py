"""Predict files: output files, checks before the model is loaded, warnings."""

import gzip
import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from transformers import pipeline

from nlp_transfer.commands.predict import predict_file
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
    thresholds = dict(zip(LABELS, saved_models.load(folder).thresholds, strict=True))
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
    assert refusal(options={"topk": 1}).startswith("Unknown option '--generation topk'. Options: --top_k.")
    assert refusal(output=str(tmp_path)) == f"--output {tmp_path} is a folder; expected a file to write."
    os.mkfifo(tmp_path / "pipe")
    assert "is a device or pipe, no file; leave --output out and redirect with >." in refusal(
        output=str(tmp_path / "pipe")
    )
    missing = tmp_path / "no" / "b.jsonl"
    assert refusal(output=str(missing)) == f"--output {missing}: there is no folder {missing.parent}; make it first."
    assert "is the file of the texts, which would be lost; name another." in refusal(output=source)
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
        "('\u5408', '\u540c'). Take an encoder of their language.",
    ]
    caplog.clear()
    predict_file(str(tiny_classifier), write_texts(tmp_path / "a.txt", texts[:1]), output=str(tmp_path / "b.jsonl"))
    assert caplog.records == []
