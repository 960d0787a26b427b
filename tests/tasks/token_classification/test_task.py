"""The task of entities: settings, tags, scores; whole runs in windows."""

import gzip
import json

import numpy as np
import pandas as pd
import pytest
from transformers import AutoTokenizer, BertTokenizer

from nlp_transfer import CorpusConfig, corpus_from, load
from nlp_transfer.commands.evaluate import evaluate_model
from nlp_transfer.commands.run import run as run_command
from nlp_transfer.config.experiment import load_config
from nlp_transfer.errors import ConfigError, DataError
from nlp_transfer.models.reference import ModelReference
from nlp_transfer.runner import run
from nlp_transfer.tasks import TokenClassification
from nlp_transfer.tasks.abstention import Abstention
from nlp_transfer.tasks.token_classification.decision import EntityDecision
from tests.tiny_entities import CLASSES, entities, entity_tree, write_entities
from tests.tiny_runs import tiny_encoder


def corpus():
    sizes = {"train": 12, "validation": 7, "test": 7}
    frames = {name: pd.DataFrame(entities(size, seed=seed)) for seed, (name, size) in enumerate(sizes.items())}
    return corpus_from(frames, kind="entities")


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return tiny_encoder(tmp_path_factory.mktemp("encoder"))


def perfect(encoded, classes):
    """Logits of the true tags."""
    width = max(map(len, encoded["labels"]))
    labels = np.array([row + [-100] * (width - len(row)) for row in encoded["labels"]])
    return np.eye(2 * classes + 1)[labels.clip(0)] * 20.0, labels


def test_values_out_of_range_are_reported():
    with pytest.raises(ConfigError, match=r"task\.overlap is 300; expected 0 to half of task\.max_length, or null\."):
        TokenClassification(overlap=300)
    with pytest.raises(ConfigError, match=r"task\.unit: Unknown value 'word'\. Did you mean 'words'\?"):
        TokenClassification(unit="word")  # type: ignore[arg-type]
    assert TokenClassification(max_length=100).repeated_tokens == 25
    assert TokenClassification(max_length=100, overlap=0).repeated_tokens == 0


def test_checkpoints_are_chosen_by_what_each_evaluation_has(encoder):
    made = corpus()
    task = TokenClassification(max_length=64).fit(made)
    encoded = task.encode(made, AutoTokenizer.from_pretrained(encoder))["validation"]
    logits, labels = perfect(encoded, 2)
    assert set(TokenClassification.metric_names()) <= set(task.score(logits, labels, rows=encoded))
    assert "entity_ece" in task.score(logits, labels, rows=encoded, interval=True)


def test_a_corpus_without_entities_is_refused():
    frame = pd.DataFrame({"text": ["a", "b"]})
    bare = corpus_from({"train": frame, "validation": frame}, kind="entities")
    with pytest.raises(DataError, match=r"no entities are marked in the source\. Name their column with source\.col"):
        TokenClassification().fit(bare)
    frames = {"train": pd.DataFrame(entities(4)), "validation": pd.DataFrame({"text": ["a", "b"], "spans": [[], []]})}
    with pytest.raises(DataError, match=r": none of the 2 rows of validation has an entity\. Give the split rows"):
        TokenClassification().fit(corpus_from(frames, kind="entities"))


