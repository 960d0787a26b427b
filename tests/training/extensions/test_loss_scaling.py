"""What a loss counts in its update, the user's own, too; whole updates are in test_one_update.py."""

import pytest
import torch
from accelerate import Accelerator
from torch import nn
from torch.nn import functional
from transformers import Seq2SeqTrainer, Seq2SeqTrainingArguments, Trainer, TrainingArguments

from nlp_transfer import Seq2SeqTransferArguments, Seq2SeqTransferTrainer, TransferArguments, TransferTrainer
from nlp_transfer.data.encoding.tokens import IGNORE_INDEX
from nlp_transfer.errors import ConfigError, TrainingError
from nlp_transfer.methods import DANN
from nlp_transfer.training.extensions.loss_scaling import LossScaling
from nlp_transfer.training.losses import update_mean
from nlp_transfer.training.optimizer_step import REPEATED, OptimizerStep, overrides
from nlp_transfer.training.seams import TransferSeams
from tests.tiny_models import collate, random_rows, tiny_model
from tests.tiny_writers import pad_pairs, pairs, tiny_writer
from tests.training.stand_in import attached, stand_in

ROWS = random_rows(16)


def arguments(folder, cls=TransferArguments, steps=1, **changes):
    values = {
        "output_dir": str(folder),
        "use_cpu": True,
        "max_steps": 1,
        "per_device_train_batch_size": 16 // steps,
        "gradient_accumulation_steps": steps,
        "train_sampling_strategy": "sequential",
        "logging_steps": 1,
        "report_to": "none",
        "save_strategy": "no",
        "disable_tqdm": True,
        **changes,
    }
    return cls(**values)


def network():
    model = tiny_model("bert")
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    model.config.attention_probs_dropout_prob = 0.0
    return model


def mean(trainer, model, inputs, count):
    return model(**inputs).loss


def total(trainer, model, inputs, count):
    return functional.cross_entropy(model(**inputs).logits, inputs["labels"], reduction="sum") / count


def either(trainer, model, inputs, count):
    return mean(trainer, model, inputs, count) if count is None else total(trainer, model, inputs, count)


def handed_to_the_model(trainer, model, inputs, count):
    return model(**inputs, num_items_in_batch=count).loss  # which ignores it


def of_the_trainer(trainer, model, inputs, count):
    return super(type(trainer), trainer).compute_loss(model, inputs, num_items_in_batch=count)


def with_a_penalty(trainer, model, inputs, count):
    loss, outputs = super(type(trainer), trainer).compute_loss(model, inputs, return_outputs=True)
    return loss + outputs["logits"].square().mean() / 10


def looking(trainer, model, inputs, count):
    assert count is None or (count > 0 and count and count.cpu().dim() == 0 and count != 0)
    return mean(trainer, model, inputs, count)


def by_a_copy(trainer, model, inputs, count):
    return total(trainer, model, inputs, count.to(model.device).float().detach())


def by_the_number(trainer, model, inputs, count):
    return total(trainer, model, inputs, int(count))


LOSSES = [
    *(mean, total, either, handed_to_the_model, of_the_trainer, with_a_penalty),
    *(looking, by_a_copy, by_the_number),
]


def own(loss, base=TransferTrainer, **attributes):
    """A subclass of a trainer whose `compute_loss` is the function."""

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        value = loss(self, model, inputs, num_items_in_batch)
        return (value, model(**inputs)) if return_outputs else value

    return type("Own", (base,), {"compute_loss": compute_loss, "__module__": __name__, **attributes})


def logged(cls, folder, steps=1, args=TransferArguments, **changes):
    """(loss, gradient norm) of the first step."""
    run = cls(network(), arguments(folder, args, steps), collate, train_dataset=ROWS, **changes)
    run.train()
    entry = run.state.log_history[0]
    return pytest.approx([entry["loss"], entry["grad_norm"]], rel=1e-3)


