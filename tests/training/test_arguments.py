"""TransferArguments: TrainingArguments with loud defaults."""

import copy
import dataclasses
import inspect
import pickle

import pytest
from transformers import HfArgumentParser, TrainingArguments

from nlp_transfer import Seq2SeqTransferArguments, TransferArguments
from nlp_transfer.errors import ConfigError
from nlp_transfer.training import runtime


def test_all_of_trainings_arguments_stay_with_their_defaults():
    ours, theirs = TransferArguments(output_dir="x", use_cpu=True), TrainingArguments(output_dir="x", use_cpu=True)
    changed = {
        name for name, value in vars(theirs).items() if not name.startswith("_") and getattr(ours, name) != value
    }
    assert changed <= {
        "logging_nan_inf_filter",
        "restore_callback_states_from_checkpoint",
        "accelerator_config",
        "distributed_state",
        "hub_strategy",
        "hub_private_repo",
    }
    assert (ours.hub_strategy, ours.hub_private_repo) == ("end", True)
    assert ours.logging_nan_inf_filter is False
    assert ours.restore_callback_states_from_checkpoint is True


@pytest.mark.parametrize(("native", "expected"), [(True, True), (False, False)])
def test_auto_precision_is_bf16_where_it_is_native(monkeypatch, native, expected):
    monkeypatch.setattr(runtime, "has_native_bf16", lambda device: native)
    assert TransferArguments(output_dir="x", use_cpu=True, precision="auto").bf16 is expected


def test_fixed_precisions_and_their_contradictions():
    assert TransferArguments(output_dir="x", precision="bf16", use_cpu=True).bf16 is True
    assert TransferArguments(output_dir="x", precision="fp32", use_cpu=True).bf16 is False
    assert TransferArguments(output_dir="x", bf16=True, use_cpu=True).bf16 is True
    with pytest.raises(ConfigError, match=r"training\.precision is 'fp32' while training\.bf16 is on"):
        TransferArguments(output_dir="x", precision="fp32", bf16=True, use_cpu=True)


def test_early_stopping_needs_a_best_model():
    with pytest.raises(ConfigError, match=r"early_stopping_patience needs training\.load_best_model_at_end: true"):
        TransferArguments(output_dir="x", early_stopping_patience=2)


def test_no_epoch_is_as_in_trainer():
    assert TransferArguments(output_dir="x", num_train_epochs=0).num_train_epochs == 0


def test_values_that_no_run_could_use_are_reported_together():
    with pytest.raises(ConfigError) as caught:
        TransferArguments(output_dir="x", learning_rate=-1.0, per_device_train_batch_size=0, num_train_epochs=-3)
    assert [problem.split()[0] for problem in caught.value.problems] == [
        "training.per_device_train_batch_size",
        "training.learning_rate",
        "training.num_train_epochs",
    ]


def test_text_in_place_of_a_number_is_reported():
    with pytest.raises(ConfigError) as caught:
        TransferArguments(output_dir="x", attention_dropout="0.1", num_train_epochs="3", save_steps=[1])
    assert caught.value.problems == [
        "training.num_train_epochs is '3'; expected a number.",
        "training.save_steps is [1]; expected a number.",
        "training.attention_dropout is '0.1'; expected a number.",
    ]


@pytest.mark.parametrize("cls", [TransferArguments, Seq2SeqTransferArguments])
def test_a_script_of_transformers_reads_them_from_its_command_line(cls, tmp_path):
    line = ["--output_dir", str(tmp_path), "--use_cpu", "--learning_rate", "1e-3", "--report_to", "none"]
    (read,) = HfArgumentParser(cls).parse_args_into_dataclasses(line)
    assert (read.learning_rate, read.source_weights, read.precision, read.unpadding) == (1e-3, "size", None, True)
    line += ["--precision", "fp32", "--on_nonfinite", "skip", "--no_unpadding", "--max_tokens_per_forward", "40"]
    line += ["--early_stopping_patience", "2", "--load_best_model_at_end", "--eval_strategy", "epoch"]
    line += ["--save_strategy", "epoch", "--activation_cache_gb", "2.5", "--source_weights", "0.3 0.7"]
    (read,) = HfArgumentParser(cls).parse_args_into_dataclasses(line)
    assert (read.precision, read.on_nonfinite, read.unpadding, read.max_tokens_per_forward) == (
        "fp32",
        "skip",
        False,
        40,
    )
    assert (read.early_stopping_patience, read.activation_cache_gb, read.source_weights) == (2, 2.5, [0.3, 0.7])
    (read,) = HfArgumentParser(cls).parse_args_into_dataclasses([*line[:7], "--source_weights", "equal"])
    assert read.source_weights == "equal"
    with pytest.raises(ConfigError, match=r"training\.source_weights: Unknown value 'equall'. Did you mean 'equal'"):
        HfArgumentParser(cls).parse_args_into_dataclasses([*line[:7], "--source_weights", "equall"])


def test_no_source_weights_are_those_by_size(tmp_path):
    assert TransferArguments(str(tmp_path), use_cpu=True, source_weights=None).source_weights == "size"


@pytest.mark.parametrize("cls", [TransferArguments, Seq2SeqTransferArguments])
def test_unknown_arguments_by_import_are_named_with_the_right_ones(cls):
    with pytest.raises(ConfigError) as caught:
        cls("x", evaluation_strategy="epoch", no_cuda=True, nonfinite="skip")
    assert caught.value.problems == [
        f"{cls.__name__}: Unknown argument 'evaluation_strategy'. Did you mean 'eval_strategy'?",
        f"{cls.__name__}: Unknown argument 'no_cuda'. Did you mean 'use_cpu'?",
        f"{cls.__name__}: The argument 'nonfinite' was renamed: write 'on_nonfinite'.",
    ]


def test_the_arguments_stay_a_dataclass_of_transformers():
    arguments = TransferArguments("x", use_cpu=True, seed=3)
    assert pickle.loads(pickle.dumps(arguments)).seed == copy.deepcopy(arguments).seed == 3
    assert dataclasses.replace(arguments, seed=4).given()["seed"] == 4
    assert next(iter(inspect.signature(TransferArguments).parameters)) == "output_dir"
