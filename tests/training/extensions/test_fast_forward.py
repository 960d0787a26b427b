import numpy as np
import pytest
import torch
from torch import nn
from transformers import TrainerCallback, TrainingArguments

from nlp_transfer import TransferArguments, TransferTrainer
from nlp_transfer.errors import ConfigError, TrainingError
from nlp_transfer.methods import LoRA
from nlp_transfer.models.families import encoder_layers, plain_model
from nlp_transfer.models.speed import attention
from nlp_transfer.models.speed.attention_dropout import KEYS
from nlp_transfer.models.speed.dropout import draw_kept
from nlp_transfer.models.speed.unpadding import ATTENTION
from nlp_transfer.training.extensions.fast_forward import FastForward
from nlp_transfer.training.extensions.oom_guard import OomGuard, _token_passes
from tests.tiny_models import collate, random_rows, tiny_model
from tests.training.faulty import trainer, weights
from tests.training.stand_in import attached, stand_in


def without_dropout(model):
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return model


class Seen(TrainerCallback):
    """What the layers are given, in training and in evaluation, and how dropout is made."""

    def __init__(self, model):
        self.shapes, self.dropouts = {True: set(), False: set()}, set()
        layers = encoder_layers(plain_model(model))
        layers[1].register_forward_hook(self.look)
        self.dropout = next(module for module in model.modules() if type(module) is nn.Dropout)

    def look(self, module, args, output):
        self.shapes[module.training].add(args[0].shape[0])
        self.dropouts.add("forward" in vars(self.dropout))


@pytest.mark.parametrize("kind", ["bert", "roberta", "modernbert", "distilbert", "electra"])
@pytest.mark.parametrize("methods", [(), (LoRA(r=2, dropout=0.0),)], ids=["full", "lora"])
def test_the_same_weights_with_and_without_padding(tmp_path, kind, methods):
    ends = []
    for unpadding in (True, False):
        torch.manual_seed(0)
        arguments = TransferArguments(
            output_dir=str(tmp_path / str(unpadding)),
            use_cpu=True,
            per_device_train_batch_size=4,
            learning_rate=1e-3,
            optim="sgd",
            num_train_epochs=2,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            unpadding=unpadding,
            seed=3,
        )
        rows = random_rows(12)
        model = without_dropout(tiny_model(kind)).double()
        run = TransferTrainer(model, arguments, collate, train_dataset=rows, eval_dataset=rows, methods=methods)
        run.model.double()  # PEFT makes its weights in float32
        seen = Seen(run.model)
        run.train()
        metrics = run.evaluate()
        assert seen.shapes[True] == ({1} if unpadding else {4})
        assert run.summary() == ({} if unpadding else {"padding is computed": "training.unpadding is off"})
        ends.append((weights(run.model), metrics["eval_loss"]))
    torch.testing.assert_close(ends[0][0], ends[1][0], rtol=1e-6, atol=1e-8)
    assert ends[0][1] == pytest.approx(ends[1][1], rel=1e-6)


def test_plain_training_arguments_have_the_fast_path_too(tmp_path):
    arguments = TrainingArguments(
        str(tmp_path), use_cpu=True, max_steps=2, save_strategy="no", report_to="none", disable_tqdm=True
    )
    model = tiny_model("bert")
    run = TransferTrainer(model, arguments, collate, train_dataset=random_rows(16))
    seen = Seen(model)
    run.train()
    assert seen.shapes[True] == {1}
    assert seen.dropouts == {True}


def test_pytorchs_dropout_on_request(tmp_path):
    model = tiny_model("bert")
    seen = Seen(model)
    trainer(tmp_path, model, fast_dropout=False, max_steps=1).train()
    assert seen.dropouts == {False}


