"""Stock and ours on tiny models: what each trains, and that what is compared is the same work."""

import dataclasses

import numpy as np
import pytest
import torch

from nlp_transfer.errors import ConfigError, DataError
from nlp_transfer.reporting.config_record import to_yaml
from scripts.benchmark import our_side, stock_side
from scripts.benchmark.cases import read_benchmark
from scripts.benchmark.flops import training_flops
from scripts.benchmark.machine import Meter
from scripts.benchmark.measuring import Job, measure, score_names
from scripts.benchmark.rows import load_rows
from scripts.benchmark.settings import Settings
from tests.tiny_runs import write_corpus

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("NLP_TRANSFER_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def cases(benchmark_file):
    return read_benchmark(benchmark_file).cases


def built(case, folder):
    config = case.config(folder)
    rows = load_rows(config, case.settings)
    return config, rows, stock_side.build(case, config, rows, folder)


def trained(model):
    return {name for name, parameter in model.named_parameters() if parameter.requires_grad}


def test_the_rows_are_always_the_same_and_as_many_as_wanted(cases, tmp_path):
    config = cases["full"].config(tmp_path)
    rows = load_rows(config, cases["full"].settings)
    again = load_rows(cases["full"].config(tmp_path, seed=5), cases["full"].settings)
    sizes = {name: len(split) for name, split in rows.texts.splits.items()}
    assert sizes == {"train": 32, "validation": 9, "test": 12}
    assert list(rows.encoded["train"]["id"]) == list(again.encoded["train"]["id"])
    assert list(rows.encoded["train"]["id"]) != [f"row0-{i}" for i in range(32)]  # drawn, not the first ones
    assert rows.lengths("test") == [sum(mask) for mask in rows.encoded["test"]["attention_mask"]]


def test_a_corpus_with_too_few_rows(cases, tmp_path):
    settings = dataclasses.replace(cases["full"].settings, rows=49, test_rows=25)
    with pytest.raises(DataError) as caught:
        load_rows(cases["full"].config(tmp_path), settings)
    origin = str(tmp_path / "corpus")
    assert [problem.removeprefix(origin) for problem in caught.value.problems] == [
        ": train has 48 rows, and the case wants 49. Lower its rows.",
        ": test has 24 rows, and the case wants 25. Lower its test_rows.",
    ]


@pytest.mark.parametrize("name", ["full", "top", "lora"])
def test_both_sides_train_the_same_parameters_from_the_same_weights(cases, tmp_path, name):
    config, rows, stock = built(cases[name], tmp_path)
    loaded = our_side.load_model(config, rows.task)
    ours, _ = our_side.build_trainer(
        config, our_side.RunData({}, rows.task, rows.tokenizer, {"source": rows.encoded}), loaded, tmp_path
    )
    assert trained(stock.model) == trained(ours.model)
    expected = dict(ours.model.named_parameters())
    for parameter, value in stock.model.named_parameters():
        if "lora_A" not in parameter:  # random, and drawn at another moment
            torch.testing.assert_close(value, expected[parameter])


def test_a_frozen_encoder_leaves_the_classifier(cases, tmp_path):
    _, _, stock = built(cases["frozen"], tmp_path)
    assert trained(stock.model) == {"classifier.weight", "classifier.bias"}


def test_the_stock_recipe_is_what_the_file_says_and_else_as_transformers_has_it(cases, tmp_path):
    _, _, stock = built(cases["full"], tmp_path)
    arguments = stock.args
    assert type(arguments).__name__ == "TrainingArguments"
    assert (arguments.num_train_epochs, arguments.learning_rate, arguments.per_device_train_batch_size) == (2, 5e-3, 8)
    assert (arguments.bf16, arguments.train_sampling_strategy, arguments.logging_nan_inf_filter) == (
        False,
        "random",
        True,
    )
    assert stock.model.config.attention_probs_dropout_prob == 0.1
    batch = next(iter(stock.get_train_dataloader()))
    assert batch["input_ids"].shape[1] == int(batch["attention_mask"].sum(dim=1).max())  # padded to its longest


def test_the_stock_side_in_bf16(cases, tmp_path):
    case = cases["full"]
    case.tree["training"]["precision"] = "bf16"
    assert stock_side.stock_arguments(case, case.config(tmp_path, seed=9).training, tmp_path).bf16


def test_what_the_file_says_counts_though_it_be_our_default(cases, tmp_path, monkeypatch):
    case = cases["full"]
    case.tree["training"]["adam_beta2"] = 0.95
    recipe = case.config(tmp_path, seed=9).training
    monkeypatch.setattr(recipe, "given", dict)  # as if 0.95 were our default
    arguments = stock_side.stock_arguments(case, recipe, tmp_path)
    assert (arguments.adam_beta2, arguments.seed) == (0.95, 9)


@pytest.mark.parametrize("side", ["stock", "ours"])
@pytest.mark.parametrize("name", ["full", "frozen", "top", "lora"])
def test_a_measurement_of_training(cases, tmp_path, monkeypatch, name, side):
    monkeypatch.setattr("scripts.benchmark.machine.PRODUCT_SIZES", {"cpu": 64})
    _, rows, stock = built(cases[name], tmp_path / "stock")
    found = measure(Job(cases[name].record(), side, seed=1), tmp_path / "out")
    assert found.tokens == 2 * sum(rows.lengths("train"))
    expected = 2 * training_flops(stock.model, rows.lengths("train"))
    assert found.flops == (expected if side == "stock" else None)
    assert found.seconds > 0 and found.rate > 0
    assert found.peak_bytes >= found.before_bytes > 0
    assert 0 <= found.macro_f1 <= 1
    assert (found.precision, found.threads) == ("fp32", 1)


def test_by_import_only_the_trainer_is_ours(cases, tmp_path, monkeypatch):
    monkeypatch.setattr("scripts.benchmark.machine.PRODUCT_SIZES", {"cpu": 64})
    case = cases["imported"]
    config = case.config(tmp_path / "a")
    trainer = our_side.train_by_import(case, config, load_rows(config, case.settings), tmp_path / "b", Meter(CPU))
    assert (type(trainer).__name__, type(trainer.args).__name__) == ("TransferTrainer", "TransferArguments")
    assert trainer.model.config.attention_probs_dropout_prob == 0.1
    assert trainer.args.bf16 is False
    assert trainer.state.global_step == 8
    assert measure(Job(case.record(), "ours", seed=1), tmp_path / "out").precision == "fp32"


def test_our_defaults_are_a_side_of_their_own(cases, tmp_path):
    case = cases["imported"]
    assert case.settings.sides == ("stock", "ours", "defaults")
    alike, defaults = case.config(tmp_path), case.config(tmp_path, defaults=True)
    assert (alike.attention_dropout, alike.training.precision) == (None, "fp32")
    assert (defaults.attention_dropout, defaults.training.precision) == (0.0, "auto")


def test_predicting_has_neither():
    with pytest.raises(ConfigError) as caught:
        Settings("pipeline", 1, 1, 1, by_import=True, defaults=True)
    assert caught.value.problems == [
        "by_import is true, with stock pipeline; expected stock trainer.",
        "defaults is true, with stock pipeline; expected stock trainer or trainer+peft.",
    ]


def test_growth_trains_on_its_own_rows_and_does_not_score(cases, tmp_path, monkeypatch):
    monkeypatch.setattr("scripts.benchmark.machine.PRODUCT_SIZES", {"cpu": 64})
    case = cases["full"]
    few = load_rows(case.config(tmp_path), dataclasses.replace(case.settings, rows=8))
    found = measure(Job(case.record(), "ours", rows=8, scored=False), tmp_path / "out")
    assert found.tokens == 2 * sum(few.lengths("train"))
    assert found.macro_f1 is None


def test_both_sides_predict_the_same_with_the_same_model(cases, tmp_path, monkeypatch):
    monkeypatch.setattr("scripts.benchmark.machine.PRODUCT_SIZES", {"cpu": 64})
    case, classifier = cases["predict"], tmp_path / "classifier"
    assert measure(Job(case.record(), "classifier", classifier=str(classifier)), tmp_path / "run") is None
    jobs = [Job(case.record(), side, classifier=str(classifier / "model")) for side in ("stock", "ours")]
    stock, ours = (measure(job, tmp_path / "out") for job in jobs)
    rows = load_rows(case.config(tmp_path), case.settings)
    assert stock.tokens == ours.tokens == sum(rows.lengths("test"))
    assert stock.macro_f1 == ours.macro_f1 > 0.5
    assert stock.flops > 0 and ours.flops is None
    texts = list(rows.texts.splits["test"]["text"])
    chosen = [side.predict(str(classifier / "model"), texts, CPU, Meter(CPU)) for side in (stock_side, our_side)]
    assert chosen[0] == chosen[1]


def test_exported_models_predict_the_same_rows(cases, tmp_path, monkeypatch):
    monkeypatch.setattr("scripts.benchmark.machine.PRODUCT_SIZES", {"cpu": 64})
    settings = dataclasses.replace(cases["predict"].settings, onnx=True)
    case, classifier = dataclasses.replace(cases["predict"], settings=settings), tmp_path / "classifier"
    measure(Job(case.record(), "classifier", classifier=str(classifier)), tmp_path / "run")
    assert {"model.onnx", "model_int8.onnx"} <= {path.name for path in (classifier / "onnx").iterdir()}
    found = {
        side: measure(Job(case.record(), side, classifier=str(classifier / "model")), tmp_path / "out")
        for side in ("ours", "onnx", "onnx_int8")
    }
    assert found["onnx"].macro_f1 == found["ours"].macro_f1 > 0.5
    assert found["onnx"].tokens == found["onnx_int8"].tokens == found["ours"].tokens
    assert found["onnx_int8"].macro_f1 > 0.4


def test_the_pipeline_names_one_class_a_text(benchmark_file, benchmark_tree, tmp_path):
    corpus = write_corpus(tmp_path / "many", multi_label=True)
    case = {"stock": "pipeline", "source": {"path": str(corpus)}}
    benchmark_file.write_text(to_yaml({**benchmark_tree, "cases": {"many": case}, "growth": []}))
    many = read_benchmark(benchmark_file).cases["many"]
    with pytest.raises(ConfigError, match=r"^cases\.many: stock is pipeline, which names one class a text"):
        measure(Job(many.record(), "ours", classifier=str(tmp_path)), tmp_path / "out")


def test_the_score_of_names():
    class Task:
        label_names = ("a", "b")

        @staticmethod
        def score(logits, labels):
            return {"macro_f1": float((np.asarray(logits).argmax(1) == labels).mean())}

    assert score_names(Task, ["b", "a", "b", "a"], np.array([1, 0, 0, 0])) == 0.75


def test_settings_need_rows():
    with pytest.raises(ConfigError) as caught:
        Settings("trainer", rows=0, validation_rows=1, test_rows=-1)
    assert caught.value.problems == ["rows is 0; expected at least 1.", "test_rows is -1; expected at least 1."]


def test_exported_models_predict_on_a_cpu():
    with pytest.raises(ConfigError) as caught:
        Settings("trainer", 1, 1, 1, onnx=True)
    assert caught.value.problems == [
        "onnx is true, with stock trainer on cpu; exported models predict, on a CPU: it goes with stock pipeline and "
        "device cpu."
    ]
