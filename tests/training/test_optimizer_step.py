"""An update knows its rows, and takes batches of any form that stock Trainer takes."""

import pytest
import torch
from transformers import Trainer, TrainingArguments

from nlp_transfer import TransferArguments, TransferTrainer
from nlp_transfer.training.optimizer_step import ROW_IDS, ProvenanceCollator, row_count
from tests.tiny_models import collate, random_rows, tiny_model
from tests.training.faulty import named_rows

SETTINGS = {
    "use_cpu": True,
    "max_steps": 3,
    "per_device_train_batch_size": 4,
    "learning_rate": 1e-2,
    "report_to": "none",
    "save_strategy": "no",
    "disable_tqdm": True,
    "logging_steps": 1,
    "max_grad_norm": 0.0,
}
SLOW = {"unpadding": False, "fast_dropout": False, "fast_linear": False}  # else other sums, and other random numbers


def trained_weights(cls, folder, collator, rows=None, steps=2):
    torch.manual_seed(0)
    ours = issubclass(cls, TransferTrainer)
    values = {**SETTINGS, "gradient_accumulation_steps": steps, **(SLOW if ours else {})}
    arguments = (TransferArguments if ours else TrainingArguments)(str(folder), **values)
    made = cls(tiny_model("bert"), arguments, collator, train_dataset=random_rows(24) if rows is None else rows)
    made.train()
    return torch.cat([parameter.detach().flatten() for parameter in made.model.parameters()])


def test_ids_leave_the_batch_and_never_come_to_the_model():
    batch = ProvenanceCollator(collate, {"id": ROW_IDS})(list(named_rows(3)))
    assert batch.pop(ROW_IDS) == ["row-0", "row-1", "row-2"]
    assert set(batch) == {"input_ids", "attention_mask", "labels"}
    assert row_count(batch) == 3


def test_a_column_that_the_model_reads_stays_in_the_rows():
    seen = []
    ProvenanceCollator(lambda rows: seen.extend(rows) or {}, {"id": ROW_IDS}, read=["id"])([{"id": 7}])
    ProvenanceCollator(lambda rows: seen.extend(rows) or {}, {"id": ROW_IDS})([{"id": 7}])
    assert seen == [{"id": 7}, {}]


class OwnStep:
    """A training step such as users write, which gives the model all that the batch holds."""

    def training_step(self, model, inputs, num_items_in_batch=None):
        assert set(inputs) == {"input_ids", "attention_mask", "labels"}  # a forward without **kwargs takes no more
        model.train()
        loss = model(**self._prepare_inputs(inputs)).loss / self.args.gradient_accumulation_steps
        self.accelerator.backward(loss)
        return loss.detach()


def test_a_column_id_does_not_reach_a_training_step_of_the_users_own(tmp_path):
    rows = named_rows(24)
    ends = [
        trained_weights(type("Own", (OwnStep, cls), {}), tmp_path, collate, rows) for cls in (Trainer, TransferTrainer)
    ]
    torch.testing.assert_close(ends[1], ends[0], rtol=0, atol=1e-7)


def test_a_loader_that_the_user_asks_for_has_no_ids(tmp_path):
    made = TransferTrainer(
        tiny_model("bert"), TransferArguments(str(tmp_path), **SETTINGS), collate, train_dataset=named_rows(8)
    )
    assert set(next(iter(made.get_train_dataloader()))) == {"input_ids", "attention_mask", "labels"}


def as_tuple(rows):
    batch = collate(rows)
    return batch["input_ids"], batch["attention_mask"], batch["labels"]


def as_nested(rows):
    batch = collate(rows)
    return {"text": {name: batch[name] for name in ("input_ids", "attention_mask")}, "answers": [batch["labels"]]}


def with_scalar(rows):
    batch = collate(rows)
    return {"temperature": torch.tensor(2.0), "share": 0.5, "answers": batch.pop("labels"), **batch}


class OwnLoss:
    """A loss over batches of one's own form."""

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        if isinstance(inputs, tuple):
            outputs = model(inputs[0], attention_mask=inputs[1], labels=inputs[2])
        elif "text" in inputs:
            outputs = model(**inputs["text"], labels=inputs["answers"][0])
        else:
            outputs = model(inputs["input_ids"], attention_mask=inputs["attention_mask"], labels=inputs["answers"])
        return (outputs.loss, outputs) if return_outputs else outputs.loss

    def training_step(self, model, inputs, num_items_in_batch=None):
        model.train()
        loss = self.compute_loss(model, self._prepare_inputs(inputs)) / self.args.gradient_accumulation_steps
        self.accelerator.backward(loss)
        return loss.detach()


@pytest.mark.parametrize("form", [as_tuple, as_nested, with_scalar])
@pytest.mark.parametrize("own", [("compute_loss",), ("compute_loss", "training_step")])
def test_batches_of_any_form_train_as_with_stock(tmp_path, form, own):
    methods = {name: getattr(OwnLoss, name) for name in own}
    ends = [
        trained_weights(type("Own", (cls,), methods), tmp_path, form, steps=len(own))
        for cls in (Trainer, TransferTrainer)
    ]
    torch.testing.assert_close(ends[1], ends[0], rtol=0, atol=1e-6)
