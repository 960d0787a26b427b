"""The Seq2Seq twin: it learns, writes, resumes, and its losses are means over target tokens."""

import numpy as np
import pytest
import torch
from peft import LoraConfig, TaskType
from torch.nn import functional
from transformers import Seq2SeqTrainer, Seq2SeqTrainingArguments

from nlp_transfer import Seq2SeqTransferArguments, Seq2SeqTransferTrainer
from nlp_transfer.errors import ConfigError
from nlp_transfer.methods import CDAN, DANN, SelfTraining
from nlp_transfer.training.seq2seq import _token_losses
from tests.tiny_writers import WRITERS, pad_pairs, pairs, tiny_writer


def arguments(folder, **changes):
    values = {
        "output_dir": str(folder),
        "use_cpu": True,
        "per_device_train_batch_size": 8,
        "per_device_eval_batch_size": 4,
        "learning_rate": 5e-3,
        "max_steps": 40,
        "report_to": "none",
        "disable_tqdm": True,
        "logging_steps": 10,
        "save_strategy": "no",
        "seed": 1,
        "predict_with_generate": True,
        "generation_max_length": 8,
        **changes,
    }
    return Seq2SeqTransferArguments(**values)


def trainer(folder, kind="bert2bert", model=None, **changes):
    return Seq2SeqTransferTrainer(
        model or tiny_writer(kind),
        arguments(folder, **changes),
        pad_pairs,
        train_dataset=pairs(64),
        eval_dataset=pairs(10, seed=5),
    )


def test_a_row_by_hand():
    logits = torch.tensor([[[0.0, np.log(3.0)], [0.0, 0.0]], [[0.0, np.log(3.0)], [0.0, 0.0]]])
    labels = torch.tensor([[1, 0], [0, -100]])
    found = _token_losses(logits, labels)
    assert found[:, 1].tolist() == [2.0, 1.0]
    assert found[:, 0].tolist() == pytest.approx([-np.log(0.75) - np.log(0.5), -np.log(0.25)], rel=1e-6)
    smoothed = _token_losses(logits, labels, smoothing=0.2)[0, 0].item()
    expected = functional.cross_entropy(logits[0], labels[0], label_smoothing=0.2, reduction="sum").item()
    assert smoothed == pytest.approx(expected)


@pytest.mark.parametrize("kind", WRITERS)
def test_the_evaluation_loss_is_the_mean_over_all_target_tokens(kind, tmp_path):
    made = trainer(tmp_path, kind, predict_with_generate=False)
    batch = pad_pairs(list(pairs(10, seed=5)))
    with torch.no_grad():
        logits = made.model(**batch).logits
    expected = functional.cross_entropy(logits.flatten(0, 1), batch["labels"].flatten(), ignore_index=-100).item()
    assert made.evaluate()["eval_loss"] == pytest.approx(expected, rel=1e-5)
    stock = Seq2SeqTrainer(
        made.model,
        Seq2SeqTrainingArguments(
            str(tmp_path / "stock"), use_cpu=True, per_device_eval_batch_size=4, report_to="none", disable_tqdm=True
        ),
        pad_pairs,
        eval_dataset=pairs(10, seed=5),
    )
    assert abs(stock.evaluate()["eval_loss"] - expected) > 1e-4


def test_label_smoothing_is_in_both_losses(tmp_path):
    model = tiny_writer("bert2bert")

    def shifted(rows):
        batch = pad_pairs(rows)  # a label smoother keeps the labels from the model, which shifts them else
        return {**batch, "decoder_input_ids": model.prepare_decoder_input_ids_from_labels(batch["labels"])}

    made = Seq2SeqTransferTrainer(
        model,
        arguments(tmp_path, predict_with_generate=False, label_smoothing_factor=0.1, max_steps=1),
        shifted,
        train_dataset=pairs(16),
        eval_dataset=pairs(10, seed=5),
    )
    batch = pad_pairs(list(pairs(10, seed=5)))
    with torch.no_grad():
        logits = model(**batch).logits
    expected = functional.cross_entropy(logits.flatten(0, 1), batch["labels"].flatten(), label_smoothing=0.1).item()
    assert made.evaluate()["eval_loss"] == pytest.approx(expected, rel=1e-5)
    assert np.isfinite(made.train().training_loss)