def test_a_tokenizer_that_knows_no_characters_is_refused(tmp_path):
    (tmp_path / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n")
    task, slow = TokenClassification().fit(corpus()), BertTokenizer(str(tmp_path / "vocab.txt"))
    if slow.is_fast:
        pytest.skip("this version of transformers has fast tokenizers alone")
    with pytest.raises(ConfigError, match="needs the characters of each token"):
        task.fit_tokenizer(corpus(), slow)


@pytest.mark.parametrize("max_length", [12, 64])
def test_perfect_logits_find_every_entity_however_the_text_is_cut(encoder, max_length):
    made = corpus()
    task = TokenClassification(max_length=max_length).fit(made)
    encoded = task.encode(made, AutoTokenizer.from_pretrained(encoder))["validation"]
    assert (len(encoded) > 7) == (max_length == 12)
    logits, labels = perfect(encoded, 2)
    scores = task.score(logits, labels, interval=True, rows=encoded)
    assert scores["loss"] == pytest.approx(0, abs=1e-6)
    assert (scores["rows"], scores["entity_f1"], scores["entity_f1_low"], scores["tag_accuracy"]) == (7, 1.0, 1.0, 1.0)
    assert set(scores["per_class"]) == set(CLASSES)
    order = np.random.default_rng(0).permutation(len(encoded))
    assert task.score(logits[order], labels[order], rows=encoded.select(order))["entity_f1"] == 1.0
    assert task.facts["training entities that begin or end inside words"] == "0 of 42"
    with pytest.raises(ValueError, match="Entities are scored by their texts"):
        task.score(logits, labels)


def test_tags_are_calibrated_by_one_temperature(encoder):
    made = corpus()
    task = TokenClassification(max_length=64).fit(made)
    encoded = task.encode(made, AutoTokenizer.from_pretrained(encoder))["validation"]
    logits, labels = perfect(encoded, 2)
    found = task.calibrate(np.pad(logits, ((0, 0), (0, 3), (0, 0))), labels)
    assert found is not None
    assert found.scale.shape == (5,)
    assert len(set(found.scale)) == 1
    off = TokenClassification(decision=EntityDecision(calibration="none")).fit(made)
    assert off.calibrate(logits, labels) is None
    assert off.calibration_needs == []
    abstaining = TokenClassification(max_length=64, decision=EntityDecision(abstain=Abstention(0.5))).fit(made)
    assert abstaining.calibration_needs == ["task.decision.abstain.precision"]
    abstaining.fit_decision(logits, labels, encoded)
    assert abstaining.settings() == {
        "max_length": 64,
        "overlap": 16,
        "unit": "words",
        "accept_from": pytest.approx(1.0),
    }
    abstaining.fit_decision(logits[:1], labels[:1], encoded.select([0]))  # one entity promises nothing
    assert abstaining.settings()["accept_from"] == 2.0
    assert "every entity is marked 'abstain'" in abstaining.broken_promise


def test_a_checkpoint_of_the_same_classes_keeps_its_head(encoder, tmp_path):
    task = TokenClassification(max_length=32).fit(corpus())
    loaded = task.build_model(ModelReference(str(encoder)))
    assert loaded.new_parameters == ("classifier.weight", "classifier.bias")
    assert loaded.model.config.id2label == {0: "O", 1: "B-PERM", 2: "I-PERM", 3: "B-PUB", 4: "I-PUB"}
    loaded.model.save_pretrained(tmp_path)
    again = task.build_model(ModelReference(str(tmp_path)))
    assert (again.new_parameters, again.notes) == ((), ("The checkpoint's own head for these labels is kept.",))


def test_a_run_learns_entities_in_windows(encoder, tmp_path):
    source = write_entities(tmp_path / "corpus")
    tree = entity_tree(encoder, source, tmp_path / "run")
    report = run(load_config(tree={**tree, "task": {"name": "token_classification", "max_length": 16, "overlap": 4}}))
    assert report is not None
    scores = report.metrics["source"]["test"]
    assert scores["rows"] == 16
    assert scores["entity_f1"] > 0.8
    assert report.baselines["dictionary"]["source"]["test"]["entity_f1"] < 1.0
    assert report.baselines["majority"]["source"]["test"]["entity_f1"] == 0.0
    text = (tmp_path / "run" / "report.md").read_text()
    assert f"On 16 texts of source test the model's entity F1 is {scores['entity_f1']:.3f}" in text
    assert "| class | right | other border | other class | missed | spurious |" in text
    assert "- training entities that begin or end inside words: 0 of " in text
    with gzip.open(tmp_path / "run" / "predictions.jsonl.gz", "rt") as lines:
        rows = [json.loads(line) for line in lines]
    assert list(rows[0]) == ["id", "split", "domain", "entities", "references"]
    found = evaluate_model(str(tmp_path / "run"), CorpusConfig(path=str(source / "test.jsonl")))
    for name in ("entity_f1", "unseen_f1", "unseen_entities"):  # the run's training mentions are read again
        assert found.metrics[name] == pytest.approx(scores[name], abs=1e-6), name
    predictor = load(tmp_path / "run")
    texts = {row["id"]: row["text"] for row in entities(16, seed=2)}
    test = {row["id"]: row for row in rows if row["split"] == "test"}
    for one in predictor.predict(list(texts.items())):
        saved = test[one.id]["entities"]
        assert [(found["start"], found["end"], found["label"]) for found in saved] == [
            (found.start, found.end, found.label) for found in one.entities
        ]
        for ours, theirs in zip(one.entities, saved, strict=True):
            assert ours.text == texts[one.id][ours.start : ours.end] == theirs["text"]
            assert ours.probability == pytest.approx(theirs["probability"], abs=1e-3)


def test_a_run_adapts_to_texts_without_entities(encoder, tmp_path):
    source, target = write_entities(tmp_path / "source"), tmp_path / "target"
    target.mkdir()
    for seed, (name, size) in enumerate({"unlabeled": 150, "test": 12}.items(), 5):
        rows = [dict(row) for row in entities(size, seed=seed, length=2 + seed)]
        for row in rows if name == "unlabeled" else ():
            del row["spans"]
        (target / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    tree = entity_tree(encoder, source, tmp_path / "run", num_train_epochs=2)
    tree |= {"target": {"path": str(target)}, "methods": ["full_fine_tuning", "coral"], "baselines": []}
    report = run_command(load_config(tree=tree))
    assert report is not None
    alone = report.baselines["source_only"]["target"]["test"]
    assert alone["entity_f1_gain_low"] <= 0.5 and alone["entity_f1_gain_high"] >= -0.5
    gain = report.metrics["target"]["test"]["entity_f1"] - alone["entity_f1"]
    assert alone["entity_f1_gain_low"] <= gain <= alone["entity_f1_gain_high"]
    assert report.facts["training entities that begin or end inside words"] == "0 of 171"


def test_runs_are_compared_by_strict_f1():
    drug, time = ({"start": a, "end": a + 4, "label": label} for a, label in ((0, "DRUG"), (5, "TIME")))
    ours = [{"entities": [drug], "references": [drug]}, {"entities": [drug, time], "references": [drug]}]
    theirs = [{"entities": [], "references": [drug]}, {"entities": [time], "references": [drug]}]
    scores = TokenClassification.row_scores([ours, theirs])
    assert scores.observed().tolist() == pytest.approx([4 / 5, 0.0])