@pytest.mark.parametrize("kind", ["bert", "distilbert", "modernbert"])
@pytest.mark.parametrize("fast", [True, False])
def test_attention_drops_in_its_own_kernel_while_training(tmp_path, monkeypatch, kind, fast):
    """A model as its checkpoint has it: 0.1 of the weights for BERT and DistilBERT, none for ModernBERT."""
    shares = []

    def noted(count, p):
        shares.append(p)
        return draw_kept(count, p)

    monkeypatch.setattr(attention, "draw_kept", noted)
    run = trainer(tmp_path, tiny_model(kind), fast_dropout=fast, max_steps=1, save_strategy="no")
    run.train()
    assert set(shares) == ({0.1} if fast and kind != "modernbert" else set())
    trained = len(shares)
    run.evaluate(random_rows(4))
    assert len(shares) == trained


@pytest.mark.parametrize("kind", ["bert", "modernbert"])
@pytest.mark.parametrize("share", [0.0, 0.3])
def test_the_arguments_set_attention_dropout_while_training(tmp_path, monkeypatch, kind, share):
    shares = []
    monkeypatch.setattr(attention, "draw_kept", lambda count, p: shares.append(p) or draw_kept(count, p))
    model = tiny_model(kind)
    before = [getattr(model.config, key, None) for key in KEYS]
    trainer(tmp_path, model, attention_dropout=share, max_steps=1, save_strategy="no").train()
    assert set(shares) == ({share} if share else set())
    assert [getattr(model.config, key, None) for key in KEYS] == before
    shares.clear()
    trainer(tmp_path, model, max_steps=2, save_strategy="no").train()
    assert set(shares) == ({0.1} if kind == "bert" else set())


@pytest.mark.parametrize("share", [-0.1, 1.0, float("nan")])
def test_attention_dropout_out_of_range_is_refused(tmp_path, share):
    with pytest.raises(ConfigError, match=r"training\.attention_dropout is .*; expected 0 <= value < 1"):
        TransferArguments(str(tmp_path), attention_dropout=share)


def test_the_model_is_plain_afterwards_and_in_every_checkpoint(tmp_path):
    model = tiny_model("bert")
    trainer(tmp_path, model, max_steps=2).train()
    for folder in ("checkpoint-1", "checkpoint-2"):
        assert ATTENTION not in (tmp_path / folder / "config.json").read_text()
    assert model.config._attn_implementation == "sdpa"
    assert not any("forward" in vars(module) for module in model.modules())


def test_the_model_is_plain_after_a_run_that_failed(tmp_path):
    class Stops(TrainerCallback):
        def on_step_end(self, *args, **kwargs):
            raise ZeroDivisionError

    model = tiny_model("bert")
    run = trainer(tmp_path, model)
    run.add_callback(Stops())
    with pytest.raises(ZeroDivisionError):
        run.train()
    assert model.config._attn_implementation == "sdpa"
    assert not any("forward" in vars(module) for module in model.modules())


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("deberta-v2", "the attention of deberta-v2 is its own"),
        ("longformer", "the attention of longformer is its own"),
        ("albert", "the attention of albert is its own"),
    ],
)
def test_a_network_that_keeps_its_padding_trains_and_says_why(tmp_path, kind, reason):
    run = trainer(tmp_path, tiny_model(kind), max_steps=1, save_strategy="no")
    run.train()
    assert run.summary() == {"padding is computed": reason}


def test_a_prompt_keeps_the_padding(tmp_path):
    from peft import PromptTuningConfig

    arguments = TransferArguments(
        str(tmp_path), use_cpu=True, max_steps=1, save_strategy="no", report_to="none", disable_tqdm=True
    )
    run = TransferTrainer(
        tiny_model("bert"),
        arguments,
        collate,
        train_dataset=random_rows(8),
        peft_config=PromptTuningConfig(num_virtual_tokens=2, task_type="SEQ_CLS"),
    )
    run.train()
    assert run.summary() == {"padding is computed": "a prompt stands before each text"}


def test_passes_hold_no_more_tokens_than_asked_for():
    mask = torch.tensor([[1] * n + [0] * (9 - n) for n in (3, 9, 5, 2, 4)])
    assert _token_passes({"attention_mask": mask}, 9) == [[1], [2, 4], [0, 3]]
    assert _token_passes({"attention_mask": mask}, 4) == [[1], [2], [4], [0], [3]]
    assert _token_passes({"attention_mask": mask}, 23) is None
    assert _token_passes({"attention_mask": mask}, None) is None
    assert _token_passes({"input_ids": mask}, 2) is None