def by_hand(loss):
    """The loss of all rows at once, and the norm of its gradient."""
    model, batch = network().train(), collate(list(ROWS))
    outputs = model(**batch)
    value = outputs.loss + (outputs.logits.square().mean() / 10 if loss is with_a_penalty else 0.0)
    value.backward()
    norm = torch.stack([p.grad.norm() for p in model.parameters() if p.grad is not None]).norm()
    return [value.item(), norm.item()]


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.__name__)
def test_an_own_loss_is_the_same_update_with_accumulation(loss, tmp_path):
    expected = by_hand(loss)
    assert expected == logged(own(loss, Trainer), tmp_path, args=TrainingArguments)
    assert expected == logged(own(loss), tmp_path)
    assert expected == logged(own(loss), tmp_path, steps=4)


def test_what_a_subclass_declares_is_kept(tmp_path):
    value, norm = by_hand(mean)
    assert [4 * value, 4 * norm] == logged(own(mean, loss_is_scaled_for_ga=True), tmp_path, steps=4)
    assert [value, norm] == logged(own(mean, loss_is_scaled_for_ga=False), tmp_path, steps=4)
    assert [value / 4, norm / 4] == logged(own(total, loss_is_scaled_for_ga=False), tmp_path, steps=4)
    # The loss of TransferTrainer is a mean that it weighs, whatever is declared.
    assert [value, norm] == logged(own(of_the_trainer, loss_is_scaled_for_ga=False), tmp_path, steps=4)
    assert [value, norm] == logged(own(of_the_trainer, loss_is_scaled_for_ga=True), tmp_path, steps=4)


def test_a_trainer_keeps_what_it_was_made_with(tmp_path):
    run = own(mean)(network(), arguments(tmp_path, steps=4), collate, train_dataset=ROWS)
    run.loss_is_scaled_for_ga = False
    run.train()
    assert run.loss_is_scaled_for_ga is False
    assert "compute_loss" not in vars(run)


def test_a_loss_that_was_put_on_the_trainer_is_an_own_one(tmp_path):
    run = TransferTrainer(network(), arguments(tmp_path, steps=4), collate, train_dataset=ROWS)
    put = lambda model, inputs, return_outputs=False, num_items_in_batch=None: model(**inputs).loss  # noqa: E731
    run.compute_loss = put
    run.train()
    assert [run.state.log_history[0][name] for name in ("loss", "grad_norm")] == pytest.approx(by_hand(mean), rel=1e-3)
    assert run.compute_loss is put


def test_a_trainer_between_the_mixin_and_transformers_computes_its_own_loss(tmp_path):
    theirs = own(mean, Trainer)
    mixed = type("Mixed", (TransferSeams, theirs), {"__module__": __name__})
    assert by_hand(mean) == logged(mixed, tmp_path, steps=4)


def test_a_trainer_that_takes_loss_arguments_from_the_model_by_hand_is_divided_once(tmp_path):
    """As trainers of preferences and embeddings do after `__init__`."""

    class Theirs(own(mean)):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.model_accepts_loss_kwargs = False

    assert by_hand(mean) == logged(Theirs, tmp_path, steps=2)


def test_a_step_that_is_written_out_divides_by_itself(tmp_path):
    class Written(TransferTrainer):
        def training_step(self, model, inputs, num_items_in_batch=None):
            model.train()
            loss = self.compute_loss(model, self._prepare_inputs(inputs)) / self.current_gradient_accumulation_steps
            self.accelerator.backward(loss)
            return loss.detach()

    assert by_hand(mean) == logged(Written, tmp_path, steps=4)


@pytest.mark.parametrize("divides", [True, False])
def test_a_loss_function_need_not_use_the_count(divides, tmp_path):
    def function(outputs, labels, num_items_in_batch=None):
        losses = functional.cross_entropy(outputs.logits, labels, reduction="none")
        return losses.sum() / num_items_in_batch if divides else losses.mean()

    for steps in (1, 4):
        assert by_hand(mean) == logged(TransferTrainer, tmp_path, steps, compute_loss_func=function)


