"""An NLI model classifies zero-shot, as a baseline or by itself: the class whose hypothesis a text entails most."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import softmax
from transformers import AutoModel, AutoModelForSequenceClassification, AutoTokenizer

from nlp_transfer import load_config
from nlp_transfer.commands.evaluate import evaluate_model
from nlp_transfer.data.corpus import CorpusConfig
from nlp_transfer.data.loading import load_corpus
from nlp_transfer.errors import ConfigError, DataError
from nlp_transfer.models.onnx.runtime import OnnxNetwork
from nlp_transfer.runner import run
from nlp_transfer.tasks import SequenceClassification, saved_models
from nlp_transfer.tasks.sequence_classification import predictor
from nlp_transfer.tasks.sequence_classification.nli import TEMPLATE, nli_predictions
from tests.logged import logged
from tests.tiny_models import tiny_model
from tests.tiny_runs import rows, run_tree, tiny_encoder, write_corpus

NAMES = ["copyleft", "permissive", "public"]
DESCRIPTIONS = {
    "permissive": "you may use copy modify freely",
    "copyleft": "derivative work under the same licence",
    "public": "waive any rights",
}
ENTAILMENT, CONTRADICTION = 2, 0


@pytest.fixture(scope="module")
def nli(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a random NLI model of 64 positions."""
    folder = tiny_encoder(tmp_path_factory.mktemp("nli"))
    model = tiny_model("bert", scale=6.0)
    model.config.id2label = {0: "CONTRADICTION", 1: "NEUTRAL", 2: "ENTAILMENT"}
    model.config.label2id = {name: number for number, name in model.config.id2label.items()}
    model.save_pretrained(folder)
    return folder


def entailment(folder: Path, text: str, hypothesis: str) -> np.ndarray:
    """Return the logits of one text and one hypothesis."""
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForSequenceClassification.from_pretrained(folder)
    longest = model.config.max_position_embeddings
    read = tokenizer(text, hypothesis, truncation="only_first", max_length=longest, return_tensors="pt")
    with torch.no_grad():
        return np.asarray(model.eval()(**read).logits[0])


def predicted(folder: Path, corpus: Path, **source: Any) -> tuple[np.ndarray, list[str]]:
    loaded = load_corpus(CorpusConfig(str(corpus), **source))
    task = SequenceClassification(nli_model=str(folder)).fit(loaded)
    made = nli_predictions(str(folder), task, {"source": loaded})("source", "test")
    return made, list(loaded.splits["test"]["text"])


def test_the_class_is_that_of_the_description_which_is_entailed(nli: Path, corpus: Path) -> None:
    made, texts = predicted(nli, corpus, descriptions=DESCRIPTIONS, shots=2)
    hypotheses = [DESCRIPTIONS[name] for name in NAMES]
    expected = [int(np.argmax([entailment(nli, text, one)[ENTAILMENT] for one in hypotheses])) for text in texts]
    assert made.tolist() == expected
    assert len(set(expected)) > 1


def test_without_descriptions_names_are_the_hypotheses(nli: Path, corpus: Path) -> None:
    made, texts = predicted(nli, corpus)
    scores = [[entailment(nli, text, TEMPLATE.format(name))[ENTAILMENT] for name in NAMES] for text in texts]
    assert made.tolist() == np.argmax(scores, axis=1).tolist()


def test_several_labels_are_entailed_each_by_itself(nli: Path, tmp_path: Path) -> None:
    made, texts = predicted(nli, write_corpus(tmp_path / "labels", multi_label=True))
    assert made.shape == (len(texts), 3)
    for text, labels in zip(texts, made, strict=True):
        logits = np.array([entailment(nli, text, TEMPLATE.format(name)) for name in NAMES])
        assert labels.tolist() == (logits[:, ENTAILMENT] > logits[:, CONTRADICTION]).astype(int).tolist()


def test_long_texts_are_cut_and_hypotheses_are_not(nli: Path, tmp_path: Path) -> None:
    folder = write_corpus(tmp_path / "long")
    long = [{**row, "text": row["text"] + " software" * 200} for row in rows(6, seed=9)]
    (folder / "test.jsonl").write_text("\n".join(json.dumps(row) for row in long) + "\n")
    made, texts = predicted(nli, folder)
    scores = [[entailment(nli, text, TEMPLATE.format(name))[ENTAILMENT] for name in NAMES] for text in texts]
    assert made.tolist() == np.argmax(scores, axis=1).tolist()


