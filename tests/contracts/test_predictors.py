"""What every predictor promises, over every task in the table; and a predictor of a task that the package lacks."""

import inspect
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import pandas as pd
import pyarrow as pa
import pytest

from nlp_transfer import CorpusConfig, corpus_from
from nlp_transfer.commands.evaluate import evaluate_model
from nlp_transfer.commands.export import export_model
from nlp_transfer.commands.predict import predict_file
from nlp_transfer.data.validation.row_kinds import IMAGES, ROW_KINDS
from nlp_transfer.errors import CheckpointError, ConfigError
from nlp_transfer.models.reference import ModelReference
from nlp_transfer.tasks import TASKS, saved_models
from nlp_transfer.tasks.backends import Compute
from nlp_transfer.tasks.predictor import Evaluated, ExportablePredictor, Predictor
from tests.contracts.dummy_task import FirstClass, shortened
from tests.tiny_classifiers import save_classifier
from tests.tiny_entities import MAKERS
from tests.tiny_images import in_files, tiny_image_encoder
from tests.tiny_runs import tiny_encoder

SETTINGS: dict[str, dict[str, Any]] = {"abstractive_summarization": {"max_summary_length": 12, "num_beams": 1}}
PREDICTING = [name for name in TASKS if name != "masked_language_modeling"]


@pytest.fixture(scope="module")
def encoders(tmp_path_factory):
    """The encoders of texts and of images."""
    return tiny_encoder(tmp_path_factory.mktemp("encoder")), tiny_image_encoder(tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="module", params=PREDICTING)
def saved(request, encoders, tmp_path_factory):
    """A run's folder with an untrained model of a task, the fitted task, and a file of its test rows."""
    task, folder = TASKS[request.param], tmp_path_factory.mktemp(request.param)
    make, encoder = MAKERS[task.columns.kind], encoders[task.columns.kind == IMAGES]
    frames = {name: pd.DataFrame(make(8, seed=seed)) for seed, name in enumerate(("train", "validation", "test"))}
    corpus = corpus_from(frames, kind=task.columns.kind)
    fitted = task(**shortened(task), **SETTINGS.get(request.param, {})).fit(corpus)
    tokenizer = fitted.load_tokenizer(ModelReference(str(encoder)))
    fitted.fit_tokenizer(corpus, tokenizer)
    fitted.encode(corpus, tokenizer)
    model = fitted.build_model(ModelReference(str(encoder))).model
    record = {"task": fitted.name, **fitted.settings()}
    saved_models.save(model, tokenizer, folder / "model", record=record, cut_at=fitted.cut_at)
    file = folder / "test.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in in_files(make(8, seed=2), folder)) + "\n")
    return folder, fitted, file


def lines(folder, file, output, **compute):
    predict_file(str(folder), str(file), output=str(output), compute=Compute(**compute))
    return [json.loads(line) for line in output.read_text().splitlines()]


def texts_of(predictor, row):
    """The text of a row of a file, or both of a pair."""
    return tuple(row[name] for name in ROW_KINDS[predictor.kind].texts)


def test_a_folder_loads_as_the_predictor_of_its_task_in_its_state(saved):
    folder, fitted, _ = saved
    predictor = saved_models.load(folder)
    assert type(predictor) is TASKS[fitted.name].predictor_class()
    assert predictor.task == fitted.name
    assert predictor.state() == fitted.settings()
    assert predictor.origin == str(folder / "model")


def test_the_command_writes_what_the_predictor_predicts_however_it_is_batched(saved, tmp_path):
    folder, _, file = saved
    predictor = saved_models.load(folder)
    texts = [json.loads(line) for line in file.read_text().splitlines()]
    given = [(row["id"], *texts_of(predictor, row)) for row in texts]
    expected = [prediction.row() for prediction in predictor.predict(given)]
    assert [row["id"] for row in expected] == [row_id for row_id, *_ in given]
    assert lines(folder, file, tmp_path / "out.jsonl", device="cpu") == json.loads(json.dumps(expected))
    for one, other in zip(predictor.predict(given, max_tokens=40), expected, strict=True):
        assert_alike(one.row(), other)


def test_texts_without_an_id_have_their_position(saved):
    folder, _, file = saved
    predictor = saved_models.load(folder)
    parts = [texts_of(predictor, json.loads(line)) for line in file.read_text().splitlines()][:2]
    texts = [one if len(one) > 1 else one[0] for one in parts]
    numbered = [(number, *one) for number, one in enumerate(parts)]
    assert [one.row() for one in predictor.predict(texts)] == [one.row() for one in predictor.predict(numbered)]
    with pytest.raises(ConfigError, match=r"predict was given one text; expected a list of texts: predict"):
        predictor.predict("a text")


def test_a_collection_gives_a_list_and_an_iterator_an_iterator(saved):
    folder, _, file = saved
    predictor = saved_models.load(folder)
    frame = pd.read_json(file, lines=True)
    parts = [texts_of(predictor, row) for row in frame.to_dict("records")]
    texts = [one if len(one) > 1 else one[0] for one in parts]
    expected = predictor.predict(texts)
    assert isinstance(expected, list)
    names = ROW_KINDS[predictor.kind].texts
    assert predictor.predict(frame[names[0]] if len(names) == 1 else frame[[*names]]) == expected
    assert [one.row() for one in predictor.predict(frame)] == [
        one.row() | {"id": row_id} for one, row_id in zip(expected, frame["id"], strict=True)
    ]
    lazy = predictor.predict(text for text in texts)
    assert next(lazy) == expected[0]
    assert list(lazy) == expected[1:]


