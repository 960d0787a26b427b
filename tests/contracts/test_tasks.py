"""What every task promises, over every task in the table; classification single- and multi-label."""

import dataclasses
import gzip
import json

import numpy as np
import pandas as pd
import pytest
import torch

from nlp_transfer import corpus_from
from nlp_transfer.config.experiment import load_config
from nlp_transfer.config.typed_values import build
from nlp_transfer.data.validation.row_kinds import IMAGES
from nlp_transfer.errors import ConfigError
from nlp_transfer.metrics.table import METRICS
from nlp_transfer.models.outputs import Output
from nlp_transfer.models.reference import ModelReference
from nlp_transfer.reporting import markdown
from nlp_transfer.reporting.sections import SECTIONS
from nlp_transfer.runner import run
from nlp_transfer.tasks import TASKS
from nlp_transfer.tasks.blocks import Alert, Section, Text
from tests.contracts.dummy_task import FIRST_CLASS, FirstClass, shortened
from tests.tiny_entities import MAKERS
from tests.tiny_images import tiny_image_encoder
from tests.tiny_runs import run_tree, tiny_encoder, write_corpus

CLASSIFICATIONS = [
    (name, several)
    for name, task in TASKS.items()
    if Output.LOGITS in task.provides
    for several in (False, True)
    if not (several and task.ordered)  # classes with an order are one a text
]
CASES = [*CLASSIFICATIONS, *((name, None) for name, task in TASKS.items() if Output.LOGITS not in task.provides)]


@pytest.fixture(scope="module")
def text_encoder(tmp_path_factory):
    return tiny_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="module")
def image_encoder(tmp_path_factory):
    return tiny_image_encoder(tmp_path_factory.mktemp("images"))


@pytest.fixture
def encoder(bound, text_encoder, image_encoder):
    """The reference of an encoder of the task's rows."""
    return ModelReference(str(image_encoder if bound[0].config.columns.kind == IMAGES else text_encoder))


@pytest.fixture(params=CASES, ids=lambda case: f"{case[0]}-{ {True: 'multi', False: 'single', None: 'text'}[case[1]] }")
def bound(request):
    name, multi_label = request.param
    kind = TASKS[name].columns.kind
    options = {"multi_label": multi_label} if multi_label is not None else {}
    frames = {
        split: pd.DataFrame(MAKERS[kind](size, seed=seed, **options))
        for seed, (split, size) in enumerate({"train": 12, "validation": 6, "test": 6}.items())
    }
    corpus = corpus_from(frames, kind=kind)
    shorter = {"max_summary_length": 32} if Output.GENERATION in TASKS[name].provides else {}
    return TASKS[name](**shortened(TASKS[name]), **shorter).fit(corpus), corpus


classification = pytest.mark.parametrize("bound", CLASSIFICATIONS, indirect=True)


@pytest.mark.parametrize("name", TASKS)
def test_a_task_is_known_by_its_name_and_rebuilt_from_its_fields(name):
    task = TASKS[name]()
    assert task.name == name
    problems: list[str] = []
    assert build(TASKS[name], dataclasses.asdict(task), "task", problems) == task
    assert problems == []


@pytest.mark.parametrize("name", [name for name, task in TASKS.items() if shortened(task)])
def test_a_length_without_room_for_a_token_is_refused(name):
    with pytest.raises(ConfigError, match=r"task\.max_length is 2; "):
        TASKS[name](max_length=2)


def test_encoding_keeps_rows_and_their_order(bound, encoder):
    task, corpus = bound
    encoded = task.encode(corpus, task.load_tokenizer(encoder))
    for split, dataset in corpus.splits.items():
        # A text that is longer than a row goes on in rows #2, #3, …
        assert list(dict.fromkeys(row.partition("#")[0] for row in encoded[split]["id"])) == list(dataset["id"])
        inputs = encoded[split]["input_ids"] if "input_ids" in encoded[split].column_names else None
        lengths = [len(row) for row in inputs] if inputs is not None else [4] * len(dataset)  # 32 x 32 pixels
        assert list(encoded[split]["length"]) == lengths
        assert max(lengths) <= 32


def test_an_example_says_what_is_to_be_learned(bound, encoder):
    task, corpus = bound
    tokenizer = task.load_tokenizer(encoder)
    row = task.encode(corpus, tokenizer)["train"][0]
    learned, text = task.example(row, tokenizer)
    assert learned
    if task.config.columns.kind == IMAGES:
        assert text == "32 x 32 pixels"
        return
    assert text.startswith("[CLS] ")
    assert text.endswith(" [SEP]")