def test_a_zero_shot_run_is_scored_beside_it(encoder: Path, nli: Path, corpus: Path, tmp_path: Path) -> None:
    tree = run_tree(encoder, corpus, tmp_path / "run")
    tree["training"] = {"output_dir": str(tmp_path / "run"), "use_cpu": True, "report_to": "none"}
    tree |= {"source": {"descriptions": DESCRIPTIONS}, "target": {"path": str(corpus)}, "methods": ["prototypes"]}
    tree["task"]["nli_model"] = str(nli)
    report = run(load_config(tree=tree))
    assert report is not None
    assert list(report.baselines) == ["chance", "tfidf_svm", "nli"]
    made, _ = predicted(nli, corpus, descriptions=DESCRIPTIONS, shots=2)
    truth = np.array([NAMES.index(row["label"]) for row in rows(24, seed=2)])
    assert report.baselines["nli"]["target"]["test"]["accuracy"] == pytest.approx((made == truth).mean())
    assert "| nli |" in (tmp_path / "run" / "report.md").read_text()


def fit(folder: Path, corpus: Path, **source: Any) -> None:
    SequenceClassification(nli_model=str(folder)).fit(load_corpus(CorpusConfig(str(corpus), **source)))


def test_other_models_are_refused_before_training(
    nli: Path, corpus: Path, tmp_path: Path, tiny_classifier: Path
) -> None:
    with pytest.raises(
        ConfigError, match=r"task.nli_model: .* has the classes .*; expected a model of natural language"
    ):
        fit(tiny_classifier, corpus)
    with pytest.raises(ConfigError, match=r"task\.nli_model: .*nowhere"):
        fit(tmp_path / "nowhere", corpus)
    bare = tiny_encoder(tmp_path / "bare")
    AutoModel.from_pretrained(nli).save_pretrained(bare)
    with pytest.raises(ConfigError, match=r"task\.nli_model: .*bare lacks the weights classifier\.bias"):
        fit(bare, corpus)


def test_descriptions_leave_room_for_a_text(nli: Path, corpus: Path) -> None:
    long = {**DESCRIPTIONS, "public": "waive " * 100}
    with pytest.raises(
        ConfigError, match=r"reads 64 tokens, .* leave no room for a text: 'waive .*' \(103 tokens\)\. Sh"
    ):
        fit(nli, corpus, descriptions=long, shots=2)


def test_of_several_labels_the_order_of_classes_is_checked(nli: Path, corpus: Path, tmp_path: Path) -> None:
    folder = tiny_encoder(tmp_path / "order")
    model = AutoModelForSequenceClassification.from_pretrained(nli)
    model.config.id2label = {0: "neutral", 1: "entailment", 2: "contradiction"}
    model.config.label2id = {name: number for number, name in model.config.id2label.items()}
    model.save_pretrained(folder)
    fit(folder, corpus)
    with pytest.raises(ConfigError, match="transformers' pipeline takes neutral for contradiction"):
        fit(folder, write_corpus(tmp_path / "labels", multi_label=True))


def test_a_model_that_baselines_leave_out_is_warned_of(encoder: Path, nli: Path, corpus: Path, tmp_path: Path) -> None:
    tree = run_tree(encoder, corpus, tmp_path / "run")
    tree |= {"methods": ["prototypes"], "baselines": ["majority"]}
    tree["task"]["nli_model"] = str(nli)
    with logged() as lines:
        run(load_config(tree=tree))
    assert f"{nli} is not scored: baselines names majority. Add nli." in lines


def test_the_baseline_needs_a_model(encoder: Path, corpus: Path, tmp_path: Path) -> None:
    assert "nli" not in SequenceClassification().default_baselines
    with pytest.raises(ConfigError, match="baselines: nli does not go with the settings of this task"):
        load_config(tree={**run_tree(encoder, corpus, tmp_path / "run"), "baselines": ["nli"]})