def test_micro_batches_of_other_sizes_count_by_their_rows(tmp_path):
    args = arguments(tmp_path, per_device_train_batch_size=6, gradient_accumulation_steps=3)
    run = TransferTrainer(network(), args, collate, train_dataset=ROWS)  # of 6, 6 and 4 rows
    run.train()
    assert [run.state.log_history[0][name] for name in ("loss", "grad_norm")] == pytest.approx(by_hand(mean), rel=1e-3)


# ---- evaluation ----


@pytest.mark.parametrize("divides", [True, False])
def test_a_loss_function_is_not_multiplied_by_the_processes_in_evaluation(divides, tmp_path, monkeypatch):
    def function(outputs, labels, num_items_in_batch=None):
        losses = functional.cross_entropy(outputs.logits, labels, reduction="none")
        return losses.sum() / num_items_in_batch / 2 if divides else losses.mean()  # both processes have the rows

    made = {}
    for base, args in ((Trainer, TrainingArguments), (TransferTrainer, TransferArguments)):
        made[base] = base(network(), arguments(tmp_path, args), collate, compute_loss_func=function)
    monkeypatch.setattr(Accelerator, "num_processes", 2)
    batch = collate(list(ROWS))
    losses = {
        base: float(trainer.prediction_step(trainer.model.eval(), dict(batch), False)[0])
        for base, trainer in made.items()
    }
    expected = network().eval()(**batch).loss.item()
    assert losses[TransferTrainer] == pytest.approx(expected, rel=1e-5)
    assert losses[Trainer] == pytest.approx(expected if divides else 2 * expected, rel=1e-5)


def doubled(base):
    class Doubled(base):
        def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
            loss, outputs = super().compute_loss(model, inputs, return_outputs=True)
            return (2 * loss, outputs) if return_outputs else 2 * loss

    return Doubled


def stepped(base):
    class Stepped(base):
        def prediction_step(self, *args, **kwargs):
            loss, *others = super().prediction_step(*args, **kwargs)
            return (loss + 1.0, *others)

    return Stepped


@pytest.mark.parametrize("changed", [doubled, stepped])
def test_the_evaluation_loss_is_the_users(changed, tmp_path):
    losses = {}
    for base, args in ((Trainer, TrainingArguments), (TransferTrainer, TransferArguments)):
        made = changed(base)(network(), arguments(tmp_path, args, per_device_eval_batch_size=4), collate)
        losses[base] = made.evaluate(ROWS.select(range(7)))["eval_loss"]
    plain = functional.cross_entropy(
        network().eval()(**collate(list(ROWS.select(range(7))))).logits, torch.tensor(ROWS["labels"][:7])
    ).item()
    expected = 2 * plain if changed is doubled else plain + 1.0
    assert losses == pytest.approx({Trainer: expected, TransferTrainer: expected}, rel=1e-5)


@pytest.mark.parametrize("changed", [doubled, stepped])
def test_the_evaluation_loss_of_a_writer_is_the_users(changed, tmp_path):
    losses = {}
    for base, args in (
        (Seq2SeqTrainer, Seq2SeqTrainingArguments),
        (Seq2SeqTransferTrainer, Seq2SeqTransferArguments),
    ):
        changes = {"train_sampling_strategy": "random", "per_device_eval_batch_size": 4}
        made = changed(base)(tiny_writer("t5"), arguments(tmp_path, args, **changes), pad_pairs)
        losses[base] = made.evaluate(pairs(8, seed=5))["eval_loss"]
    assert losses[Seq2SeqTransferTrainer] == pytest.approx(losses[Seq2SeqTrainer], rel=1e-6)


def test_the_best_checkpoint_is_chosen_by_the_users_loss(tmp_path):
    class Rising(TransferTrainer):
        def prediction_step(self, *args, **kwargs):
            loss, *others = super().prediction_step(*args, **kwargs)
            return (0.0 * loss + self.state.global_step, *others)

    args = arguments(
        tmp_path,
        max_steps=3,
        learning_rate=1e-3,
        eval_strategy="steps",
        eval_steps=1,
        save_strategy="steps",
        save_steps=1,
        load_best_model_at_end=True,
    )
    run = Rising(network(), args, collate, train_dataset=ROWS, eval_dataset=ROWS)
    run.train()
    assert (run.state.best_global_step, run.state.best_metric) == (1, 1.0)


