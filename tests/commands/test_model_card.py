"""A run's card says what the run really used, what the model is not for, and nothing that is not true on the Hub."""

from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard

from nlp_transfer.commands.finished_runs import FinishedRun
from nlp_transfer.commands.model_card import recipe, run_card
from nlp_transfer.errors import PublishError
from nlp_transfer.hub.card import MAX_CLASSES
from nlp_transfer.reporting.report import CorpusFacts, Cost, Report, SearchSummary

LORA = {"name": "lora", "r": 4, "alpha": None, "target_modules": ["query", "value"], "use_dora": False}
FROZEN = {"name": "frozen_encoder", "layers": [4], "pooling": ["mean"], "l2": [0.1, 100.0], "losses": ["squared_hinge"]}


def config(*methods: dict[str, Any], task: str = "sequence_classification", **other: Any) -> dict[str, Any]:
    tree = {"model": "../encoder", "task": {"name": task}, "source": {"builtin": "licenses"}, "training": {}}
    return {**tree, "methods": list(methods) or [{"name": "full_fine_tuning"}], **other}


def classes(count: int) -> dict[str, Any]:
    summary = dict.fromkeys(("accuracy", "macro_precision", "macro_recall", "macro_f1"), 0.5)
    means = {f"{kind}_{name}": 0.5 for kind in ("micro", "weighted") for name in ("precision", "recall", "f1")}
    each = {"precision": 0.5, "recall": 0.5, "f1": 0.5, "support": 1}
    return {"rows": count, **summary, **means, "per_class": {f"class {i}": each for i in range(count)}}


def card(
    folder: Path, tree: dict[str, Any], scores: dict[str, Any] | None = None, found: Any = None, **how: Any
) -> Any:
    metrics = {"source": {"test": scores or classes(2)}}
    report = Report(
        title="run",
        task=tree["task"]["name"],
        model="Hub model org/enc at revision abc",
        methods=(),
        metrics=metrics,
        corpora={"source": CorpusFacts("", "", {})},
        cost=Cost(1, 2),
        config=tree,
        seed=0,
        search=found,
        thresholds={"class 0": 0.5, "class 1": 0.5} if "exact_match" in (scores or {}) else {},
    )
    run = FinishedRun(folder, {"config": tree}, report)
    return run_card(run, "ada/one", **{"adapter": False, **how})


def test_a_corpus_of_the_package_is_named_in_the_metadata(tmp_path: Path) -> None:
    data = ModelCard(card(tmp_path, config(target={"path": "/data"})).text()).data
    (name,) = {one.dataset_name for one in data.eval_results}
    (kind,) = {one.dataset_type for one in data.eval_results}
    assert (name, kind) == ("source (the corpus licenses of nlp-transfer)", "nlp-transfer-licenses")
    assert data.datasets is None
    several = config(source=[{"builtin": "licenses"}, {"path": "/data"}])
    assert {one.dataset_type for one in ModelCard(card(tmp_path, several).text()).data.eval_results} == {"unpublished"}


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        (
            config(training={"seed": 13}),
            "num_train_epochs 3, learning_rate 5e-05, per_device_train_batch_size 8, gradient_accumulation_steps 1, "
            "weight_decay 0, seed 13",
        ),
        (
            config(LORA, training={"max_steps": 70, "learning_rate": 1e-4}),
            "max_steps 70, learning_rate 0.0001, per_device_train_batch_size 8, gradient_accumulation_steps 1, "
            "weight_decay 0, seed 42",
        ),
        (
            config(search={"training.learning_rate": [1e-5, 2e-5]}, training={"per_device_train_batch_size": 32}),
            "num_train_epochs 3, learning_rate chosen of 1e-05 / 2e-05, per_device_train_batch_size 32, "
            "gradient_accumulation_steps 1, weight_decay 0, seed 42",
        ),
        (config(FROZEN, training={"learning_rate": 1e-4, "seed": 13}), "seed 13"),
    ],
)
def test_the_recipe_names_what_the_run_used(tree: dict[str, Any], expected: str) -> None:
    assert recipe(tree) == expected


def test_a_run_that_trained_no_network_has_its_methods_settings(tmp_path: Path) -> None:
    lines = card(tmp_path, config(FROZEN, training={"seed": 13})).transfer
    assert lines[2].startswith(
        "**Method** `frozen_encoder` (layers 4, pooling mean, l2 0.1 / 100, losses squared_hinge): Tenney et al. (2019)"
    )
    assert lines[-1] == "**Recipe**: no network was trained, a head was fitted to the frozen encoder; seed 13."


def test_a_methods_settings_are_all_named(tmp_path: Path) -> None:
    kind = {"name": "peft", "peft_type": "IA3", "settings": {"target_modules": ["key"], "a*b": True}}
    lines = card(tmp_path, config(LORA, kind, search={"methods.lora.r": [4, 8]})).transfer
    assert lines[2].startswith("**Method** `lora` (r chosen of 4 / 8, target_modules query / value, use_dora false): ")
    assert lines[3].startswith("**Method** `peft` (peft_type IA3, settings target_modules key; a*b true)")