def test_a_saved_model_predicts_and_is_scored_by_descriptions(nli: Path, corpus: Path, tmp_path: Path) -> None:
    texts = [row["text"] for row in rows(24, seed=2)]
    scores = np.array([[entailment(nli, text, one)[ENTAILMENT] for one in DESCRIPTIONS.values()] for text in texts])
    expected = [list(DESCRIPTIONS)[place] for place in scores.argmax(1)]
    made = saved_models.load(nli).predict(texts, descriptions=DESCRIPTIONS)
    assert [one.predicted for one in made] == expected and len(set(expected)) > 1
    probabilities = [list(one.probabilities.values()) for one in made]
    np.testing.assert_allclose(probabilities, softmax(scores, axis=1), atol=1e-4)
    assert list(made[0].probabilities) == list(DESCRIPTIONS)
    scored = evaluate_model(str(nli), CorpusConfig(str(corpus)), options={"descriptions": DESCRIPTIONS})
    truth = [row["label"] for row in rows(24, seed=2)]
    chance = scored.baselines["chance"]["accuracy"]
    assert chance == np.mean(
        np.random.default_rng(0).integers(3, size=24) == [list(DESCRIPTIONS).index(x) for x in truth]
    )
    assert scored.metrics["accuracy"] == pytest.approx(np.mean([a == b for a, b in zip(expected, truth, strict=True)]))
    (alone,) = saved_models.load(nli).predict(texts[:1])
    assert list(alone.probabilities) == ["CONTRADICTION", "NEUTRAL", "ENTAILMENT"]


@pytest.mark.parametrize(
    ("descriptions", "problem"),
    [
        ({"a": "one text"}, "{'a': 'one text'}; expected a text for each of two classes or more, CLASS=TEXT."),
        ({"a": "one text", "b": " "}, "expected a text for each of two classes or more, CLASS=TEXT."),
        ({"a": "one text", "b": "one text ", "c": "third"}, "a, b have the same text. Say how they differ."),
        (["a", "b"], "['a', 'b']; expected a text for each of two classes or more, CLASS=TEXT."),
        ({"a": "one text", "b": "waive " * 100}, "reads 64 tokens, of a description and a text together"),
    ],
)
def test_bad_descriptions_are_refused(nli: Path, descriptions: Any, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        saved_models.load(nli).predict(["a text"], descriptions=descriptions)
    assert str(caught.value).startswith("--descriptions: ") and problem in str(caught.value)


def test_a_classifier_of_other_classes_reads_no_descriptions(tiny_classifier: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"^--descriptions: .* has the classes red, green, blue; expected a model of nat"
    ):
        saved_models.load(tiny_classifier).predict(["a text"], descriptions=DESCRIPTIONS)


def test_logits_are_finite_where_a_class_has_no_probability(nli: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scores = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    monkeypatch.setattr(predictor, "entailment_scores", lambda *_, **__: scores)
    classifier = saved_models.load(nli).configured({"descriptions": DESCRIPTIONS})
    assert np.isfinite(classifier.text_logits(["a text", "another"])).all()


def test_texts_that_a_description_cuts_are_warned_of(nli: Path) -> None:
    fits = 64 - len(AutoTokenizer.from_pretrained(nli)("", "one two three")["input_ids"])
    descriptions = {"a": "one two three", "b": "four"}
    for words, warned in ((fits, False), (fits + 1, True)):
        with logged() as lines:
            saved_models.load(nli).predict([" ".join(["software"] * words)], descriptions=descriptions)
        assert any("longer than the model reads" in line for line in lines) is warned


def test_descriptions_need_weights_and_the_classes_of_the_corpus(nli: Path, corpus: Path) -> None:
    classifier = saved_models.load(nli)
    exported = replace(classifier, model=object.__new__(OnnxNetwork))
    with pytest.raises(ConfigError, match=r"^--descriptions: .* is an exported network\. Leave --backend out\."):
        exported.configured({"descriptions": DESCRIPTIONS})
    with pytest.raises(ConfigError, match="--windows names what decided in the network alone"):
        replace(classifier, reading=replace(classifier.reading, long_documents="windows")).predict(
            ["a text"], descriptions=DESCRIPTIONS, windows=1
        )
    two = {name: text for name, text in DESCRIPTIONS.items() if name != "public"}
    with pytest.raises(DataError, match=r"--descriptions has the classes permissive, copyleft; describe all others\."):
        evaluate_model(str(nli), CorpusConfig(str(corpus)), options={"descriptions": two})