# ---- methods, parts ----


def test_an_own_loss_and_a_method_for_a_target_are_refused(tmp_path):
    target = ROWS.remove_columns("labels")
    with pytest.raises(ConfigError, match="Own has a compute_loss of its own, and methods for a target domain need"):
        own(mean)(network(), arguments(tmp_path), collate, train_dataset=ROWS, target_dataset=target, methods=[DANN()])


def without_terms(folder, cls=TransferTrainer):
    target = ROWS.remove_columns("labels")
    run = cls(network(), arguments(folder), collate, train_dataset=ROWS, target_dataset=target, methods=[DANN()])
    return run, run.model.classifier.weight.clone()


def test_a_step_without_the_terms_of_a_method_is_refused(tmp_path):
    class Stepped(TransferTrainer):
        calls = False

        def training_step(self, model, inputs, num_items_in_batch=None):
            loss = self.compute_loss(model, inputs) if self.calls else model(**inputs).loss
            self.accelerator.backward(loss)
            return loss.detach()

    run, before = without_terms(tmp_path, Stepped)
    with pytest.raises(
        TrainingError,
        match=r"^Step 1: Stepped has a training_step of its own, which never calls TransferTrainer's compute_loss, so "
        r"dann had no effect on the loss\. The weights did not take this update\.",
    ):
        run.train()
    assert torch.equal(run.model.classifier.weight, before)
    run, _ = without_terms(tmp_path, type("Calling", (Stepped,), {"calls": True, "__module__": __name__}))
    run.train()
    assert "dann_loss" in run.state.log_history[0]


def test_a_loss_that_is_put_on_the_trainer_in_place_of_a_methods_is_refused(tmp_path):
    run, before = without_terms(tmp_path)
    run.compute_loss = lambda model, inputs, *_, **__: model(**inputs).loss
    with pytest.raises(TrainingError, match=r"TransferTrainer has a compute_loss of its own, which never calls"):
        run.train()
    assert torch.equal(run.model.classifier.weight, before)
    run, _ = without_terms(tmp_path)
    ours = run.compute_loss
    run.compute_loss = lambda model, inputs, **kwargs: 2 * ours(model, inputs, **kwargs)
    run.train()
    assert "dann_loss" in run.state.log_history[0]


def test_a_trainer_of_writers_has_no_loss_of_its_own(tmp_path):
    changes = {"train_sampling_strategy": "random", "max_tokens_per_forward": 24}
    run = Seq2SeqTransferTrainer(
        tiny_writer("t5"), arguments(tmp_path, Seq2SeqTransferArguments, **changes), pad_pairs, train_dataset=pairs(16)
    )
    assert run.extension(LossScaling).is_additive()
    run.train()
    assert run.state.global_step == 1
    assert not doubled(Seq2SeqTransferTrainer)(run.model, run.args, pad_pairs).extension(LossScaling).is_additive()


def test_out_of_memory_of_a_writer_makes_the_same_update_in_parts(tmp_path):
    entries = []
    for most_rows in (None, 2):
        model = tiny_writer("t5")
        whole = model.forward

        def fits(*args, input_ids=None, whole=whole, most=most_rows, **kwargs):
            if most is not None and len(input_ids) > most:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
            return whole(*args, input_ids=input_ids, **kwargs)

        model.forward = fits
        args = arguments(tmp_path, Seq2SeqTransferArguments, steps=2, remove_unused_columns=False)
        run = Seq2SeqTransferTrainer(model, args, pad_pairs, train_dataset=pairs(16))
        run.train()
        entries.append([run.state.log_history[0][name] for name in ("loss", "grad_norm")])
    assert entries[1] == pytest.approx(entries[0], rel=1e-5)