def test_what_a_run_chose_is_named(tmp_path: Path) -> None:
    tree = config(LORA, search={"methods.lora.r": [4, 8]})
    tried = SearchSummary("loss", {"methods.lora.r 4": 0.5, "methods.lora.r 8": 0.4}, "methods.lora.r 8")
    line = card(tmp_path, tree, found=tried).transfer[-1]
    assert line == "**Chosen** by the run: methods.lora.r 8 (loss 0.4000)."


def test_a_summarisers_card_names_no_file_that_is_not_there(tmp_path: Path) -> None:
    scores = {"rows": 3, "rouge1": 0.5, "rouge2": 0.5, "rougeLsum": 0.5, "rougeL": 0.5, "unsupported": 0.5}
    counts = dict.fromkeys(("new_pairs", "copied", "sentences", "words", "summary_words", "reference_words"), 1.0)
    text = card(tmp_path, config(task="abstractive_summarization"), {**scores, **counts}).text()
    assert "predictions.jsonl.gz" not in text
    assert (
        "The predictions list them, and what each sentence rests on. Baselines take as many sentences as a training "
        "summary has on average; the oracle knows the reference. `metrics.json` has all numbers." in text
    )


@pytest.mark.parametrize(
    ("task", "end"),
    [
        ("sequence_classification", "It is not for other kinds of texts or other languages, which it sorts all the same, nor for decisions about people without a person who reads the text."),
        ("masked_language_modeling", "It is not for other kinds of texts or other languages, and what it guesses is no statement of fact. What is built on it is not for decisions about people without a person who reads the text."),
        ("extractive_summarization", "It is not for other kinds of documents or other languages. What it leaves out may matter: it is not for decisions about people without a person who reads the document."),
        ("abstractive_summarization", "It is not for other kinds of documents or other languages. It may write what the document does not say: it is not for decisions about people without a person who reads the document."),
    ],
)  # fmt: skip
def test_what_a_model_is_not_for(tmp_path: Path, task: str, end: str) -> None:
    assert card(tmp_path, config(task=task)).intended.endswith(f". {end}")


def test_an_adapters_snippet_names_the_classes(tmp_path: Path) -> None:
    few = card(tmp_path, config(LORA), classes(MAX_CLASSES), adapter=True).use
    assert f'{MAX_CLASSES - 1}: "class {MAX_CLASSES - 1}"}}\n' in few
    assert "num_labels" not in few
    many = card(tmp_path, config(LORA), classes(MAX_CLASSES + 1), adapter=True).use
    assert many.splitlines()[-3:] == [
        "# The classes' names, in the order of their ids: metrics.json, under per_class",
        'base = AutoModelForSequenceClassification.from_pretrained("org/enc", revision="abc", num_labels=41)',
        'model = PeftModel.from_pretrained(base, "ada/one")',
    ]


def test_an_adapters_snippet_says_that_a_text_may_have_several_labels(tmp_path: Path) -> None:
    scores = {**classes(2), "exact_match": 0.5}
    assert (
        '"org/enc", revision="abc", id2label=id2label, label2id=label2id, problem_type="multi_label_classification")\n'
        in card(tmp_path, config(LORA), scores, adapter=True).use
    )


def test_an_adapter_beside_the_model(tmp_path: Path) -> None:
    assert "adapter/" not in card(tmp_path, config(LORA)).text()
    also = card(tmp_path, config(LORA), both=True).also
    assert also.startswith(
        "The folder `adapter/` holds the adapter alone; the model above holds it merged, and does not need it. It is "
        "loaded onto its base model:\n\n```python\nfrom peft import PeftModel\n"
    )
    assert also.endswith(
        'base = AutoModelForSequenceClassification.from_pretrained("org/enc", revision="abc", id2label=id2label, '
        'label2id=label2id)\nmodel = PeftModel.from_pretrained(base, "ada/one", subfolder="adapter")\n```'
    )


@pytest.mark.parametrize("task", ["extractive_summarization", "abstractive_summarization"])
def test_the_adapter_of_a_summariser_fits_its_network_alone(tmp_path: Path, task: str) -> None:
    with pytest.raises(PublishError) as caught:
        card(tmp_path, config(LORA, task=task), adapter=True)
    assert str(caught.value) == (
        "--what: the adapter of a summariser fits the network that its run put together, which nobody else has. Push the "
        "model, which holds it merged."
    )
    assert card(tmp_path, config(LORA, task=task), both=True).also == (
        "The folder `adapter/` holds the adapter alone; the model above holds it merged, and does not need it. It fits "
        "the network that its run put together, which nobody else has."
    )
