"""The help of the training arguments, read from source and from the class: the same."""

import dataclasses

import pytest

from nlp_transfer.config import outlined
from nlp_transfer.config.field_docs import described_fields, names_of, type_name
from nlp_transfer.config.outlined import outlined_arguments
from nlp_transfer.training import TransferArguments


def described(cls):
    return {
        path: (type_name(hint), names_of(hint), default, text)
        for path, hint, default, text in described_fields(cls, "training.")
    }


def test_every_field_has_the_type_default_and_help_of_the_class():
    read = outlined_arguments()
    assert read is not TransferArguments
    assert [f.name for f in dataclasses.fields(read)] == [f.name for f in dataclasses.fields(TransferArguments)]
    from_source, from_class = described(read), described(TransferArguments)
    for path, shown in from_class.items():
        assert from_source[path] == shown, path


def test_spot_checks():
    shown = described(outlined_arguments())
    assert shown["training.learning_rate"][::2] == ("float", 5e-5)
    assert shown["training.eval_strategy"][:3] == ("one of no, steps, epoch", ["no", "steps", "epoch"], "no")
    assert shown["training.logging_nan_inf_filter"][2] is False
    assert shown["training.early_stopping_patience"][0] == "int or null"


@pytest.mark.parametrize(("version", "optimizer"), [("2.7.1", "adamw_torch"), ("2.13.0+cpu", "adamw_torch_fused")])
def test_the_default_optimizer_goes_by_the_version_of_torch(monkeypatch, version, optimizer):
    monkeypatch.setattr(outlined.importlib.metadata, "version", {"torch": version}.__getitem__)
    assert described(outlined_arguments())["training.optim"][2] == optimizer


def test_a_source_that_is_not_understood_is_imported(monkeypatch, tmp_path):
    (tmp_path / "training_args.py").write_text("class TrainingArguments(made_by_a_call()): ...\n")
    monkeypatch.setattr(outlined, "_transformers_folder", lambda: tmp_path)
    assert outlined_arguments() is TransferArguments
