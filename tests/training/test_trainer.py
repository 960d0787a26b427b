"""TransferTrainer in place of Trainer: what stays, and which silent faults are gone."""

import json

import numpy as np
import pytest
import torch
from datasets import Dataset
from peft import LoraConfig, PeftModel, PromptTuningConfig, get_peft_model
from safetensors.torch import load_file
from transformers import Trainer, TrainerCallback, TrainingArguments

from nlp_transfer import TransferArguments, TransferTrainer
from nlp_transfer.errors import ConfigError, TrainingError
from nlp_transfer.methods import DANN, LPFT, Contrastive, FrozenEncoder, FullFineTuning, LoRA, PartialFineTuning
from tests.tiny_models import collate, random_rows, tiny_model


def arguments(folder, cls=TransferArguments, **changes):
    values = {
        "output_dir": str(folder),
        "use_cpu": True,
        "max_steps": 2,
        "per_device_train_batch_size": 4,
        "report_to": "none",
        "save_strategy": "no",
        "disable_tqdm": True,
        "logging_steps": 1,
        **changes,
    }
    return cls(**values)


def trainer(folder, model=None, cls=TransferTrainer, args=None, **changes):
    parts = {"train_dataset": random_rows(16), "eval_dataset": random_rows(7, seed=1), "data_collator": collate}
    return cls(model or tiny_model("bert"), args or arguments(folder), **{**parts, **changes})


def test_without_methods_a_run_is_trainers_own_run(tmp_path):
    weights = []
    slow = {"unpadding": False, "fast_dropout": False, "fast_linear": False}  # other sums, and other random numbers
    for cls, args, changes in ((Trainer, TrainingArguments, {}), (TransferTrainer, TransferArguments, slow)):
        run = trainer(tmp_path, cls=cls, args=arguments(tmp_path, args, **changes))
        run.train()
        weights.append(torch.cat([p.detach().flatten() for p in run.model.parameters()]))
    torch.testing.assert_close(weights[0], weights[1], rtol=0, atol=1e-7)


def test_accumulated_gradients_are_four_times_too_large_in_a_stock_trainer_and_right_here(tmp_path):
    """The fault that is removed is still there to be removed (transformers#47688)."""

    def gradient_norm(cls, steps):
        args = arguments(
            tmp_path,
            TrainingArguments,
            gradient_accumulation_steps=steps,
            per_device_train_batch_size=16 // steps,
            max_steps=1,
            train_sampling_strategy="sequential",
        )
        run = trainer(tmp_path, model=no_dropout(tiny_model("bert")), cls=cls, args=args)
        run.train()
        return next(entry["grad_norm"] for entry in run.state.log_history if "grad_norm" in entry)

    right = gradient_norm(TransferTrainer, 1)
    assert gradient_norm(TransferTrainer, 4) == pytest.approx(right, rel=1e-5)
    assert gradient_norm(Trainer, 4) > 2 * right


def no_dropout(model):
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    model.config.attention_probs_dropout_prob = 0.0
    return model


def test_a_loss_that_is_not_finite_stops_the_run_before_the_weights_take_it(tmp_path):
    run = trainer(tmp_path, compute_loss_func=lambda outputs, labels, **_: outputs["logits"].sum() * float("nan"))
    before = {name: p.detach().clone() for name, p in run.model.named_parameters()}
    with pytest.raises(TrainingError, match=r"The loss became nan at step 1 .*training\.learning_rate"):
        run.train()
    assert all(torch.equal(p, before[name]) for name, p in run.model.named_parameters())


def test_predictions_stay_in_the_datasets_order_when_batches_are_grouped_by_length(tmp_path):
    rows = random_rows(13, seed=5)
    grouped = trainer(tmp_path, args=arguments(tmp_path, train_sampling_strategy="group_by_length"))
    plain = trainer(tmp_path)
    np.testing.assert_allclose(grouped.predict(rows).predictions, plain.predict(rows).predictions, atol=1e-5)
    assert grouped.predict(rows).label_ids.tolist() == rows["labels"]


def test_the_evaluation_loss_is_the_mean_over_rows_not_over_batches(tmp_path):
    rows = random_rows(9, seed=2)  # two batches of 8 and 1
    run = trainer(tmp_path, args=arguments(tmp_path, per_device_eval_batch_size=8))
    logits = torch.from_numpy(run.predict(rows).predictions)
    expected = torch.nn.functional.cross_entropy(logits, torch.tensor(rows["labels"])).item()
    assert run.evaluate(rows)["eval_loss"] == pytest.approx(expected, rel=1e-6)