def test_a_batch_goes_through_the_model_to_a_finite_loss(bound, encoder):
    task, corpus = bound
    tokenizer = task.load_tokenizer(encoder)
    train = task.encode(corpus, tokenizer)["train"]
    loaded = task.build_model(encoder)
    batch = task.collator(tokenizer)([train[i] for i in range(5)])
    loss = loaded.model(**batch).loss
    assert torch.isfinite(loss)
    assert loss > 0
    loss.backward()
    assert all(p.grad is not None for name, p in loaded.model.named_parameters() if name in loaded.new_parameters)


def test_batches_follow_from_the_seed(bound, encoder):
    task, corpus = bound
    tokenizer = task.load_tokenizer(encoder)
    train = task.encode(corpus, tokenizer)["train"]
    chosen = [train[i] for i in range(5)]
    one, again = (task.collator(tokenizer, seed=7)(chosen) for _ in range(2))
    assert one.keys() == again.keys()
    for name, values in one.items():
        torch.testing.assert_close(values, again[name])


@classification
def test_the_task_has_one_loss_a_row(bound, encoder):
    task, corpus = bound
    tokenizer = task.load_tokenizer(encoder)
    train = task.encode(corpus, tokenizer)["train"]
    loaded = task.build_model(encoder)
    batch = task.collator(tokenizer)([train[i] for i in range(5)])
    labels = batch.pop("labels")
    losses = task.row_losses(loaded.model(**batch).logits, labels)
    assert losses.shape == (5,)
    assert torch.isfinite(losses).all()
    assert (losses >= 0).all()


def test_batches_of_a_compiled_model_have_few_lengths(bound, encoder):
    task, corpus = bound
    if not task.max_length:
        pytest.skip("images have one size")
    tokenizer = task.load_tokenizer(encoder)
    tokenizer.model_max_length = 512
    train = task.encode(corpus, tokenizer)["train"]
    rows = [train[i] for i in range(5)]
    assert task.collator(tokenizer, compiled=True)(rows)["attention_mask"].shape[1] == 64
    assert task.collator(tokenizer)(rows)["attention_mask"].shape[1] < 64


@classification
def test_metrics_are_named_and_perfect_for_perfect_logits(bound):
    task, _ = bound
    classes = len(task.label_names)
    truth = np.eye(classes)[[0, 1, classes - 1, 1]]
    labels = truth if task.multi_label else truth.argmax(1)
    logits = (truth * 2 - 1).astype(np.float32) * 20
    metrics = task.score(logits, labels)
    assert metrics["macro_f1"] == 1.0
    assert set(task.config.metric_names()) >= {"loss", "macro_f1"}
    assert {name for name in metrics if name in task.config.metric_names()} >= {
        "loss",
        "accuracy",
        "macro_f1",
        "micro_f1",
    }
    assert set(metrics["per_class"]) == set(task.label_names)
    probabilities = task.probabilities(logits)
    assert probabilities.shape == (4, classes)
    assert ((probabilities >= 0) & (probabilities <= 1)).all()
    assert (task.predictions(logits) == labels).all()


def test_a_new_task_metric_and_section_are_one_object_and_one_line_each(text_encoder, tmp_path, monkeypatch):
    def words_of_the_titles(report):
        return Section("Titles", (Text(f"{len(report.title)} letters"), Alert("a *new* section")))

    monkeypatch.setitem(METRICS, FIRST_CLASS.name, FIRST_CLASS)
    monkeypatch.setitem(TASKS, FirstClass.name, FirstClass)
    monkeypatch.setattr(markdown, "SECTIONS", (*SECTIONS, words_of_the_titles))
    corpus = write_corpus(tmp_path / "corpus")
    tree = run_tree(text_encoder, corpus, tmp_path / "run", num_train_epochs=1, metric_for_best_model="first_class")
    report = run(load_config(tree={**tree, "task": {"name": FirstClass.name}}))
    scores = report.metrics["source"]["test"]
    assert scores == {"first_class": scores["first_class"], "rows": 24}
    text = (tmp_path / "run" / "report.md").read_text()
    assert f"On 24 texts of source test the model's share of the first class is {scores['first_class']:.3f}." in text
    assert f"| system | first class |\n| :--- | ---: |\n| model | {scores['first_class']:.3f} |" in text
    assert "The share of the first class is a share. The interval is" in text
    assert f"## Use\n\nLook at `{tmp_path / 'run' / 'model'}`." in text
    assert text.endswith("## Titles\n\n3 letters\n\n**Warning**: a \\*new\\* section\n")
    with gzip.open(tmp_path / "run" / "predictions.jsonl.gz", "rt") as lines:
        first = json.loads(next(lines))
    assert list(first) == ["id", "split", "domain", "first"]
    logged = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert any("eval_first_class" in entry for entry in logged)
