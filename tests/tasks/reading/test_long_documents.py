"""Classifiers that read documents longer than their encoder's input, by every method, saved and loaded."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from transformers import AutoModelForSequenceClassification

import nlp_transfer
from nlp_transfer import TransferTrainer, run
from nlp_transfer.config.experiment import load_config
from nlp_transfer.errors import ConfigError
from nlp_transfer.tasks.reading.long_documents import LongDocuments
from nlp_transfer.tasks.sequence_classification import NAME
from nlp_transfer.tasks.sequence_classification.task import SequenceClassification
from nlp_transfer.training.setup import load_data
from tests.tiny_runs import FILLERS, WORDS, run_tree

WINDOWS = {"max_length": 16, "long_documents": "windows", "window_overlap": 0}


def documents(count: int, seed: int, *, multi_label: bool = False) -> list[dict[str, Any]]:
    """Documents whose class shows at their end only, behind 20 to 60 words without meaning."""
    random = np.random.default_rng(seed)
    rows = []
    for number in range(count):
        label = list(WORDS)[number % 3]
        start = list(random.choice(FILLERS, size=random.integers(20, 60)))
        text = " ".join([*start, *random.choice(WORDS[label], size=10)])
        rows.append({"text": text, **({"labels": [label]} if multi_label else {"label": label})})
    return rows


def write(folder: Path, **options: Any) -> Path:
    folder.mkdir(parents=True)
    for seed, (name, count) in enumerate({"train": 96, "dev": 24, "test": 24}.items()):
        lines = [json.dumps(row) for row in documents(count, seed, **options)]
        (folder / f"{name}.jsonl").write_text("\n".join(lines))
    return folder


@pytest.fixture(scope="module")
def long_corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("long") / "corpus")


def lines_of_test(folder: Path) -> list[dict[str, Any]]:
    with gzip.open(folder / "predictions.jsonl.gz", "rt") as lines:
        return [row for row in map(json.loads, lines) if row["split"] == "test"]


def tree(encoder: Path, corpus: Path, output: Path, task: dict[str, Any] | None = None, **changes: Any) -> Any:
    training = {
        "num_train_epochs": 24,
        "per_device_train_batch_size": 8,
        "learning_rate": 2e-3,
        **changes.pop("training", {}),
    }
    made = run_tree(encoder, corpus, output, **training)
    return {**made, "task": {**WINDOWS, **(task or {})}, **changes}


def test_what_stands_at_the_end_is_learned(encoder: Path, long_corpus: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    report = run(load_config(tree=tree(encoder, long_corpus, folder, {"pooling": "max"})))
    assert report is not None
    assert report.metrics["source"]["test"]["macro_f1"] > 0.9
    baselines = {name: scores["source"]["test"]["macro_f1"] for name, scores in report.baselines.items()}
    assert baselines["first_window"] < 0.6 < baselines["head_and_tail"]
    assert baselines["all_windows"] > 0.6
    longer = next(line for line in (folder / "report.md").read_text().splitlines() if "source test, longer" in line)
    assert longer.split(" | ")[-4].strip() == f"{baselines['first_window']:.3f}"  # all documents of the test are long
    cut = run(load_config(tree=tree(encoder, long_corpus, tmp_path / "cut", {"long_documents": "truncate"})))
    assert cut is not None
    assert cut.metrics["source"]["test"]["macro_f1"] < 0.6

    lines = lines_of_test(folder)
    predictor = nlp_transfer.load(folder)
    texts = [row["text"] for row in documents(24, 2)]
    predicted = predictor.predict(texts, windows=2)
    for line, one in zip(lines, predicted, strict=True):
        assert one.predicted == line["predicted"]
        np.testing.assert_allclose(list(one.probabilities.values()), list(line["probabilities"].values()), atol=1e-5)
    (window,) = predicted[0].windows
    assert window["contribution"] > 0
    assert texts[0][window["start"] : window["end"]].split()[-1] in WORDS["permissive"]
    assert window["end"] == len(texts[0])
    assert (window["class"], window["weight"]) == ("permissive", 1)
    assert window["probability"] == pytest.approx(predicted[0].probabilities["permissive"], abs=0.1)
    plain, info = AutoModelForSequenceClassification.from_pretrained(folder / "model", output_loading_info=True)
    assert plain.config.nlp_transfer["pooling"] == "max"
    assert not any(info[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys"))


@pytest.mark.parametrize(
    ("methods", "task"),
    [
        (["lora"], {"pooling": "max"}),
        (["frozen_encoder"], {"window_overlap": 4, "pooling": "first_and_mean"}),
        (["frozen_encoder"], {"pooling": "max"}),
        (["lp_ft"], {}),
        (["lp_ft"], {"pooling": "top_k"}),
        ([{"name": "contrastive", "steps": 20}], {"pooling": "max"}),
        ([{"name": "partial_fine_tuning", "layers": 1}], {"pooling": "top_k"}),
        (
            [{"name": "peft", "peft_type": "IA3", "settings": {"target_modules": ["key"], "feedforward_modules": []}}],
            {"pooling": "mean"},
        ),
    ],
    ids=[
        "lora",
        "frozen_encoder",
        "frozen_encoder_max",
        "lp_ft",
        "lp_ft_top_k",
        "contrastive",
        "partial_fine_tuning",
        "peft",
    ],
)
def test_methods(encoder: Path, long_corpus: Path, tmp_path: Path, methods: list[Any], task: dict[str, Any]) -> None:
    folder = tmp_path / "run"
    report = run(load_config(tree=tree(encoder, long_corpus, folder, task, methods=methods)))
    assert report is not None
    assert report.metrics["source"]["test"]["macro_f1"] > 0.5
    if methods[0] in ("frozen_encoder", "lp_ft"):
        assert report.facts["frozen_encoder" if methods[0] == "frozen_encoder" else "lp_ft"]["validation_score"] > 0.6
    lines = lines_of_test(folder)
    predicted = nlp_transfer.load(folder).predict([row["text"] for row in documents(24, 2)])
    for line, one in zip(lines, predicted, strict=True):
        np.testing.assert_allclose(list(one.probabilities.values()), list(line["probabilities"].values()), atol=1e-4)


def test_training_documents_alone_may_be_read_in_part(encoder: Path, long_corpus: Path, tmp_path: Path) -> None:
    folder, task = tmp_path / "run", {"train_windows": 2, "max_windows": 3, "pooling": "first_and_mean"}
    made = tree(encoder, long_corpus, folder, task, methods=["prototypes"], baselines=["majority"])
    data = load_data(load_config(tree=made))
    windows = {
        split: max(max(map(abs, row)) for row in rows["window_ids"]) for split, rows in data.encoded["source"].items()
    }
    assert windows == {"train": 2, "validation": 3, "test": 3}
    report = run(load_config(tree=made))
    assert report is not None
    (text,) = [section.blocks[0].markdown for section in report.findings if section.title == "Long documents"]  # type: ignore[union-attr]
    assert "at most 3 of a document (at most 2 of a training document)" in text
    record = json.loads((folder / "model" / "config.json").read_text())["nlp_transfer"]
    assert record["max_windows"] == 3
    assert "train_windows" not in record


def test_stored_states_change_nothing(encoder: Path, long_corpus: Path, tmp_path: Path) -> None:
    scores = {}
    for cached in (True, False):
        made = tree(
            encoder,
            long_corpus,
            tmp_path / str(cached),
            methods=[{"name": "partial_fine_tuning", "layers": 1}],
            training={"activation_cache": cached, "num_train_epochs": 2},
        )
        report = run(load_config(tree=made))
        assert report is not None
        assert report.facts["activation_cache"]["used"] is cached
        scores[cached] = report.metrics["source"]["test"]["loss"]
    assert scores[True] == pytest.approx(scores[False], abs=1e-4)


@pytest.mark.parametrize("method", ["dann", "cdan", "mmd", "coral", "self_training", "mean_teacher"])
def test_adaptation(encoder: Path, long_corpus: Path, tmp_path: Path, method: str) -> None:
    target = write(tmp_path / "target")
    made = tree(
        encoder, long_corpus, tmp_path / "run", methods=["full_fine_tuning", method], target={"path": str(target)}
    )
    made["training"]["num_train_epochs"] = 2
    report = run(load_config(tree=made))
    assert report is not None
    assert set(report.metrics) == {"source", "target"}


def test_several_labels(encoder: Path, tmp_path: Path) -> None:
    corpus = write(tmp_path / "corpus", multi_label=True)
    report = run(load_config(tree=tree(encoder, corpus, tmp_path / "run", {"pooling": "max"})))
    assert report is not None
    assert report.metrics["source"]["test"]["macro_f1"] > 0.9
    texts = [row["text"] for row in documents(3, 2)]
    (found,) = nlp_transfer.load(tmp_path / "run").predict(texts[1:2], windows=1)
    assert [window["class"] for window in found.windows] == found.predicted
    assert all(window["weight"] == 1 for window in found.windows)


def test_pooling_is_searched(encoder: Path, long_corpus: Path, tmp_path: Path) -> None:
    made = tree(encoder, long_corpus, tmp_path / "run", search={"task.pooling": ["mean", "max"]})
    report = run(load_config(tree=made))
    assert report is not None and report.search is not None
    saved = json.loads((tmp_path / "run" / "model" / "config.json").read_text())["nlp_transfer"]
    assert report.search.chosen == f"task.pooling {saved['pooling']}" == "task.pooling max"
    predicted = nlp_transfer.load(tmp_path / "run").predict([row["text"] for row in documents(24, 2)])
    for line, one in zip(lines_of_test(tmp_path / "run"), predicted, strict=True):
        np.testing.assert_allclose(list(one.probabilities.values()), list(line["probabilities"].values()), atol=1e-4)


@pytest.mark.parametrize(
    ("task", "methods", "message"),
    [
        ({"pooling": "first"}, [], "task.pooling is 'first': set task.max_windows: 1 and task.pooling: mean."),
        ({"pooling": "attention"}, [], "task.pooling is 'attention', which has no gain over first_and_mean where it"),
        ({"pooling": "men"}, [], "Did you mean 'mean'"),
        ({"long_documents": "window"}, [], "Unknown mode 'window'. Did you mean 'windows'"),
        ({"window_overlap": -1}, [], "task.window_overlap is -1; expected 0 or more"),
        ({"long_documents": "truncate", "max_windows": 3}, [], "take effect with task.long_documents: windows only"),
        ({"train_windows": 0}, [], "task.train_windows is 0; expected 1 or more"),
        ({"max_windows": 0}, [], "task.max_windows is 0; expected 1 or more"),
        ({"max_length": 100}, [], "task.max_length is 100, but .* reads at most 80 tokens"),
        (
            {},
            [{"name": "peft", "peft_type": "PROMPT_TUNING", "settings": {"num_virtual_tokens": 3}}],
            "peft changes the tokens of whole texts",
        ),
    ],
)
def test_refusals(
    encoder: Path, long_corpus: Path, tmp_path: Path, task: dict[str, Any], methods: list[Any], message: str
) -> None:
    changes = {"methods": methods} if methods else {}
    with pytest.raises(ConfigError, match=message):
        run(load_config(tree=tree(encoder, long_corpus, tmp_path / "run", task, **changes)))


def test_sharded_weights_are_refused(
    encoder: Path, long_corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = TransferTrainer.create_accelerator_and_postprocess

    def sharded(trainer: Any) -> None:
        create(trainer)
        trainer.is_fsdp_enabled = True

    monkeypatch.setattr(TransferTrainer, "create_accelerator_and_postprocess", sharded)
    with pytest.raises(ConfigError, match="windows does not go with FSDP or DeepSpeed"):
        run(load_config(tree=tree(encoder, long_corpus, tmp_path / "run")))
    monkeypatch.undo()
    with pytest.raises(ConfigError, match=r"windows does not go with training\.torch_compile"):
        run(load_config(tree=tree(encoder, long_corpus, tmp_path / "run", training={"torch_compile": True})))


def test_baselines_of_windows_are_refused_where_texts_are_cut(encoder: Path, long_corpus: Path, tmp_path: Path) -> None:
    made = tree(encoder, long_corpus, tmp_path / "run", {"long_documents": "truncate"}, baselines=["first_window"])
    with pytest.raises(
        ConfigError,
        match=r"first_window does not go with the settings of this task\. Baselines for them: majority, tfidf_svm, chance\.",
    ):
        load_config(tree=made)


def test_windows_that_decided_are_refused_where_texts_are_cut(encoder: Path, long_corpus: Path, tmp_path: Path) -> None:
    made = tree(encoder, long_corpus, tmp_path / "run", {"long_documents": "truncate"})
    run(load_config(tree={**made, "training": {**made["training"], "num_train_epochs": 1}}))
    predictor = nlp_transfer.load(tmp_path / "run")
    assert "pooling" not in predictor.state()
    with pytest.raises(ConfigError, match=r"--windows names the windows that decided, and .* does not read in windows"):
        predictor.predict(["the law"], windows=1)


def test_settings_of_a_saved_model() -> None:
    task = SequenceClassification(max_length=20, long_documents="windows", pooling="max", window_overlap=4)
    settings = LongDocuments.of(task)
    assert LongDocuments.from_record(settings.record(), 20) == settings
    assert LongDocuments.from_record({}, 20) == LongDocuments(20, "truncate", "first_and_mean", 0, None)
    with pytest.raises(ValueError, match="pooling: Unknown pooling 'sum'"):
        LongDocuments.from_record({**settings.record(), "pooling": "sum"}, 20)
    with pytest.raises(ValueError, match="window_overlap is '4', no whole number"):
        LongDocuments.from_record({**settings.record(), "window_overlap": "4"}, 20)
    assert task.name == NAME