def test_the_token_is_in_no_file_of_a_checkpoint(tmp_path):
    args = arguments(tmp_path, save_strategy="steps", save_steps=2, hub_token="hf_marker")
    trainer(tmp_path, args=args).train()
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert any(file.name == "model.safetensors" for file in files)
    assert not [file for file in files if b"hf_marker" in file.read_bytes()]
    assert args.hub_token == "hf_marker"


def test_a_peft_configuration_is_completed_with_the_head_and_reloads(tmp_path):
    run = trainer(tmp_path, peft_config=LoraConfig(task_type="SEQ_CLS", r=2, target_modules=["query", "value"]))
    run.train()
    run.save_model(tmp_path / "adapter")
    rows = random_rows(5)
    expected = run.predict(rows).predictions
    model = PeftModel.from_pretrained(tiny_model("bert"), tmp_path / "adapter")
    np.testing.assert_allclose(trainer(tmp_path, model=model).predict(rows).predictions, expected, atol=1e-6)


def test_methods_apply_when_the_trainer_is_made(tmp_path):
    run = trainer(tmp_path, methods=[LoRA(r=2)])
    assert isinstance(run.model, PeftModel)
    run.train()
    assert run.state.global_step == 2


def test_a_method_that_fits_the_model_itself_leaves_nothing_to_train(tmp_path):
    run = trainer(tmp_path, methods=[FrozenEncoder(l2=[1.0])])
    assert run.train().global_step == 0
    assert run.evaluate(random_rows(16))["eval_loss"] < 1.0  # the training rows; guessing is log 3


def test_methods_that_contradict_each_other_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="lora and partial_fine_tuning each choose the trainable weights"):
        trainer(tmp_path, methods=[PartialFineTuning(), LoRA()])


def test_without_validation_rows_a_head_is_chosen_by_cross_validation(tmp_path):
    run = trainer(tmp_path, methods=[FrozenEncoder(l2=[1.0])], eval_dataset=None)
    assert run.context.facts["frozen_encoder"]["chosen_by"] == "cross-validation, 3 times 4 folds"


def test_layer_wise_rates_reach_the_optimizer(tmp_path):
    args = arguments(tmp_path, learning_rate=1e-3)
    run = trainer(tmp_path, args=args, methods=[PartialFineTuning(layers=2, layer_decay=0.5)])
    run.create_optimizer()
    assert {round(group["lr"], 9) for group in run.optimizer.param_groups} == {1e-3, 5e-4}
    sizes = [len(group["params"]) for group in run.optimizer.param_groups]
    assert sum(sizes) == sum(p.requires_grad for p in run.model.parameters())


def test_model_init_gets_the_methods_too_as_in_a_hyper_parameter_search(tmp_path):
    run = TransferTrainer(
        args=arguments(tmp_path),
        model_init=lambda: tiny_model("bert"),
        data_collator=collate,
        train_dataset=random_rows(16),
        eval_dataset=random_rows(6),
        methods=[LoRA(r=2)],
    )
    assert isinstance(run.model, PeftModel)
    run.train()
    assert isinstance(run.model, PeftModel)


def test_early_stopping_from_an_argument(tmp_path):
    args = arguments(
        tmp_path,
        max_steps=20,
        learning_rate=0.0,
        eval_strategy="steps",
        eval_steps=1,
        save_strategy="steps",
        save_steps=1,
        save_total_limit=1,
        load_best_model_at_end=True,
        metric_for_best_model="loss",
        early_stopping_patience=3,
    )
    run = trainer(tmp_path, args=args)
    run.train()
    assert run.state.global_step == 4  # the first sets the mark, three bring no gain


def test_callbacks_and_multi_label_and_regression_heads_work(tmp_path):
    seen = []

    class Watch(TrainerCallback):
        def on_step_end(self, *args, **kwargs):
            seen.append(1)

    run = trainer(
        tmp_path,
        model=tiny_model("roberta", multi_label=True),
        train_dataset=random_rows(16, multi_label=True),
        eval_dataset=random_rows(5, multi_label=True, seed=1),
        callbacks=[Watch()],
    )
    run.train()
    rows = random_rows(5, multi_label=True, seed=1)
    logits = torch.from_numpy(run.predict(rows).predictions)
    expected = torch.nn.functional.binary_cross_entropy_with_logits(logits, torch.tensor(rows["labels"])).item()
    assert run.evaluate()["eval_loss"] == pytest.approx(expected, rel=1e-6)
    assert len(seen) == 2