def assert_alike(one, other):
    """The same but for the last digits of numbers."""
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for name, value in one.items():
            assert_alike(value, other[name])
    elif isinstance(one, list):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            assert_alike(a, b)
    elif isinstance(one, float):
        assert one == pytest.approx(other, abs=1e-4, rel=1e-6)
    else:
        assert one == other


def test_an_unknown_option_is_refused(saved):
    predictor = saved_models.load(saved[0])
    with pytest.raises(ConfigError, match=r"^Unknown (generation setting|option) 'no_such_option'\."):
        predictor.predict([], no_such_option=1)


def test_options_are_typed(saved):
    hints = inspect.get_annotations(type(saved_models.load(saved[0])).with_options)
    assert hints
    assert "return" in hints


def test_it_is_scored_by_the_metric_of_its_task(saved, tmp_path):
    folder, fitted, file = saved
    found = evaluate_model(str(folder), CorpusConfig(path=str(file)), output_dir=str(tmp_path / "out"))
    assert found.task == fitted.name
    assert fitted.primary_metric in found.metrics
    assert found.metrics["rows"] == 8
    assert set(found.paths) >= {"metrics", "predictions", "report"}


def test_an_exported_one_predicts_the_same(saved, tmp_path):
    folder, fitted, file = saved
    if not isinstance(saved_models.load(folder), ExportablePredictor):
        with pytest.raises(ConfigError, match=f"is a model of {fitted.name}, which gives no logits"):
            export_model(str(folder), str(tmp_path / "onnx"))
        return
    export_model(str(folder), str(tmp_path / "onnx"), check=str(file))
    exported = saved_models.load(tmp_path / "onnx", backend="onnx")
    assert exported.state() == fitted.settings()
    found = lines(tmp_path / "onnx", file, tmp_path / "a.jsonl", backend="onnx")
    for one, other in zip(found, lines(folder, file, tmp_path / "b.jsonl"), strict=True):
        assert_alike(one, other)


def test_a_folder_of_plain_transformers_is_a_classifier(tmp_path):
    save_classifier(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    del config["nlp_transfer"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert saved_models.load(tmp_path).task == "sequence_classification"


def test_a_model_that_predicts_nothing_is_refused(tmp_path):
    save_classifier(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["nlp_transfer"]["task"] = "masked_language_modeling"
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match=r"^A model of masked_language_modeling predicts nothing by itself\."):
        saved_models.load(tmp_path)


@dataclass(frozen=True)
class Guess:
    """The guess of one text."""

    id: Any
    guess: str

    def row(self) -> dict[str, Any]:
        return {"id": self.id, "guess": self.guess}


@dataclass(frozen=True)
class GuessPredictor(Predictor):
    """Guesses the first class, whatever a text is."""

    task: ClassVar[str] = FirstClass.name
    references: ClassVar[tuple[str, ...]] = ("label",)
    references_noun: ClassVar[str] = "labels"

    guess: str

    @classmethod
    def from_saved(cls, saved: Any) -> "GuessPredictor":
        from transformers import AutoModelForSequenceClassification

        loaded = saved.load_network(AutoModelForSequenceClassification, "guesser")
        guess = loaded.config.id2label[0]
        return cls(loaded.model, loaded.tokenizer, saved.record["max_length"], str(saved.folder), guess)

    def state(self) -> dict[str, Any]:
        return {"max_length": self.max_length}

    def with_options(self, *, guess: str | None = None) -> "GuessPredictor":
        return GuessPredictor(self.model, self.tokenizer, self.max_length, self.origin, guess or self.guess)

    def columns(self) -> dict[str, Any]:
        return {"guess": pa.string()}

    def predict_window(self, window: Any, coverage: Any, max_tokens: int | None) -> Iterator[Guess]:
        return (Guess(row_id, self.guess) for row_id, _ in window)

    def load_corpus(self, config: CorpusConfig) -> Any:
        from nlp_transfer import load_corpus

        return load_corpus(config, key="corpus", label_names=["a"], labeled=True)

    def evaluate(self, dataset: Any, *, max_tokens: int | None = None) -> Evaluated:
        return Evaluated({"first_class": 1.0, "rows": len(dataset)}, {}, [], ("id", "split", "domain"))


def test_a_predictor_of_a_new_task_needs_no_other_file(tmp_path, monkeypatch):
    monkeypatch.setattr(FirstClass, "predictor_class", classmethod(lambda cls: GuessPredictor))
    monkeypatch.setitem(TASKS, FirstClass.name, FirstClass)
    save_classifier(tmp_path / "model")
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    config["nlp_transfer"] = {"task": FirstClass.name, "max_length": 16}
    (tmp_path / "model" / "config.json").write_text(json.dumps(config))
    (tmp_path / "a.jsonl").write_text('{"id": "x", "text": "w1"}\n{"id": "y", "text": "w2"}\n')
    assert lines(tmp_path, tmp_path / "a.jsonl", tmp_path / "out.jsonl") == [
        {"id": "x", "guess": "red"},
        {"id": "y", "guess": "red"},
    ]
    with pytest.raises(
        ConfigError, match=r"^Unknown option '--top_k'\. Options: --generation guess\. They are those of first_class_"
    ):
        predict_file(str(tmp_path), str(tmp_path / "a.jsonl"), options={"top_k": 1})
    (tmp_path / "b.jsonl").write_text('{"text": "w1", "label": "a"}\n')
    assert evaluate_model(str(tmp_path), CorpusConfig(path=str(tmp_path / "b.jsonl"))).metrics["rows"] == 1
