"""Subclasses of the user's own go on working, as they do with `transformers.Trainer`."""

import pytest
import torch
from torch import nn
from transformers import Trainer

from nlp_transfer import TransferArguments, TransferTrainer
from nlp_transfer.errors import ConfigError
from nlp_transfer.methods import DANN, FullFineTuning, SelfTraining
from nlp_transfer.training.extensions import default_extensions
from tests.tiny_models import collate, random_rows, tiny_model


class OwnLoss(TransferTrainer):
    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        loss, outputs = super().compute_loss(model, inputs, return_outputs=True)
        self.seen = loss.item()
        return (2 * loss, outputs) if return_outputs else 2 * loss


class OwnStep(TransferTrainer):
    def training_step(self, model, inputs, num_items_in_batch=None):
        self.seen = super().training_step(model, inputs, num_items_in_batch)
        return self.seen


class OwnOptimizer(TransferTrainer):
    def create_optimizer(self, model=None):
        self.seen = self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.5)
        return self.optimizer


class OwnEvaluation(TransferTrainer):
    def evaluation_loop(self, dataloader, description, *args, **kwargs):
        output = super().evaluation_loop(dataloader, description, *args, **kwargs)
        self.seen = output.metrics["eval_loss"]
        return output._replace(metrics={**output.metrics, "eval_own": 1.0})


class OwnRows(TransferTrainer):
    def get_train_dataloader(self):
        self.seen = super().get_train_dataloader()
        return self.seen


OWN = [OwnLoss, OwnStep, OwnOptimizer, OwnEvaluation, OwnRows]


@pytest.mark.parametrize("cls", OWN, ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("methods", [(), (FullFineTuning(),)], ids=["plain", "method"])
def test_an_override_is_called_and_counts(tmp_path, cls, methods):
    arguments = TransferArguments(
        str(tmp_path),
        use_cpu=True,
        max_steps=1,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        logging_steps=1,
    )
    torch.manual_seed(0)
    run = cls(tiny_model("bert"), arguments, collate, train_dataset=random_rows(8), methods=methods)
    run.train()
    logged = run.state.log_history[0]
    metrics = run.evaluate(random_rows(4))
    assert run.seen is not None
    if cls is OwnStep:
        assert logged["loss"] == pytest.approx(float(run.seen), rel=1e-3)
    if cls is OwnOptimizer:
        assert run.optimizer.optimizer is run.seen
    if cls is OwnEvaluation:
        assert metrics["eval_own"] == 1.0
    if cls is OwnLoss:
        assert metrics["eval_loss"] == pytest.approx(2 * run.seen, rel=1e-3)


def test_the_signature_that_transformers_looks_at_is_its_own():
    import inspect

    for name in ("compute_loss", "training_step", "evaluation_loop", "log", "create_optimizer"):
        ours, theirs = (inspect.signature(getattr(cls, name)) for cls in (TransferTrainer, Trainer))
        assert list(ours.parameters) == list(theirs.parameters), name


def test_an_extension_is_found_by_its_class(tmp_path):
    arguments = TransferArguments(str(tmp_path), use_cpu=True, report_to="none")
    run = TransferTrainer(nn.Linear(1, 1), arguments)
    for extension in run.extensions:
        assert run.extension(type(extension)) is extension
        assert extension.trainer is run


def test_extensions_that_nothing_asks_for_are_left_out():
    names = {type(one).__name__ for one in default_extensions([DANN(), SelfTraining()])}
    assert {"DomainAdaptation", "PseudoLabels", "ActivationCache", "FrozenLayers"} <= names
    assert not names & {type(one).__name__ for one in default_extensions([])} - {
        *("FastForward", "CheckpointSelection", "LossScaling", "NonfiniteGuard", "OomGuard")
    }


def test_arguments_of_older_trainers_are_named_with_the_right_ones(tmp_path):
    class WithOwn(TransferTrainer):
        def __init__(self, *args, own, **kwargs):
            super().__init__(*args, **kwargs)
            self.own = own

    arguments = TransferArguments(str(tmp_path), use_cpu=True, report_to="none")
    with pytest.raises(ConfigError, match=r"^TransferTrainer: .*'tokenizer'\. Did you mean 'processing_class'"):
        TransferTrainer(nn.Linear(1, 1), arguments, tokenizer=None)
    assert WithOwn(nn.Linear(1, 1), arguments, own=3).own == 3