def test_label_smoothing_of_the_arguments_is_honoured(tmp_path):
    rows = random_rows(4)
    run = trainer(tmp_path, args=arguments(tmp_path, label_smoothing_factor=0.2))
    logits = torch.from_numpy(run.predict(rows).predictions)
    expected = torch.nn.functional.cross_entropy(logits, torch.tensor(rows["labels"]), label_smoothing=0.2).item()
    assert run.evaluate(rows)["eval_loss"] == pytest.approx(expected, rel=1e-5)


def test_a_checkpoint_loads_as_a_plain_model(tmp_path):
    trainer(tmp_path, args=arguments(tmp_path, save_strategy="steps", save_steps=2)).train()
    saved = load_file(tmp_path / "checkpoint-2" / "model.safetensors")
    assert "classifier.weight" in saved
    assert json.loads((tmp_path / "checkpoint-2" / "config.json").read_text())["architectures"] == [
        "BertForSequenceClassification"
    ]


class Plain(torch.nn.Module):
    """A module of nobody's library; with a configuration that is not transformers', or without any."""

    def __init__(self, config=None, named=True):
        super().__init__()
        torch.manual_seed(0)
        self.linear, self.named = torch.nn.Linear(4, 3), named
        if config is not None:
            self.config = config

    def forward(self, inputs, labels=None):
        logits = self.linear(inputs)
        loss = {} if labels is None else {"loss": torch.nn.functional.cross_entropy(logits, labels)}
        return {**loss, "logits": logits} if self.named else (*loss.values(), logits)


class OtherConfig:
    size = 4

    def to_dict(self):
        return {"size": self.size}


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("config", [None, OtherConfig()])
def test_a_plain_module_trains_evaluates_saves_and_resumes_as_in_trainer(config, named, tmp_path):
    generator = torch.Generator().manual_seed(1)
    rows = [{"inputs": torch.randn(4, generator=generator), "labels": number % 3} for number in range(24)]
    found = {}
    for cls, args in ((Trainer, TrainingArguments), (TransferTrainer, TransferArguments)):
        folder = tmp_path / cls.__name__
        changes = {"max_steps": 6, "eval_strategy": "steps", "eval_steps": 3, "save_strategy": "steps", "save_steps": 3}
        values = arguments(folder, args, load_best_model_at_end=True, gradient_accumulation_steps=2, **changes)
        run = cls(Plain(config, named), values, train_dataset=rows, eval_dataset=rows[:9])
        run.train()
        run.save_model(folder / "model")
        assert run.predict(rows[:5]).predictions.shape == (5, 3)
        again = cls(Plain(config, named), values, train_dataset=rows, eval_dataset=rows[:9])
        again.train(resume_from_checkpoint=str(folder / "checkpoint-3"))
        for trained in (run.model, again.model):
            assert torch.equal(trained.linear.weight, load_file(folder / "model/model.safetensors")["linear.weight"])
        entries = [{**entry} for entry in run.state.log_history]
        kept = ("loss", "grad_norm", "eval_loss")
        found[cls] = [{name: entry[name] for name in kept if name in entry} for entry in entries]
    for ours, theirs in zip(found[TransferTrainer], found[Trainer], strict=True):
        assert ours == pytest.approx(theirs, rel=1e-4)


@pytest.mark.parametrize("config", [None, OtherConfig()])
def test_an_adapter_on_a_plain_module_trains_saves_and_resumes_as_in_trainer(config, tmp_path):
    generator = torch.Generator().manual_seed(1)
    rows = [{"inputs": torch.randn(4, generator=generator), "labels": number % 3} for number in range(24)]
    adapter = LoraConfig(target_modules=["linear"], r=2, init_lora_weights=False)
    found = {}
    for cls, args in ((Trainer, TrainingArguments), (TransferTrainer, TransferArguments)):
        changes = {"save_strategy": "steps", "save_steps": 3, "remove_unused_columns": False, "label_names": ["labels"]}
        folder = tmp_path / cls.__name__
        found[cls] = []
        for resumed in (None, str(folder / "checkpoint-3")):
            model, given = Plain(config), {"peft_config": adapter}
            if cls is Trainer:
                model, given = get_peft_model(model, adapter), {}
            run = cls(model, arguments(folder, args, max_steps=6, **changes), train_dataset=rows, **given)
            run.train(resume_from_checkpoint=resumed)
            found[cls].append(run.model.state_dict())
    torch.testing.assert_close(found[TransferTrainer], found[Trainer], rtol=0, atol=1e-6)
    torch.testing.assert_close(*found[TransferTrainer], rtol=0, atol=0)


