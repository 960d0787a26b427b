"""Training arguments that a run refuses, and that a trainer in a script of one's own takes."""

import dataclasses
import math

import pytest
from transformers import TrainingArguments
from transformers.integrations import integration_utils

from nlp_transfer import TransferArguments
from nlp_transfer.config.experiment import load_config
from nlp_transfer.errors import ConfigError
from nlp_transfer.training.run_arguments import HONOURED, report_to_problems, run_problems
from tests.tiny_runs import run_tree, tiny_encoder, write_corpus

NAN, INFINITE = math.nan, math.inf

AS_STOCK = """
    output_dir per_device_train_batch_size learning_rate lr_scheduler_type lr_scheduler_kwargs
    warmup_steps optim optim_args weight_decay adam_beta1 adam_beta2 adam_epsilon optim_target_modules
    gradient_accumulation_steps max_grad_norm label_smoothing_factor bf16 fp16 tf32 activation_checkpointing
    gradient_checkpointing torch_compile use_cache neftune_noise_alpha torch_empty_cache_steps logging_strategy
    logging_first_step log_on_each_node log_level log_level_replica disable_tqdm report_to run_name project
    trackio_space_id trackio_bucket_id trackio_static_space_id eval_strategy eval_delay per_device_eval_batch_size
    eval_on_start eval_accumulation_steps save_strategy push_to_hub hub_token hub_private_repo
    hub_model_id hub_strategy hub_revision load_best_model_at_end metric_for_best_model greater_is_better
    restore_callback_states_from_checkpoint full_determinism seed data_seed use_cpu dataloader_num_workers
    dataloader_pin_memory dataloader_persistent_workers dataloader_prefetch_factor dataloader_multiprocessing_context
    dataloader_in_order remove_unused_columns train_sampling_strategy ddp_find_unused_parameters ddp_bucket_cap_mb
    ddp_broadcast_buffers ddp_static_graph ddp_backend ddp_timeout fsdp_config deepspeed skip_memory_metrics
"""
"""Arguments whose every valid value a run honours. A new one of transformers' goes here or into `HONOURED`."""


def test_every_argument_of_transformers_is_decided_on():
    theirs = {field.name for field in dataclasses.fields(TrainingArguments) if field.init}
    assert not set(AS_STOCK.split()) & set(HONOURED)
    assert {*AS_STOCK.split(), *HONOURED} == theirs


def test_every_default_is_honoured():
    decided_by_scripts = ("do_train", "do_eval", "do_predict")
    defaults = {f.name: f.default for f in dataclasses.fields(TransferArguments) if f.name in HONOURED}
    defaults["include_for_metrics"] = []  # which has a factory
    assert not list(run_problems({name: value for name, value in defaults.items() if name not in decided_by_scripts}))


