"""Predictions keep the order, equal those of plain transformers, and stop in words at what is bad."""

import gzip
import io
import json
import os
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import pipeline

from nlp_transfer.data import input_texts
from nlp_transfer.data.input_texts import row_windows
from nlp_transfer.errors import CheckpointError, ConfigError, DataError
from nlp_transfer.models.speed.unpadding import Unpadding
from nlp_transfer.tasks import saved_models
from nlp_transfer.tasks.sequence_classification import predictor
from nlp_transfer.tasks.sequence_classification.predictor import Prediction, predict, predict_file, text_logits
from tests.tiny_classifiers import LABELS, MAX_LENGTH, WORDS, random_texts, save_classifier


def read(path: Path) -> list[dict[str, Any]]:
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [json.loads(line) for line in content.splitlines()]


def write_texts(path: Path, texts: list[str]) -> str:
    path.write_text("".join(f"{text}\n" for text in texts))
    return str(path)


# ---- what is predicted ----


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


@pytest.mark.parametrize("model_type", ["roberta", "modernbert", "deberta-v2"])
def test_batches_change_nothing(model_type: str, tmp_path: Path) -> None:
    classifier = saved_models.load(save_classifier(tmp_path, model_type=model_type))
    texts = random_texts(12, seed=4)
    together = classifier.probabilities(text_logits(classifier, texts))
    alone = classifier.probabilities(np.concatenate([text_logits(classifier, [text], max_tokens=1) for text in texts]))
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_five_thousand_rows_keep_their_order(tiny_classifier: Path) -> None:
    classifier = saved_models.load(tiny_classifier)
    texts = random_texts(5000, seed=1, longest=12)
    rows = list(predict(classifier, ((f"r{index}", text) for index, text in enumerate(texts))))
    assert [row.id for row in rows] == [f"r{index}" for index in range(5000)]
    encoded = classifier.tokenizer(texts, truncation=True, max_length=MAX_LENGTH, padding=True, return_tensors="pt")
    with torch.inference_mode():
        parts = [
            classifier.model(**{name: tensor[start : start + 500] for name, tensor in encoded.items()}).logits
            for start in range(0, 5000, 500)
        ]
    expected = torch.cat(parts).softmax(-1).numpy()
    np.testing.assert_allclose([list(row.probabilities.values()) for row in rows], expected, atol=1e-5)
    assert [LABELS.index(str(row.predicted)) for row in rows] == expected.argmax(-1).tolist()