@pytest.mark.parametrize("config", [None, OtherConfig()])
def test_methods_and_prompts_that_need_a_transformers_model_say_so(config, tmp_path):
    rows = Dataset.from_list([{"inputs": [1.0, 0.0, 2.0, 1.0], "labels": 1}])
    data = {"train_dataset": rows, "eval_dataset": rows, "data_collator": None}
    target = random_rows(3).remove_columns("labels")
    unknown = "Model type 'Plain' is not an encoder family known here"
    for method in (FullFineTuning(), PartialFineTuning(layers=1), FrozenEncoder(), LPFT()):
        with pytest.raises(ConfigError, match=unknown):
            trainer(tmp_path, Plain(config), methods=method, **data)
    with pytest.raises(ConfigError, match=unknown):
        trainer(tmp_path, Plain(config), methods=DANN(), **{**data, "target_dataset": target})
    unnamed = (
        "Config names no target_modules, so that it needs a transformers model, and Plain is none. Name the layers"
    )
    with pytest.raises(ConfigError, match=f"^Lora{unnamed}"):
        trainer(tmp_path, Plain(config), methods=LoRA(r=2), **data)
    with pytest.raises(ConfigError, match=f"^PromptTuning{unnamed}"):
        trainer(tmp_path, Plain(config), peft_config=PromptTuningConfig(num_virtual_tokens=2), **data)


@pytest.mark.parametrize("methods", ["lora", ["lora"], LoRA, [LoRA]])
def test_methods_may_be_names_and_classes_as_in_an_experiment(tmp_path, methods):
    made = trainer(tmp_path, methods=methods)
    assert made.methods == (LoRA(),)
    assert isinstance(made.model, PeftModel)


@pytest.mark.parametrize("column", ["input_values", "pixels"])
def test_rows_are_grouped_by_the_length_of_the_models_own_input(tmp_path, column):
    class Own(torch.nn.Module):
        main_input_name = "pixels"

        def forward(self, **_):
            raise NotImplementedError

    class Reader:
        model_input_names = ("input_values", "mask")

    rows = [{column: [0] * length} for length in (3, 9, 5)]
    run = trainer(tmp_path, args=arguments(tmp_path, train_sampling_strategy="group_by_length"), train_dataset=rows)
    run.model, run.processing_class = Own(), Reader() if column == "input_values" else None
    assert run._get_train_sampler().lengths.tolist() == [3, 9, 5]
    run.model, run.processing_class = tiny_model("bert"), None
    with pytest.raises(
        ConfigError, match=r"group_by_length, and the training rows have no 'input_ids' .*in a column 'length'"
    ):
        run._get_train_sampler()


def test_the_users_own_arguments_stay_as_they_are(tmp_path):
    args = arguments(
        tmp_path, TrainingArguments, save_strategy="steps", save_steps=1, eval_strategy="steps", eval_steps=1
    )
    seen = []

    class Watch(TrainerCallback):
        def on_train_end(self, args, *_, **__):
            seen.append(args.to_dict())

    before = args.to_dict()
    run = trainer(tmp_path, args=args, callbacks=[Watch()])
    run.train()
    run.evaluate()
    assert run.args is args
    assert args.to_dict() == before == seen[0]


def test_an_evaluation_loss_that_is_not_finite_is_shown_with_plain_arguments_too(tmp_path):
    run = trainer(tmp_path, args=arguments(tmp_path, TrainingArguments))
    with torch.no_grad():
        run.model.classifier.bias.fill_(float("nan"))
    assert np.isnan(run.evaluate()["eval_loss"])


def test_contrastive_training_by_import_takes_any_dataset(tmp_path):
    rows = [dict(row) for row in random_rows(12)]
    run = trainer(tmp_path, methods=[Contrastive(steps=1)], train_dataset=rows, eval_dataset=None)
    assert run.context.facts["contrastive"]["steps"] == 1
    assert run.train().global_step == 0
