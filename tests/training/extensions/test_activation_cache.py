"""A run that starts above its frozen layers ends as one that computes them, and says what it does."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import DataCollatorWithPadding, TrainerCallback, TrainingArguments

from nlp_transfer import TransferArguments, TransferTrainer
from nlp_transfer.methods import FullFineTuning, LoRA, PartialFineTuning
from nlp_transfer.models.activation_cache.store import ActivationStore
from nlp_transfer.models.families import encoder_layers, plain_model
from nlp_transfer.training.extensions import activation_cache as module
from nlp_transfer.training.extensions.activation_cache import ActivationCache
from tests.launching import launched
from tests.logged import logged
from tests.tiny_classifiers import word_tokenizer
from tests.tiny_models import collate, random_rows, tiny_model
from tests.training.stand_in import attached, stand_in

ROWS, VALIDATION = random_rows(16, seed=1), random_rows(7, seed=2)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache of a test."""
    monkeypatch.setenv("NLP_TRANSFER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "activations"


class Computed(TrainerCallback):
    """Notes, for every step, which layers were computed in its forward passes, and the passes of evaluation apart."""

    def __init__(self, model: Any) -> None:
        self.steps: list[list[int]] = []
        self.evaluated: list[int] = []
        self.model = model
        for index, layer in enumerate(encoder_layers(plain_model(model))):
            linear = next(part for part in layer.modules() if isinstance(part, torch.nn.Linear))
            linear.register_forward_hook(lambda *_, index=index: self._note(index))

    def _note(self, index: int) -> None:
        if not self.model.training:
            self.evaluated.append(index)
        elif self.steps:
            self.steps[-1].append(index)

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.steps.append([])


def trainer(tmp_path: Path, methods: Any, family: str = "bert", **changes: Any) -> TransferTrainer:
    own = {"train_dataset": ROWS, "eval_dataset": VALIDATION, "data_collator": collate, "args_class": TransferArguments}
    parts = {name: changes.pop(name, value) for name, value in own.items()}
    arguments = parts.pop("args_class")(
        **{
            "output_dir": str(tmp_path / "run"),
            "use_cpu": True,
            "num_train_epochs": 4,
            "per_device_train_batch_size": 4,
            "optim": "sgd",  # Adam makes steps of a rate out of gradients that are zero but for rounding
            "learning_rate": 0.01,
            "max_grad_norm": 1.0,
            "eval_strategy": "epoch",
            "save_strategy": "no",
            "report_to": "none",
            "disable_tqdm": True,
            "logging_steps": 1,
            **changes,
        }
    )
    torch.manual_seed(0)
    return TransferTrainer(tiny_model(family), arguments, methods=methods, **parts)


def outcome(run: TransferTrainer) -> tuple[torch.Tensor, list[float]]:
    losses = [
        entry[key] for entry in run.state.log_history for key in ("loss", "eval_loss", "grad_norm") if key in entry
    ]
    return torch.cat([p.detach().flatten() for p in run.model.parameters()]), losses


def fact(run: TransferTrainer) -> dict[str, Any]:
    return run.summary()["activation_cache"]


METHODS = {
    "partial_fine_tuning": ([PartialFineTuning(layers=1)], [2]),
    "the head alone": ([PartialFineTuning(layers=0)], [3]),
    "lora": ([LoRA(r=2, layers=1)], [2]),
    "lora on queries of two layers": ([LoRA(r=2, layers=2, target_modules=["query"], use_dora=True)], [1]),
    "gradual_unfreezing": ([PartialFineTuning(layers=2, gradual_unfreezing=True, layer_decay=0.9)], [1]),
}


@pytest.mark.parametrize("family", ["bert", "modernbert"])
@pytest.mark.parametrize(("methods", "layers"), METHODS.values(), ids=METHODS)
def test_results_are_those_of_the_uncached_run(methods: Any, layers: list[int], family: str, tmp_path: Path) -> None:
    """With dropout: it is off below, and above it draws the same numbers."""
    if getattr(methods[0], "target_modules", None):
        methods = [dataclasses.replace(methods[0], target_modules=["query" if family == "bert" else "Wqkv"])]
    ends = []
    for cached in (False, True):
        run = trainer(tmp_path, methods, family, activation_cache=cached, gradient_accumulation_steps=2)
        run.train()
        assert fact(run)["used"] is cached
        ends.append(outcome(run))
    assert fact(run)["layers_passed_over"] == layers
    torch.testing.assert_close(ends[1][0], ends[0][0], atol=1e-5, rtol=1e-5)
    assert ends[1][1] == pytest.approx(ends[0][1], rel=1e-5, abs=1e-5)
    moved = outcome(run)[0] - outcome(trainer(tmp_path, methods, family))[0]
    assert moved.abs().max() > 1e-3


@pytest.mark.parametrize("reentrant", [False, True])
@pytest.mark.parametrize("method", [PartialFineTuning(layers=1), LoRA(r=2, layers=1)], ids=lambda method: method.name)
def test_with_activation_checkpointing(method: Any, reentrant: bool, tmp_path: Path) -> None:
    ends = []
    for cached in (False, True):
        run = trainer(
            tmp_path,
            [method],
            activation_cache=cached,
            activation_checkpointing=True,
            activation_checkpointing_kwargs={"use_reentrant": reentrant},
        )
        run.train()
        assert fact(run)["used"] is cached
        ends.append(outcome(run)[0])
    torch.testing.assert_close(ends[1], ends[0], atol=1e-5, rtol=1e-5)


def test_frozen_layers_are_not_computed_in_steps_nor_in_evaluation(tmp_path: Path) -> None:
    run = trainer(tmp_path, [PartialFineTuning(layers=1)])
    calls = Computed(run.model)
    run.add_callback(calls)
    run.train()
    assert calls.steps == [[2]] * 16
    computed = list(calls.evaluated)
    assert 0 in computed  # to fill the store, and to check it
    calls.evaluated.clear()
    again = trainer(tmp_path, [PartialFineTuning(layers=1)])
    again_calls = Computed(again.model)
    again.train()
    assert again_calls.evaluated.count(0) < computed.count(0)
    assert (
        again_calls.evaluated.count(2) == calls_of_evaluation(epochs=4) + 4
    )  # and what is tried first, of states and of padding, each twice
    assert outcome(again)[1] == outcome(run)[1]


def calls_of_evaluation(epochs: int) -> int:
    return epochs * -(-len(VALIDATION) // 8)


def test_gradual_unfreezing_starts_above_what_never_opens(tmp_path: Path) -> None:
    run = trainer(tmp_path, [PartialFineTuning(layers=2, gradual_unfreezing=True)], max_steps=12)
    calls = Computed(run.model)
    run.add_callback(calls)
    run.train()
    assert calls.steps == [[1, 2]] * 12
    assert all("forward" not in layer.__dict__ for layer in encoder_layers(run.model))


def test_a_resumed_run_ends_to_the_bit_as_an_uninterrupted_one(tmp_path: Path) -> None:
    methods = [PartialFineTuning(layers=2, gradual_unfreezing=True)]
    saving = {"save_strategy": "steps", "save_steps": 5, "optim": "adamw_torch", "learning_rate": 1e-3}
    run = trainer(tmp_path, methods, **saving)
    run.train()
    for step in (5, 10, 15):
        again = trainer(tmp_path, methods, **saving)
        again.train(resume_from_checkpoint=str(tmp_path / "run" / f"checkpoint-{step}"))
        assert fact(again)["used"] is True
        assert torch.equal(outcome(again)[0], outcome(run)[0])
        assert outcome(again)[1] == outcome(run)[1]


def test_what_was_said_and_where_it_lies(tmp_path: Path, folder: Path) -> None:
    methods = [PartialFineTuning(layers=1)]
    run = trainer(tmp_path, methods)
    with logged() as said:
        run.train()
    [entry] = folder.glob("*.act")
    size = entry.stat().st_size
    assert fact(run) == {"used": True, "layers_passed_over": [2], "bytes": size}
    assert said == [
        "Epochs start above the lowest 2 of 3 layers, from what these make of each text: "
        f"{size / 1000:.1f} kB in {folder}."
    ]
    again = trainer(tmp_path, methods)
    with logged() as found:
        again.train()
    assert found[0] == said[0].replace(" kB in ", " kB found in ")


def test_another_seed_reads_what_is_there_and_other_weights_or_rows_do_not(tmp_path: Path, folder: Path) -> None:
    methods = [PartialFineTuning(layers=1)]

    def entries(**changes: Any) -> int:
        run = trainer(tmp_path, methods, **changes)
        if changes.get("seed") == 9:
            with torch.no_grad():
                run.model.classifier.weight.normal_()
        run.train()
        assert fact(run)["used"]
        return len(list(folder.glob("*.act")))

    assert entries() == 1
    assert entries(seed=9) == 1
    assert entries(train_dataset=ROWS.select(range(15, -1, -1))) == 1
    assert entries(train_dataset=ROWS.select(range(12))) == 2
    assert entries(family="roberta") == 3
    assert entries(bf16=True) == 4


def test_bf16_is_near(tmp_path: Path) -> None:
    ends = []
    for cached in (False, True):
        run = trainer(tmp_path, [PartialFineTuning(layers=1)], activation_cache=cached, bf16=True)
        run.train()
        ends.append(outcome(run)[1])
    assert fact(run)["used"]
    assert ends[1] == pytest.approx(ends[0], rel=0.1, abs=0.05)


REASONS = {
    "training.activation_cache is off": {"activation_cache": False},
    "each text comes once, so there is nothing to use again": {"num_train_epochs": 1},
    "it would take 54.1 kB, more than the 1.0 kB that training.activation_cache_gb allows": {
        "activation_cache_gb": 1e-6
    },
    "the embeddings get noise (neftune_noise_alpha)": {"neftune_noise_alpha": 5.0},
    "a big_bird encoder cannot start above its embeddings: its attention depends on a batch's length": {
        "family": "big_bird"
    },
    "the collator makes other texts of the rows": {
        "data_collator": lambda rows: {
            key: value.roll(1, 1) if key == "input_ids" else value for key, value in collate(rows).items()
        }
    },
}


@pytest.mark.parametrize(("reason", "changes"), REASONS.items(), ids=REASONS)
def test_why_not(reason: str, changes: dict[str, Any], tmp_path: Path) -> None:
    run = trainer(tmp_path, [PartialFineTuning(layers=1)], **changes)
    before = outcome(run)[0]
    with logged() as said:
        run.train()
    assert fact(run) == {"used": False, "reason": reason}
    assert said == [f"The frozen layers are computed in every epoch: {reason}."]
    assert not torch.equal(outcome(run)[0], before)


def test_states_that_make_other_logits_are_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from nlp_transfer.models.activation_cache import replay

    right = replay.padded_states
    monkeypatch.setattr(replay, "padded_states", lambda *args: right(*args) * 1.01)
    run = trainer(tmp_path, [PartialFineTuning(layers=1)])
    run.train()
    assert fact(run)["used"] is False
    assert fact(run)["reason"].startswith("with stored states the logits differ by ")


def test_where_nothing_is_frozen_nothing_is_said(tmp_path: Path, folder: Path) -> None:
    for methods in ([], [FullFineTuning()], [PartialFineTuning(layers=3)], [LoRA(r=2)]):
        run = trainer(tmp_path, methods)
        run.train()
        assert "activation_cache" not in run.summary()
    assert not folder.exists()


def test_plain_arguments_keep_nothing(tmp_path: Path, folder: Path) -> None:
    run = trainer(tmp_path, [PartialFineTuning(layers=1)], args_class=TrainingArguments)
    run.train()
    assert fact(run) == {"used": False, "reason": "training.activation_cache is off"}
    assert not folder.exists()


def test_a_text_that_came_later_is_computed(tmp_path: Path) -> None:
    """Rows that change while training goes are seen as they are."""
    run = trainer(tmp_path, [PartialFineTuning(layers=1)], eval_strategy="no")
    run.train()
    assert fact(run)["used"]
    expected = run.predict(VALIDATION).predictions
    plain = run.model.eval()
    batch = collate(list(VALIDATION))
    batch.pop("labels")
    with torch.no_grad():
        torch.testing.assert_close(torch.from_numpy(expected), plain(**batch).logits, atol=1e-5, rtol=1e-5)


def test_a_users_own_rows_and_collator(tmp_path: Path) -> None:
    """Tokenised as in transformers' examples: token types, text columns beside, transformers' collator."""
    tokenizer = word_tokenizer()
    texts = [" ".join(f"w{(i * 7 + j) % 90}" for j in range(3 + i % 5)) for i in range(12)]
    encoded = tokenizer(texts, return_token_type_ids=True)
    rows = [
        {**{key: encoded[key][i] for key in encoded}, "labels": i % 3, "text": text} for i, text in enumerate(texts)
    ]
    from datasets import Dataset

    ends = []
    for cached in (False, True):
        run = trainer(
            tmp_path,
            [PartialFineTuning(layers=1)],
            train_dataset=Dataset.from_list(rows),
            data_collator=DataCollatorWithPadding(tokenizer),
            activation_cache=cached,
            eval_strategy="no",
        )
        run.train()
        assert fact(run)["used"] is cached
        ends.append(outcome(run))
    torch.testing.assert_close(ends[1][0], ends[0][0], atol=1e-5, rtol=1e-5)


def test_the_store_is_the_arguments() -> None:
    arguments = TransferArguments(output_dir="x", use_cpu=True, activation_cache_gb=0.5)
    store = module.store_for(arguments)
    assert isinstance(store, ActivationStore)
    assert (store.limit_bytes, store.setting) == (500_000_000, "training.activation_cache_gb")
    assert module.store_for(TransferArguments(output_dir="x", use_cpu=True, activation_cache=False)) is None


@pytest.mark.slow
def test_two_processes(tmp_path: Path) -> None:
    done = launched(Path(__file__).with_name("cached_ranks.py"), tmp_path, processes=2)
    assert done.returncode == 0, done.stderr[-3000:]
    ranks = [json.loads((tmp_path / f"rank{rank}.json").read_text()) for rank in (0, 1)]
    assert ranks[0] == ranks[1]
    for name, layers in (("partial_fine_tuning", [2]), ("gradual_unfreezing", [1]), ("lora", [2])):
        assert (ranks[0][name]["used"], ranks[0][name]["layers_passed_over"]) == (True, layers)
        assert ranks[0][name]["apart"] <= 1e-5


def test_no_store_is_opened_where_it_is_off():
    model = tiny_model("bert")
    model.base_model.embeddings.requires_grad_(False)
    encoder_layers(model)[0].requires_grad_(False)
    trainer = stand_in(model, train_dataset=random_rows(8), _train_batch_size=4)
    trainer.args.activation_cache, trainer.args.gradient_accumulation_steps = False, 1
    cache = attached(ActivationCache(), trainer)
    with cache.training():
        cache.begin_epoch(0)
    assert cache.summary() == {"activation_cache": {"used": False, "reason": "training.activation_cache is off"}}