@pytest.mark.parametrize("kind", WRITERS)
def test_it_learns_to_write(kind, tmp_path):
    made = trainer(tmp_path, kind, max_steps=60)
    before = made.evaluate()
    made.train()
    after = made.evaluate()
    assert after["eval_loss"] < 0.85 * before["eval_loss"]
    written = made.predict(pairs(6, seed=7)).predictions
    rows = pad_pairs(list(pairs(4, seed=7)))
    with torch.no_grad():
        expected = made.model.generate(
            input_ids=rows["input_ids"], attention_mask=rows["attention_mask"], max_length=8
        ).numpy()
    np.testing.assert_array_equal(written[:4, : expected.shape[1]], expected)


def test_a_resumed_run_ends_as_an_uninterrupted_one(tmp_path):
    whole = trainer(tmp_path / "whole", max_steps=12, save_strategy="steps", save_steps=6)
    whole.train()
    again = trainer(tmp_path / "whole", max_steps=12, save_strategy="steps", save_steps=6)
    again.train(resume_from_checkpoint=str(tmp_path / "whole" / "checkpoint-6"))
    for (name, one), (_, other) in zip(whole.model.state_dict().items(), again.model.state_dict().items(), strict=True):
        assert torch.equal(one, other), name


def test_plain_arguments_and_adapters_go_with_it(tmp_path):
    plain = Seq2SeqTrainingArguments(
        str(tmp_path), use_cpu=True, max_steps=2, report_to="none", disable_tqdm=True, save_strategy="no"
    )
    config = LoraConfig(task_type=TaskType.SEQ_2_SEQ_LM, r=2, target_modules=["q", "v"])
    made = Seq2SeqTransferTrainer(
        tiny_writer("t5"), plain, pad_pairs, train_dataset=pairs(16), eval_dataset=pairs(4), peft_config=config
    )
    made.train()
    trained = [name for name, parameter in made.model.named_parameters() if parameter.requires_grad]
    assert trained
    assert all("lora_" in name for name in trained)
    assert np.isfinite(made.evaluate()["eval_loss"])


def test_methods_that_need_classes_are_refused(tmp_path):
    for methods, names in (([SelfTraining()], "self_training"), ([CDAN()], "cdan"), ([DANN(), CDAN()], "cdan")):
        with pytest.raises(
            ConfigError,
            match=rf"^{names} cannot be used with a network that writes or tags tokens: no text has a class\.$",
        ):
            Seq2SeqTransferTrainer(
                tiny_writer("t5"),
                arguments(tmp_path),
                pad_pairs,
                train_dataset=pairs(16),
                target_dataset=pairs(8).remove_columns("labels"),
                methods=methods,
            )


@pytest.mark.parametrize("kind", WRITERS)
def test_several_sequences_of_a_row_are_all_predicted(kind, tmp_path):
    rows = pairs(19, seed=5)  # the last batch has 3 of 4 rows
    options = {"num_return_sequences": 3, "num_beams": 3}
    made = trainer(tmp_path, kind)
    found = made.predict(rows, **options)
    assert (len(found.predictions), len(found.label_ids)) == (57, 19)
    stock = Seq2SeqTrainer(
        made.model, Seq2SeqTrainingArguments(**_stock_values(tmp_path)), pad_pairs, train_dataset=rows
    )
    np.testing.assert_array_equal(found.predictions, stock.predict(rows, **options).predictions)
    assert len(made.predict(rows).predictions) == 19
    assert made.predict(rows).label_ids.shape == (19, max(map(len, rows["labels"])))


def _stock_values(folder):
    names = ("output_dir", "use_cpu", "per_device_eval_batch_size", "report_to", "predict_with_generate")
    return {name: getattr(arguments(folder), name) for name in (*names, "generation_max_length")}