def test_passes_make_the_same_update(tmp_path):
    ends = {}
    for tokens in (None, 40):
        model = without_dropout(tiny_model("bert")).double()
        run = trainer(
            tmp_path / str(tokens),
            model,
            optim="sgd",
            max_tokens_per_forward=tokens,
            per_device_train_batch_size=8,
            gradient_accumulation_steps=2,
        )
        calls = []
        model.register_forward_pre_hook(
            lambda module, args, kwargs, calls=calls: (
                calls.append(int(kwargs["attention_mask"].sum())) if module.training else None
            ),
            with_kwargs=True,
        )
        run.train()
        assert len(calls) == 2 if tokens is None else len(calls) > 4
        assert tokens is None or max(calls) <= tokens
        ends[tokens] = weights(model), [entry["loss"] for entry in run.state.log_history if "loss" in entry]
    torch.testing.assert_close(ends[40][0], ends[None][0], rtol=1e-6, atol=1e-9)
    assert ends[40][1] == pytest.approx(ends[None][1], rel=1e-5)


def test_what_belongs_to_rows_goes_with_them(tmp_path):
    run = trainer(tmp_path, max_tokens_per_forward=6)
    batch = {
        "attention_mask": torch.tensor([[1, 1, 0, 0], [1, 1, 1, 1], [1, 1, 1, 0]]),
        "labels": torch.tensor([0, 1, 2]),
        "scale": torch.tensor(2.0),
    }
    guard = run.extension(OomGuard)
    parts = guard.split(batch)
    assert [part["labels"].tolist() for part in parts] == [[1], [2, 0]]
    assert [part["attention_mask"].sum().item() for part in parts] == [4, 5]
    assert all(part["scale"] == 2.0 for part in parts)
    guard.micro_batch_parts = 2
    assert [part["labels"].tolist() for part in guard.split(batch)] == [[1], [2], [0]]


def test_passes_need_a_loss_that_adds_up(tmp_path):
    arguments = TransferArguments(
        str(tmp_path), use_cpu=True, max_steps=1, report_to="none", disable_tqdm=True, max_tokens_per_forward=64
    )
    run = TransferTrainer(
        tiny_model("bert"),
        arguments,
        collate,
        train_dataset=random_rows(8),
        compute_loss_func=lambda outputs, labels, num_items_in_batch=None: outputs["logits"].square().sum(),
    )
    with pytest.raises(TrainingError, match=r"training\.max_tokens_per_forward cuts batches, but the loss is your own"):
        run.train()


def test_passes_of_no_tokens_are_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"training\.max_tokens_per_forward is 0; expected at least 1"):
        TransferArguments(str(tmp_path), max_tokens_per_forward=0)


def test_predictions_are_those_of_the_plain_model(tmp_path):
    rows = random_rows(9)
    run = trainer(tmp_path, tiny_model("roberta"), per_device_eval_batch_size=4)
    expected = run.model(**{k: v for k, v in collate(list(rows)).items() if k != "labels"}).logits.detach().numpy()
    np.testing.assert_allclose(run.predict(rows).predictions, expected, rtol=1e-4, atol=1e-5)


def test_layers_are_fast_inside_and_plain_outside():
    model = tiny_model("bert").eval()
    batch = {name: value for name, value in collate(list(random_rows(3))).items() if name != "labels"}
    shapes = []
    encoder_layers(model)[0].register_forward_hook(lambda module, args, output: shapes.append(args[0].shape[0]))
    fast = attached(FastForward(), stand_in(model))
    with torch.no_grad():
        with fast.training(), fast.evaluation():
            shapes.clear()  # entering may have tried the network on random tokens
            inside = model(**batch).logits
        outside = model(**batch).logits
    assert shapes == [1, 3]
    torch.testing.assert_close(inside, outside, atol=1e-5, rtol=1e-4)
    assert fast.summary() == {}