REFUSED = {
    "accelerator_config": {"split_batches": True},
    "activation_checkpointing_kwargs": {"nonsense": True},
    "debug": "underflow_overflow",
    "fsdp": "full_shard",
    "gradient_checkpointing_kwargs": {"nonsense": True},
    "include_num_input_tokens_seen": "some",
    "torch_compile_backend": "fastest",
    "torch_compile_mode": "fastest",
    "auto_find_batch_size": True,
    "average_tokens_across_devices": False,
    "batch_eval_metrics": True,
    "bf16_full_eval": True,
    "dataloader_drop_last": True,
    "do_eval": False,
    "do_predict": False,
    "do_train": False,
    "enable_jit_checkpoint": True,
    "eval_do_concat_batches": False,
    "eval_steps": 0.0,
    "eval_use_gather_object": True,
    "fp16_full_eval": True,
    "hub_always_push": True,
    "ignore_data_skip": True,
    "include_for_metrics": ["inputs"],
    "label_names": ["label"],
    "length_column_name": "size",
    "liger_kernel_config": {"rope": True},
    "local_rank": 0,
    "logging_nan_inf_filter": True,
    "logging_steps": -1.0,
    "max_steps": 0,
    "num_train_epochs": 0.0,
    "parallelism_config": {},
    "prediction_loss_only": True,
    "resume_from_checkpoint": "checkpoints/checkpoint-6",
    "save_only_model": True,
    "save_on_each_node": True,
    "save_steps": -5.0,
    "save_total_limit": 0,
    "use_liger_kernel": True,
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    folder = tmp_path_factory.mktemp("refused")
    return run_tree(tiny_encoder(folder / "encoder"), write_corpus(folder / "corpus"), folder / "run")


def test_what_a_run_cannot_honour_is_refused_when_its_file_is_read(tree):
    assert set(REFUSED) == set(HONOURED)
    with pytest.raises(ConfigError) as caught:
        load_config(tree={**tree, "training": {**tree["training"], **REFUSED}})
    for name, value in REFUSED.items():
        if name != "parallelism_config":  # which is shown as it was read, with all its defaults
            assert f"training.{name} is {value!r}, which a run cannot honour: {HONOURED[name][1]}." in str(caught.value)
    assert "training.parallelism_config is " in str(caught.value)


def test_a_run_that_is_made_in_python_refuses_them_too(tree):
    made = load_config(tree=tree)
    training = TransferArguments(output_dir="x", use_cpu=True, prediction_loss_only=True)
    with pytest.raises(ConfigError, match=r"training\.prediction_loss_only is True, which a run cannot honour"):
        dataclasses.replace(made, training=training)


def test_a_script_may_set_them():
    names = ("prediction_loss_only", "dataloader_drop_last", "batch_eval_metrics", "ignore_data_skip", "bf16_full_eval")
    made = TransferArguments(output_dir="x", use_cpu=True, label_names=["label"], **dict.fromkeys(names, True))
    assert [getattr(made, name) for name in names] == [True] * len(names)
    assert made.label_names == ["label"]


def test_fp16_needs_a_gpu(tree):
    with pytest.raises(ConfigError, match=r"training\.fp16 needs a GPU, and training is on the CPU: it would be fp32"):
        load_config(tree=tree, overrides=[("training.fp16", True)])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"optim": "adamw_8bit"},
            "training.optim is adamw_8bit, which needs a package that is not installed: You need to install `bitsandb",
        ),
        ({"optim_args": "beta=1"}, "training.optim_args sets beta, which training.optim adamw_torch_fused does not re"),
        (
            {"optim": "sgd", "optim_args": "momentum=0.9, momentm=0.9"},
            "training.optim_args sets momentm, which training.optim sgd does not read. Leave it out.",
        ),
        ({"optim_args": "fast"}, "training.optim_args is 'fast'; expected NAME=VALUE, several with commas."),
        (
            {"lr_scheduler_kwargs": {"num_cylces": 3}, "lr_scheduler_type": "cosine"},
            "training.lr_scheduler_type is cosine, which cannot be made: get_cosine_schedule_with_warmup() got an",
        ),
        ({"optim_target_modules": "all-linear"}, "which training.optim adamw_torch_fused does not read. Leave it out."),
        (
            {"lr_scheduler_type": "cosine_with_min_lr"},
            "which cannot be made: One of min_lr or min_lr_rate should be set",
        ),
    ],
)
def test_an_optimizer_or_schedule_that_cannot_be_made(tree, given, message):
    with pytest.raises(ConfigError) as caught:
        load_config(tree={**tree, "training": {**tree["training"], **given}})
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("save_steps", [NAN, INFINITE]),
        ("eval_steps", [NAN, INFINITE]),
        ("logging_steps", [NAN, INFINITE]),
        ("neftune_noise_alpha", [NAN, INFINITE, -1.0]),
        ("early_stopping_threshold", [NAN, INFINITE, -1.0]),
        ("label_smoothing_factor", [NAN, INFINITE, -0.1]),
        ("eval_delay", [NAN, INFINITE, -1]),
        ("eval_accumulation_steps", [0, -1]),
        ("dataloader_prefetch_factor", [0]),
        ("ddp_timeout", [0]),
    ],
)
def test_numbers_that_no_training_can_use_are_refused_everywhere(name, values):
    for value in values:
        with pytest.raises(ConfigError) as caught:
            TransferArguments(output_dir="x", use_cpu=True, dataloader_num_workers=1, **{name: value})
        assert caught.value.problems[0].startswith(f"training.{name} is {value}; expected ")


def test_persistent_workers_need_workers():
    with pytest.raises(ConfigError, match=r"persistent_workers needs training\.dataloader_num_workers above 0"):
        TransferArguments(output_dir="x", use_cpu=True, dataloader_persistent_workers=True)