# ---- rows that count on another process ----


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
    trainer.current_step = OptimizerStep([batch], [[]], torch.tensor(0.0), items=items)
    loss = trainer.training_step(model, batch, items)
    gradients = [p.grad for p in model.parameters() if p.requires_grad]
    assert all(gradient is not None for gradient in gradients)  # else other processes would wait for them
    return float(loss.detach()), max(float(gradient.abs().max()) for gradient in gradients)


def test_a_repeated_row_has_no_weight_and_is_in_no_count(tmp_path):
    batch = collate(list(random_rows(1)))
    own = update_mean(lambda logits, labels: nn.functional.cross_entropy(logits, labels, reduction="none"))
    for loss in (None, own):
        trainer = trainer_of(tmp_path, tiny_model("bert"), compute_loss_func=loss)
        repeated = {**batch, REPEATED: True}
        trainer._tr_loss = torch.tensor(0.0)
        _, items = trainer.get_batch_samples(iter([batch, repeated]), 2, torch.device("cpu"))
        assert float(trainer.current_step.items) == 1
        assert items is None if loss is None else int(items) == 1
        assert loss_and_gradient(trainer, repeated, torch.tensor(3.0)) == (0.0, 0.0)
        value, gradient = loss_and_gradient(trainer, dict(batch), torch.tensor(3.0))
        assert value > 0 and gradient > 0
        assert REPEATED in repeated


def test_a_loss_of_nothing_but_itself_has_no_weight_either(tmp_path):
    trainer = trainer_of(tmp_path, Plain(), train_dataset=[{"x": [1.0]}])
    batch = {"x": torch.ones(1, 1), REPEATED: True}
    assert loss_and_gradient(trainer, batch, torch.tensor(3.0)) == (0.0, 0.0)


def test_whose_methods_they_are(tmp_path):
    assert not overrides(trainer_of(tmp_path, tiny_model("bert")), "compute_loss")
    assert overrides(trainer_of(tmp_path, tiny_model("bert"), own(mean)), "compute_loss")
    assert not overrides(Seq2SeqTransferTrainer.__new__(Seq2SeqTransferTrainer), "prediction_step")


def test_only_a_row_of_an_update_is_marked_as_repeated_and_none_of_an_evaluation(tmp_path):
    rows = random_rows(4)
    trainer = TransferTrainer(network(), arguments(tmp_path), train_dataset=rows, data_collator=collate)
    loader = type("Loader", (), {"end_of_dataloader": True, "remainder": -1})()
    trainer.accelerator.gradient_state._add_dataloader(loader)
    trainer._tr_loss = torch.zeros(())
    trainer._repeats_last = lambda: True  # as after training on rows that do not divide over the processes
    batches, _ = trainer.get_batch_samples(iter([collate(rows)]), 1, trainer.args.device)
    assert REPEATED in batches[0]
    evaluated = [collate(rows)]
    trainer._get_num_items_in_batch(evaluated, trainer.args.device)
    assert REPEATED not in evaluated[0]


def test_a_mean_counts_by_its_share_of_the_items():
    batches = [{"labels": torch.tensor([0, 1, IGNORE_INDEX])}, {"labels": torch.tensor([1])}]
    trainer = stand_in(tiny_model("bert"), compute_loss_func=None, loss_is_scaled_for_ga=None, label_names=["labels"])
    trainer.current_step = OptimizerStep(batches, [[], []], torch.tensor(0.0))
    scaling = attached(LossScaling(), trainer)
    trainer.compute_loss = lambda model, batch: scaling.loss(lambda *_: torch.tensor(6.0), model, batch, False, None)
    scaling.prepare_step(batches)
    step = lambda model, batch, num_items: trainer.compute_loss(model, batch)  # noqa: E731
    assert [float(scaling.backward(step, trainer.model, batch, None)) for batch in batches] == [4.0, 2.0]
    assert trainer.loss_is_scaled_for_ga is None
