"""Updates that are not finite or do not fit into memory."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from nlp_transfer import TransferArguments, TransferTrainer
from nlp_transfer.errors import ConfigError, TrainingError
from nlp_transfer.training.guarding import RowIds, Update, row_count, without_ids
from tests.tiny_models import collate, random_rows, tiny_model

ROWS = 16


def named_rows(count=ROWS):
    return random_rows(count).add_column("id", [f"row-{i}" for i in range(count)])


def trainer(folder, model=None, **changes):
    values = {
        "output_dir": str(folder),
        "use_cpu": True,
        "per_device_train_batch_size": 4,
        "num_train_epochs": 1,
        "learning_rate": 1e-2,
        "train_sampling_strategy": "sequential",
        "logging_steps": 1,
        "save_strategy": "steps",
        "save_steps": 1,
        "report_to": "none",
        "disable_tqdm": True,
        **changes,
    }
    return TransferTrainer(
        model or tiny_model("bert"), TransferArguments(**values), collate, train_dataset=named_rows()
    )


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()]).clone()


class Faulty:
    """Ruins or refuses some forward passes of a model, counted from 1."""

    def __init__(self, model, *, ruined=(), most_rows=None, without_dropout=False):
        self.model, self.ruined, self.most_rows, self.calls, self.rows = model, ruined, most_rows, 0, []
        if without_dropout:
            for module in model.modules():
                if isinstance(module, nn.Dropout):
                    module.p = 0.0
        self.forward, model.forward = model.forward, self

    def __call__(self, input_ids=None, attention_mask=None, labels=None):
        self.calls += 1
        self.rows.append(len(input_ids))
        if self.most_rows is not None and len(input_ids) > self.most_rows:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        out = self.forward(input_ids=input_ids, attention_mask=attention_mask, labels=labels)
        if self.calls in self.ruined:
            out.loss = out.loss * float("nan")
        return out


@pytest.fixture
def model():
    return tiny_model("bert")


def test_a_loss_that_is_not_finite_stops_before_the_weights_take_it(tmp_path, model):
    before = weights(model)
    Faulty(model, ruined=[2])
    run = trainer(tmp_path, model, gradient_accumulation_steps=2)
    text = (
        r"The loss became nan at step 1 \(epoch 0\.00\), with the rows row-4, row-5, row-6, row-7\. "
        r"The weights did not take this update\..*No checkpoint was saved before it\."
    )
    with pytest.raises(TrainingError, match=text):
        run.train()
    assert torch.equal(weights(model), before)


def test_the_last_good_checkpoint_stays(tmp_path, model):
    Faulty(model, ruined=[3])
    with pytest.raises(TrainingError, match=r"at step 3 .* row-8, .*The last good checkpoint is .*checkpoint-2\."):
        trainer(tmp_path, model).train()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-1", "checkpoint-2"]


def test_a_gradient_that_is_not_finite_stops_too(tmp_path, model):
    model.classifier.weight.register_hook(lambda gradient: gradient * float("inf"))
    with pytest.raises(
        TrainingError, match=r"The gradient is not finite, though the loss is, at step 1 .*row-0, row-1"
    ):
        trainer(tmp_path, model, max_grad_norm=0.0).train()


def test_skipping_leaves_the_update_out_and_counts_it(tmp_path, model):
    seen = []
    Faulty(model, ruined=[2])
    run = trainer(tmp_path, model, nonfinite="skip")
    original = run._maybe_log_save_evaluate

    def note(*args, **kwargs):
        seen.append(weights(model))
        return original(*args, **kwargs)

    run._maybe_log_save_evaluate = note
    run.train()
    assert torch.equal(seen[0], seen[1]) and not torch.equal(seen[1], seen[2])
    assert run.skipped_updates == 1
    assert run.guarded() == {"updates left out, not finite": 1}
    logged = [entry for entry in run.state.log_history if "loss" in entry]
    assert [entry["step"] for entry in logged] == [1, 3, 4]
    assert all(entry["loss"] > 0 for entry in logged)
    assert [entry.get("skipped_updates") for entry in logged] == [None, 1, 1]
    assert json.loads((tmp_path / "checkpoint-2" / "transfer_state.json").read_text())["counters"] == [
        {"micro_batch_parts": 1, "skipped_updates": 1}
    ]


def test_skipping_stops_after_its_bound(tmp_path, model):
    Faulty(model, ruined=[1, 2, 3])
    text = r"2 updates were left out before it, which is the most that training\.max_skipped_updates allows"
    with pytest.raises(TrainingError, match=text):
        trainer(tmp_path, model, nonfinite="skip", max_skipped_updates=2).train()


def test_a_negative_bound_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"max_skipped_updates is -1; expected 0 or more"):
        TransferArguments(output_dir=str(tmp_path), max_skipped_updates=-1)


@pytest.mark.parametrize("accumulation", [1, 2])
def test_out_of_memory_makes_the_same_update_in_smaller_parts(tmp_path, accumulation, caplog):
    results = {}
    for most_rows in (None, 1):
        model = tiny_model("bert").double()
        faulty = Faulty(model, most_rows=most_rows, without_dropout=True)
        run = trainer(
            tmp_path / str(most_rows), model, gradient_accumulation_steps=accumulation, optim="sgd", max_steps=2
        )
        with caplog.at_level("WARNING", logger="nlp_transfer.training.guarding"):
            run.train()
        losses = [entry["loss"] for entry in run.state.log_history if "loss" in entry]
        results[most_rows] = weights(model), losses, faulty.rows, run
    whole, parts = results[None], results[1]
    assert torch.allclose(whole[0], parts[0], rtol=1e-6, atol=0)
    assert parts[1] == pytest.approx(whole[1], rel=1e-5)
    assert parts[2][:3] == [4, 2, 1]
    assert set(parts[2][3:]) == {1}
    assert parts[3].micro_batch_parts == 4
    assert parts[3].guarded() == {"parts of a micro-batch, to fit into memory": 4}
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
        ends.append(torch.get_rng_state())
        if len(input_ids) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return output

    model.forward = fails_after_drawing
    start = []
    run = trainer(tmp_path, model, max_steps=1)
    super_step = run._micro_batch

    def begin(*args, **kwargs):
        start.append(torch.get_rng_state())
        return super_step(*args, **kwargs)

    run._micro_batch = begin
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


def test_ids_go_beside_the_batch_and_never_to_the_model():
    batch = RowIds(collate)(list(named_rows(3)))
    assert batch["row_ids"] == ["row-0", "row-1", "row-2"]
    assert set(without_ids(batch)) == {"input_ids", "attention_mask", "labels"}
    assert row_count(without_ids(batch)) == 3


def test_rows_without_ids_are_said_to_have_none(tmp_path, model):
    Faulty(model, ruined=[1])
    run = trainer(tmp_path, model)
    run.train_dataset = random_rows(ROWS)
    with pytest.raises(TrainingError, match=r"of which no ids are known \(the dataset has no column id\)"):
        run.train()


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
    from nlp_transfer.tasks.losses import single_label_loss
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
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(worker.parents[2])}
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    words = [*launcher, str(worker), str(tmp_path)]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False, timeout=240)
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
    run = trainer(tmp_path)
    update = Update([], torch.tensor(0.0))
    assert not run._can_begin_again(model, update)  # sharded in a way that is not DDP's

    class Shared(DistributedDataParallel):
        def __init__(self, shares):
            nn.Module.__init__(self)
            self.require_backward_grad_sync = shares

    update.in_backward = True
    assert run._can_begin_again(Shared(False), update)
    assert not run._can_begin_again(Shared(True), update)
    update.in_backward = False
    assert run._can_begin_again(Shared(True), update)
