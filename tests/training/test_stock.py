"""A stock Trainer of the same recipe, to compare with."""

import pytest
from transformers import Trainer, TrainingArguments

from nlp_transfer import TransferArguments
from nlp_transfer.training.stock import STOCK_COLUMNS, load_stock_model, stock_trainer, stock_values
from tests.tiny_models import random_rows, tiny_checkpoint
from tests.tiny_pretraining import tiny_tokenizer


def recipe(tmp_path) -> TransferArguments:
    return TransferArguments(
        str(tmp_path), use_cpu=True, learning_rate=0.5, precision="bf16", hub_token="hf_secret", report_to="none"
    )


def test_stock_arguments_are_those_that_both_have_but_the_hubs(tmp_path):
    values = stock_values(recipe(tmp_path))
    assert (values["learning_rate"], values["output_dir"]) == (0.5, str(tmp_path))
    assert not [name for name in values if "hub" in name]
    assert not {"bf16", "unpadding", "precision", "logging_nan_inf_filter"} & set(values)
    assert stock_values(recipe(tmp_path), ["learning_rate", "unpadding"]) == {"learning_rate": 0.5}
    assert TrainingArguments(**values).logging_nan_inf_filter


@pytest.mark.parametrize("multi_label", [False, True])
def test_a_stock_trainer_trains_a_float32_classifier_on_plain_columns(tmp_path, multi_label):
    folder = tiny_checkpoint("bert", tmp_path / "encoder")
    model = load_stock_model(folder, 3, multi_label=multi_label, seed=1)
    again = load_stock_model(folder, 3, multi_label=multi_label, seed=1)
    assert model.classifier.weight.equal(again.classifier.weight)
    assert model.config.problem_type == ("multi_label" if multi_label else "single_label") + "_classification"
    rows = {split: random_rows(4, multi_label=multi_label) for split in ("train", "validation")}
    arguments = TrainingArguments(str(tmp_path / "run"), use_cpu=True, max_steps=1, report_to="none", disable_tqdm=True)
    trainer = stock_trainer(model, arguments, rows, tiny_tokenizer())
    assert type(trainer) is Trainer
    assert trainer.train_dataset.column_names == STOCK_COLUMNS
    assert trainer.train().global_step == 1
