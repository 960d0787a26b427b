"""The base class of extensions, and how a trainer hands its seams on."""

import torch

from nlp_transfer import TransferArguments, TransferTrainer
from nlp_transfer.methods.extension import Extension
from tests.tiny_models import collate, random_rows, tiny_model


class Recorder(Extension):
    def __init__(self, name, calls):
        self.name, self.calls = name, calls

    def begin_epoch(self, epoch):
        self.calls.append((self.name, "begin_epoch", epoch))

    def prepare_step(self, batches):
        self.calls.append((self.name, "prepare_step", len(batches)))
        return batches

    def backward(self, step, model, batch, num_items):
        self.calls.append((self.name, "backward", "in"))
        loss = step(model, batch, num_items)
        self.calls.append((self.name, "backward", "out"))
        return loss

    def loss(self, compute, model, batch, return_outputs, num_items):
        self.calls.append((self.name, "loss", "in"))
        return compute(model, batch, return_outputs, num_items)

    def before_optimizer_step(self, grad_norm, model):
        self.calls.append((self.name, "before_optimizer_step", float(grad_norm) > 0))
        return grad_norm

    def evaluate(self, output, prefix):
        return output._replace(metrics={**output.metrics, f"{prefix}_{self.name}": 1.0})

    def log(self, logs):
        return {**logs, self.name: 2.0}

    def summary(self):
        return {self.name: 3}


def arguments(folder):
    return TransferArguments(
        str(folder), use_cpu=True, max_steps=1, save_strategy="no", report_to="none", disable_tqdm=True, logging_steps=1
    )


def test_the_first_extension_is_innermost(tmp_path):
    calls = []
    run = TransferTrainer(tiny_model("bert"), arguments(tmp_path), collate, train_dataset=random_rows(8))
    added = (Recorder("first", calls), Recorder("last", calls))
    run.extensions += added
    run.train()
    assert calls == [
        ("first", "begin_epoch", 0),
        ("last", "begin_epoch", 0),
        ("first", "prepare_step", 1),
        ("last", "prepare_step", 1),
        ("last", "backward", "in"),
        ("first", "backward", "in"),
        ("last", "loss", "in"),
        ("first", "loss", "in"),
        ("first", "backward", "out"),
        ("last", "backward", "out"),
        ("first", "before_optimizer_step", True),
        ("last", "before_optimizer_step", True),
    ]
    assert run.state.log_history[0]["first"] == run.state.log_history[0]["last"] == 2.0
    metrics = run.evaluate(random_rows(4))
    assert metrics["eval_first"] == metrics["eval_last"] == 1.0
    assert {"first": 3, "last": 3}.items() <= run.summary().items()
    assert run.extension(Recorder) is added[0]


def test_every_hook_does_nothing_by_default(tmp_path):
    weights = []
    for added in ((), (Extension(),)):
        run = TransferTrainer(tiny_model("bert"), arguments(tmp_path), collate, train_dataset=random_rows(8))
        run.extensions += added
        run.train()
        weights.append(torch.cat([value.flatten() for value in run.model.state_dict().values()]))
    assert torch.equal(*weights)
