"""What does not fit into memory is made in smaller parts, and the update stays the same."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from nlp_transfer import TransferTrainer
from nlp_transfer.errors import TrainingError
from nlp_transfer.training.extensions.oom_guard import OomGuard
from nlp_transfer.training.optimizer_step import OptimizerStep
from tests.launching import launched
from tests.tiny_models import collate, tiny_model
from tests.training.faulty import Faulty, named_rows, trainer, weights
from tests.training.stand_in import attached, stand_in


@pytest.fixture
def model():
    return tiny_model("bert")


@pytest.mark.parametrize("accumulation", [1, 2])
def test_out_of_memory_makes_the_same_update_in_smaller_parts(tmp_path, accumulation, caplog):
    results = {}
    for most_rows in (None, 1):
        model = tiny_model("bert").double()
        faulty = Faulty(model, most_rows=most_rows, without_dropout=True)
        run = trainer(
            tmp_path / str(most_rows), model, gradient_accumulation_steps=accumulation, optim="sgd", max_steps=2
        )
        with caplog.at_level("WARNING", logger="nlp_transfer.training.extensions.oom_guard"):
            run.train()
        losses = [entry["loss"] for entry in run.state.log_history if "loss" in entry]
        results[most_rows] = weights(model), losses, faulty.rows, run
    whole, parts = results[None], results[1]
    assert torch.allclose(whole[0], parts[0], rtol=1e-6, atol=0)
    assert parts[1] == pytest.approx(whole[1], rel=1e-5)
    assert parts[2][:3] == [4, 2, 1]
    assert set(parts[2][3:]) == {1}
    assert parts[3].extension(OomGuard).micro_batch_parts == 4
    assert parts[3].summary() == {"parts of a micro-batch, to fit into memory": 4}
    assert "Out of memory at step 1 with 4 rows in a forward pass (CUDA out of memory." in caplog.text
    assert "at most 2 rows and 2 times the accumulation" in caplog.text
    assert "at most 1 rows and 4 times the accumulation" in caplog.text


def test_out_of_memory_in_a_later_micro_batch_repeats_the_update_from_its_start(tmp_path):
    model = tiny_model("bert").double()
    Faulty(model, without_dropout=True)
    plain = trainer(tmp_path / "plain", model, gradient_accumulation_steps=4, optim="sgd")
    plain.train()
    other = tiny_model("bert").double()
    faulty = Faulty(other, without_dropout=True)
    inner = faulty.forward

    def full_at_the_third(input_ids=None, attention_mask=None, labels=None):
        if faulty.calls == 3:
            raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory")
        return inner(input_ids=input_ids, attention_mask=attention_mask, labels=labels)

    faulty.forward = full_at_the_third
    run = trainer(tmp_path / "parts", other, gradient_accumulation_steps=4, optim="sgd")
    run.train()
    assert faulty.rows == [4, 4, 4, 2, 2, 2, 2, 2, 2, 2, 2]
    assert torch.allclose(weights(model), weights(other), rtol=1e-6, atol=0)
    losses = [[e["loss"] for e in x.state.log_history if "loss" in e] for x in (plain, run)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_the_random_state_is_that_of_the_steps_start(tmp_path, model):
    inner, ends = model.forward, []

    def fails_after_drawing(input_ids=None, attention_mask=None, labels=None):
        output = inner(input_ids=input_ids, attention_mask=attention_mask, labels=labels)
        if labels is None:  # the trainer's own look at what the network does with padding
            return output
        ends.append(torch.get_rng_state())
        if len(input_ids) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return output

    model.forward = fails_after_drawing
    start = []
    run = trainer(tmp_path, model, max_steps=1)
    guard = run.extension(OomGuard)
    micro_batch = guard.micro_batch

    def begin(*args, **kwargs):
        start.append(torch.get_rng_state())
        return micro_batch(*args, **kwargs)

    guard.micro_batch = begin
    run.train()
    assert not torch.equal(ends[0], start[0])  # the pass that did not fit had drawn its dropout
    assert torch.equal(start[0], start[1])


def test_a_single_row_that_does_not_fit_says_what_to_do(tmp_path, model):
    Faulty(model, most_rows=0)
    with pytest.raises(TrainingError, match=r"with 1 rows .*A single row does not fit: shorten the texts"):
        trainer(tmp_path, model).train()


def test_out_of_memory_in_evaluation_says_what_to_do(tmp_path, model):
    run = trainer(tmp_path, model, per_device_eval_batch_size=8)
    Faulty(model, most_rows=4)
    text = r"Out of memory in evaluation, with 8 rows .*Lower training\.per_device_eval_batch_size.*No checkpoint was saved"
    with pytest.raises(TrainingError, match=text):
        run.evaluate(named_rows())


def test_out_of_memory_in_the_optimizer_says_what_to_do(tmp_path, model, monkeypatch):
    def full(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    monkeypatch.setattr(torch.optim.AdamW, "step", full)
    with pytest.raises(TrainingError, match=r"at step 1, outside of the forward and backward passes.*training\.optim"):
        trainer(tmp_path, model).train()


def test_other_errors_pass_through(tmp_path, model):
    def breaks(**_):
        raise RuntimeError("a shape is wrong")

    model.forward = lambda input_ids=None, attention_mask=None, labels=None: breaks()
    with pytest.raises(RuntimeError, match="a shape is wrong"):
        trainer(tmp_path, model).train()


@pytest.mark.parametrize("own", ["function", "method"])
def test_a_loss_that_is_not_ours_is_not_cut_into_parts(tmp_path, model, own):
    def mean(outputs, labels, num_items_in_batch=None):
        return nn.functional.cross_entropy(outputs.logits, labels)

    class Own(TransferTrainer):
        def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
            outputs = model(**inputs)
            return (outputs.loss, outputs) if return_outputs else outputs.loss

    Faulty(model, most_rows=2)
    arguments = trainer(tmp_path).args
    kind, changes = (Own, {}) if own == "method" else (TransferTrainer, {"compute_loss_func": mean})
    run = kind(model, arguments, collate, train_dataset=named_rows(), **changes)
    with pytest.raises(
        TrainingError, match=r"with 4 rows .*The loss is your own \(compute_loss, or compute_loss_func\)"
    ):
        run.train()


def test_the_loss_of_a_task_is_cut_into_parts(tmp_path, model):
    from nlp_transfer.tasks.classification.losses import single_label_loss
    from nlp_transfer.training.losses import update_mean

    weights_of = {}
    for most_rows in (None, 2):
        network = tiny_model("bert").double()
        Faulty(network, most_rows=most_rows, without_dropout=True)
        arguments = trainer(tmp_path / str(most_rows), optim="sgd", max_steps=1).args
        loss = update_mean(single_label_loss)
        TransferTrainer(network, arguments, collate, train_dataset=named_rows(), compute_loss_func=loss).train()
        weights_of[most_rows] = weights(network)
    assert torch.allclose(weights_of[None], weights_of[2], rtol=1e-6, atol=0)


@pytest.mark.slow
def test_out_of_memory_on_one_or_both_of_two_processes_makes_the_same_updates(tmp_path):
    worker = Path(__file__).with_name("oom_updates.py")
    done = launched(worker, tmp_path, processes=2, seconds=240)
    assert done.returncode == 0, done.stderr[-3000:]
    ranks = [np.load(tmp_path / f"{rank}.npz") for rank in (0, 1)]
    for accumulation in (1, 2):
        whole = ranks[0][f"weights/none/{accumulation}"]
        assert not np.allclose(whole, weights(tiny_model("bert").double()).numpy(), rtol=1e-3)
        for name, parts in (("one", [1, 2]), ("both", [2, 2])):
            key = f"{name}/{accumulation}"
            assert [int(rank[f"parts/{key}"]) for rank in ranks] == parts
            assert [int(rank[f"rows/{key}"]) for rank in ranks] == [4 // count for count in parts]
            for rank in ranks:
                np.testing.assert_allclose(rank[f"weights/{key}"], whole, rtol=1e-6)
            np.testing.assert_allclose(ranks[0][f"losses/{key}"], ranks[0][f"losses/none/{accumulation}"], rtol=1e-5)


def test_there_is_no_way_back_once_gradients_are_shared(tmp_path, model):
    guard = trainer(tmp_path).extension(OomGuard)
    update = OptimizerStep([], [], torch.tensor(0.0))
    assert not guard.can_begin_again(model, update)  # sharded in a way that is not DDP's

    class Shared(DistributedDataParallel):
        def __init__(self, shares):
            nn.Module.__init__(self)
            self.require_backward_grad_sync = shares

    update.in_backward = True
    assert guard.can_begin_again(Shared(False), update)
    assert not guard.can_begin_again(Shared(True), update)
    update.in_backward = False
    assert guard.can_begin_again(Shared(True), update)


def test_a_micro_batch_that_does_not_fit_is_halved():
    rows = []

    def step(model, batch, num_items):
        rows.append(len(batch["x"]))
        if len(batch["x"]) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return batch["x"].sum()

    batch = {"x": torch.tensor([1.0, 2.0, 4.0, 8.0])}
    trainer = stand_in(current_step=OptimizerStep([batch], [[]], torch.tensor(0.0)), _tr_loss=torch.tensor(0.0))
    guard = attached(OomGuard(lambda: True, collective=False), trainer)
    assert guard.backward(step, nn.Linear(1, 1), batch, None) == 15.0
    assert rows == [4, 2, 1, 1, 1, 1]
    assert guard.summary() == {"parts of a micro-batch, to fit into memory": 4}
    assert guard.state_dict() == {"micro_batch_parts": 4}


@pytest.mark.parametrize("retries", [False, True])
def test_out_of_memory_that_transformers_retries_is_left_to_it(retries):
    guard = attached(OomGuard(lambda: True, collective=False), stand_in(args={"auto_find_batch_size": retries}))
    with pytest.raises(RuntimeError if retries else TrainingError, match="CUDA out of memory"), guard.training():
        raise torch.OutOfMemoryError("CUDA out of memory.")