@pytest.mark.parametrize(("optim", "options"), [("sgd", "momentum=0"), ("rmsprop", "alpha=0.99,centered=false")])
def test_options_that_the_optimizer_reads_are_taken(tree, optim, options):
    taken = load_config(tree={**tree, "training": {**tree["training"], "optim": optim, "optim_args": options}})
    assert taken.training.optim_args == options


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"num_train_epochs": NAN}, "training.num_train_epochs is nan, which a run cannot honour: "),
        ({"save_steps": NAN}, "training.save_steps is nan, which a run cannot honour: expected more than 0: "),
        ({"resume_from_checkpoint": True}, "training.resume_from_checkpoint is True, which a run cannot honour: a run"),
        ({"attention_dropout": 2.0}, "training.attention_dropout is 2.0; in a configuration it stands at the top: "),
        ({"debug": "foo"}, "training.debug is 'foo', which a run cannot honour: its hooks fail on masks; "),
        ({"accelerator_config": {"x": 1}}, "training.accelerator_config is {'x': 1}, which a run cannot honour: rows"),
        ({"accelerator_config": "x"}, "training.accelerator_config is 'x', which a run cannot honour: rows are shared"),
        ({"accelerator_config": True}, "training.accelerator_config is True, which a run cannot honour: rows are sh"),
        ({"hub_strategy": "every_save"}, "training.hub_strategy is 'every_save', which would publish checkpoints"),
        (
            {"hub_strategy": "every_save", "push_to_hub": True},
            "training.hub_strategy is 'every_save', which would publish checkpoints",
        ),
        ({"fsdp_config": {"x": 1}}, "training.fsdp_config is not read without training.fsdp. Set that too, or leave"),
        (
            {"gradient_checkpointing_kwargs": {"use_reentrant": False}},
            "training.gradient_checkpointing_kwargs is not read without training.gradient_checkpointing. Set that",
        ),
        ({"max_steps": 10**9}, "training.max_steps is 1,000,000,000; expected at most 100,000,000: no run makes so"),
        ({"warmup_steps": 10**9}, "training.warmup_steps is 1,000,000,000.0; expected at most 100,000,000: no run ma"),
        ({"num_train_epochs": 1e9}, "training.num_train_epochs is 1,000,000,000.0; expected at most 1,000,000: no run"),
        ({"save_only_model": True}, "training.save_only_model is True, which a run cannot honour: no run could"),
    ],
)
def test_one_fault_is_one_problem(tree, given, message):
    with pytest.raises(ConfigError) as caught:
        load_config(tree={**tree, "training": {**tree["training"], **given}})
    assert len(caught.value.problems) == 1
    assert caught.value.problems[0].startswith(message)


def test_several_faults_are_several_problems(tree):
    given = {"max_steps": 0, "seed": -1, "debug": "foo", "logging_steps": NAN}
    with pytest.raises(ConfigError) as caught:
        load_config(tree={**tree, "training": {**tree["training"], **given}})
    assert sorted(problem.split(" is ")[0] for problem in caught.value.problems) == [
        f"training.{name}" for name in ("debug", "logging_steps", "max_steps", "seed")
    ]


# ---- report_to ----


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(integration_utils, "get_available_reporting_integrations", lambda: ["tensorboard"])
    monkeypatch.setattr(integration_utils, "is_azureml_available", lambda: False)


@pytest.mark.parametrize("report_to", ["none", "all", ["none"], [], "tensorboard", ["tensorboard"]])
def test_integrations_that_are_there(installed: None, report_to: str | list[str]) -> None:
    assert report_to_problems(report_to) == []


def test_integrations_that_are_known_and_not_installed(installed: None) -> None:
    text = (
        "training.report_to names {}, which is not installed. Run `pip install {}`, or set training.report_to to none"
    )
    found = report_to_problems(["wandb", "tensorboard", "azure_ml"])
    assert len(found) == 2
    assert found[0].startswith(text.format("wandb", "wandb"))
    assert found[1].startswith(text.format("azure_ml", "azureml-sdk"))


def test_integrations_that_are_unknown(installed: None) -> None:
    [text] = report_to_problems("wandbb")
    assert text.startswith(
        "training.report_to: Unknown integration 'wandbb'. Did you mean 'wandb'? Integrations: none, "
    )
    [text] = report_to_problems(["none", "tensorboard"])
    assert text.startswith("training.report_to: Unknown integration 'none'. Integrations: azure_ml, ")


def test_the_arguments_refuse_an_unknown_integration(installed: None) -> None:
    with pytest.raises(ConfigError, match="Unknown integration 'wandbb'"):
        TransferArguments(output_dir="x", report_to="wandbb")
    assert TransferArguments(output_dir="x", report_to=None).report_to == []