@pytest.mark.parametrize("max_tokens", [32, None])
def test_batches_hold_as_many_tokens_as_they_may(
    max_tokens: int | None, tiny_classifier: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nlp_transfer.tasks.sequence_classification.predictor.CPU_MAX_TOKENS", 32)
    classifier = saved_models.load(tiny_classifier)
    shapes: list[tuple[int, int]] = []
    monkeypatch.setattr(Unpadding, "reason_against", lambda self: None)  # it looks at a batch of its own
    classifier.model.register_forward_pre_hook(
        lambda module, args, kwargs: shapes.append(tuple(kwargs["input_ids"].shape)), with_kwargs=True
    )
    text_logits(classifier, ["w1 w2 w3 w4 w5 w6"] * 7 + [" ".join(WORDS[:50])] * 2, max_tokens=max_tokens)
    assert shapes == [(2, 16), (4, 8), (3, 8)]


# ---- windows ----


def test_windows_are_bounded_by_rows_and_by_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(input_texts, "MAX_WINDOW_ROWS", 3)
    monkeypatch.setattr(input_texts, "MAX_WINDOW_CHARACTERS", 10)
    rows = [(index, text) for index, text in enumerate(["a", "a", "a", "a", "b" * 10, "c"])]
    assert [len(window) for window in row_windows(rows)] == [3, 2, 1]
    assert list(row_windows([])) == []


def test_a_window_that_ends_with_a_fault_is_handed_on_first() -> None:
    def rows() -> Any:
        yield from [(0, "a"), (1, "b")]
        raise DataError("a bad row")

    handed = row_windows(rows())
    assert next(handed) == [(0, "a"), (1, "b")]
    with pytest.raises(DataError, match="a bad row"):
        next(handed)


def test_rows_are_read_a_window_at_a_time(tiny_classifier: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(input_texts, "MAX_WINDOW_ROWS", 4)
    read_rows: list[int] = []

    def rows() -> Any:
        for index in range(10):
            read_rows.append(index)
            yield index, "w1"

    predictions = predict(saved_models.load(tiny_classifier), rows())
    assert next(predictions).id == 0
    assert read_rows == [0, 1, 2, 3]


# ---- lines ----


def test_a_line() -> None:
    one = Prediction(3, "red", {"red": 0.7000000001, "green": 0.1, "blü": 0.1999999999})
    assert one.line() == (
        '{"id": 3, "predicted": "red", "probabilities": {"red": 0.7, "green": 0.1, "blü": 0.2}}\n'.encode()
    )
    assert json.loads(one.line(top_k=2))["probabilities"] == {"red": 0.7, "blü": 0.2}


def test_an_id_that_utf8_cannot_hold_stays_json() -> None:
    line = Prediction("a\ud83d", [], {"x": 0.1}).line()
    assert json.loads(line) == {"id": "a\ud83d", "predicted": [], "probabilities": {"x": 0.1}}
    assert json.loads(Prediction(float("nan"), "x", {"x": 1.0}).line())["id"] is None


# ---- output ----


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
        patch.setattr(predictor, "load_classifier_on", lambda *_, **__: pytest.fail("loaded"))
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


def test_options_are_checked_before_the_model_is_loaded(tmp_path: Path) -> None:
    def refusal(**options: Any) -> str:
        with pytest.raises(ConfigError) as caught:
            predict_file("no/model/here", source, **options)
        return str(caught.value)

    source = write_texts(tmp_path / "a.txt", ["w1"])
    message = refusal(max_tokens=0, top_k=-1)
    assert "--max_tokens is 0; expected at least 1." in message
    assert "--top_k is -1; expected at least 1." in message
    assert refusal(output=str(tmp_path)) == f"--output {tmp_path} is a folder; expected a file to write."
    os.mkfifo(tmp_path / "pipe")
    assert "is a device or pipe, no file; leave --output out and redirect with >." in refusal(
        output=str(tmp_path / "pipe")
    )
    missing = tmp_path / "no" / "b.jsonl"
    assert refusal(output=str(missing)) == f"--output {missing}: there is no folder {missing.parent}; make it first."
    assert "is the file of the texts, which would be lost; name another." in refusal(output=source)
    assert refusal(device="gpu").startswith("--device gpu: there is no such device here. Expected auto, cpu")
    assert refusal(device="meta").startswith("--device meta: there is no such device here.")
    with pytest.raises(DataError, match=r"There is no file nowhere\.csv"):
        predict_file("no/model/here", "nowhere.csv")


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


def test_a_full_disk_is_told_in_words(tiny_classifier: Path, tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full on this system")
    source = write_texts(tmp_path / "a.txt", ["w1"])
    with Path("/dev/full").open("w") as full, pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdout", full)
        with pytest.raises(ConfigError, match="Standard output cannot be written: No space left on device"):
            predict_file(str(tiny_classifier), source)
        full.flush()  # as Python does when it ends: nothing is left that fails again


def test_ruined_weights_are_told_in_words(tiny_classifier: Path) -> None:
    classifier = saved_models.load(tiny_classifier)
    with torch.no_grad():
        classifier.model.classifier.bias[0] = float("nan")
    with pytest.raises(CheckpointError, match=r"gives outputs that are not finite .*: its weights are ruined"):
        text_logits(classifier, ["w1"])


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = _Terminal()
    monkeypatch.setattr(predictor, "PROGRESS_SECONDS", 0)
    assert list(predictor.with_progress("abc", shown=True, stream=stream)) == ["a", "b", "c"]
    looks = stream.getvalue().split("\r")[1:]
    assert [look.split()[0] for look in looks] == ["1", "2", "3", "3"]
    assert looks[-1].endswith(" texts/s \n")
    silent = io.StringIO()
    assert list(predictor.with_progress("abc", shown=True, stream=silent)) == ["a", "b", "c"]
    assert silent.getvalue() == ""
    # Lines on the terminal need no count beside them.
    monkeypatch.setattr("sys.stdout", _Terminal())
    assert list(predictor.with_progress("abc", shown=False, stream=(beside := _Terminal()))) == ["a", "b", "c"]
    assert beside.getvalue() == ""


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
