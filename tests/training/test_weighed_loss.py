"""The weight of a row that another process has in the same update; whole updates are in test_one_update.py."""

import torch
from torch import nn
from transformers import Trainer, TrainingArguments

from nlp_transfer import Seq2SeqTransferTrainer, TransferTrainer
from nlp_transfer.training.losses import update_mean
from nlp_transfer.training.updates import REPEATED
from tests.tiny_models import collate, random_rows, tiny_model


class Plain(nn.Module):
    """A network without labels and logits."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Linear(1, 1)

    def forward(self, x):
        return {"loss": self.weight(x).square().mean()}


def trainer_of(folder, model, kind=TransferTrainer, **others):
    arguments = TrainingArguments(str(folder), use_cpu=True, report_to="none", remove_unused_columns=False)
    return kind(model, arguments, **others)


def loss_and_gradient(trainer, batch, items):
    model = trainer.model.train()
    model.zero_grad()
    loss = trainer.compute_loss(model, batch, num_items_in_batch=items)
    loss.backward()
    gradients = [p.grad for p in model.parameters() if p.requires_grad]
    assert all(gradient is not None for gradient in gradients)  # else other processes would wait for them
    return float(loss.detach()), max(float(gradient.abs().max()) for gradient in gradients)


def test_a_repeated_row_has_no_weight_and_is_in_no_count(tmp_path):
    batch = collate(list(random_rows(1)))
    own = update_mean(lambda logits, labels: nn.functional.cross_entropy(logits, labels, reduction="none"))
    for loss in (None, own):
        trainer = trainer_of(tmp_path, tiny_model("bert"), compute_loss_func=loss)
        trainer.model_accepts_loss_kwargs = loss is not None
        repeated = {**batch, REPEATED: True}
        assert float(trainer._get_num_items_in_batch([batch, repeated], torch.device("cpu"))) == 1
        assert loss_and_gradient(trainer, repeated, torch.tensor(3.0)) == (0.0, 0.0)
        value, gradient = loss_and_gradient(trainer, dict(batch), torch.tensor(3.0))
        assert value > 0 and gradient > 0
        assert REPEATED in repeated


def test_a_loss_of_nothing_but_itself_has_no_weight_either(tmp_path):
    trainer = trainer_of(tmp_path, Plain(), train_dataset=[{"x": [1.0]}])
    batch = {"x": torch.ones(1, 1), REPEATED: True}
    assert loss_and_gradient(trainer, batch, torch.tensor(3.0)) == (0.0, 0.0)


class OwnLoss(TransferTrainer):
    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        return Trainer.compute_loss(self, model, inputs, return_outputs)


def test_whose_loss_it_is(tmp_path):
    assert trainer_of(tmp_path, tiny_model("bert")).loss_is_ours()
    assert not trainer_of(tmp_path, tiny_model("bert"), OwnLoss).loss_is_ours()
    assert Seq2SeqTransferTrainer.loss_is_ours(Seq2SeqTransferTrainer.__new__(Seq2SeqTransferTrainer))
