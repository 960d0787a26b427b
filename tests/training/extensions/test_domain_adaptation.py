"""The trainer with a target domain: whose labels it sees, what it logs, and what goes wrong."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from nlp_transfer import TransferArguments, TransferTrainer
from nlp_transfer.data.encoding.label_columns import without_labels
from nlp_transfer.errors import ConfigError, DataError, TrainingError
from nlp_transfer.methods import (
    CORAL,
    DANN,
    MMD,
    FrozenEncoder,
    FullFineTuning,
    Joint,
    LoRA,
    MeanTeacher,
    PartialFineTuning,
    SelfTraining,
)
from nlp_transfer.methods.base import Method
from nlp_transfer.methods.pseudo_labels import PseudoLabels
from nlp_transfer.training.checkpoints import EXTENSIONS
from nlp_transfer.training.extensions.domain_adaptation import DomainAdaptation
from nlp_transfer.training.extensions.nonfinite_guard import NonfiniteGuard
from nlp_transfer.training.extensions.oom_guard import OomGuard
from nlp_transfer.training.target_batches import DOMAIN
from tests.tiny_models import FAMILIES, collate, random_rows, tiny_model
from tests.tiny_pretraining import tiny_tokenizer
from tests.training.stand_in import attached, stand_in

TARGET = without_labels(random_rows(14, seed=9))


def trainer(folder: Path, methods: list[Method] | Method, family: str = "bert", **given: Any) -> TransferTrainer:
    arguments: dict[str, Any] = {
        "output_dir": str(folder / "run"),
        "use_cpu": True,
        "per_device_train_batch_size": 4,
        "max_steps": 4,
        "learning_rate": 1e-2,
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "seed": 5,
    }
    values: dict[str, Any] = {"target_dataset": TARGET, "train_dataset": random_rows(12, seed=1)}
    names = ("target_dataset", "train_dataset", "eval_dataset", "compute_loss_func", "processing_class")
    values |= {key: given.pop(key) for key in names if key in given}
    return TransferTrainer(
        tiny_model(family, multi_label=given.pop("multi_label", False)),
        TransferArguments(**{**arguments, **given}),
        collate,
        methods=methods,
        **values,
    )


def weights(run: TransferTrainer) -> torch.Tensor:
    model: Any = run.model
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


# ---- whose labels ----


def test_target_labels_are_refused_where_no_method_asks_for_them(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"target_dataset has labels, and dann and mmd must not see them"):
        trainer(tmp_path, [DANN(), MMD()], target_dataset=random_rows(5))
    with pytest.raises(DataError, match=r"has no column 'labels' .*, and joint learns from labelled target rows"):
        trainer(tmp_path, [Joint()])


def test_a_target_that_nobody_uses_and_one_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="target_dataset was given, and nothing uses it"):
        trainer(tmp_path, [FullFineTuning()])
    with pytest.raises(ConfigError, match="target_dataset is missing: coral needs text of the target domain"):
        trainer(tmp_path, [CORAL()], target_dataset=None)
    with pytest.raises(DataError, match=r"^target_dataset has no rows; expected encoded texts\.$"):
        trainer(tmp_path, [CORAL()], target_dataset=TARGET.select([]))


def test_rows_of_which_nothing_can_be_learned_are_named(tmp_path: Path) -> None:
    ids = [*TARGET["input_ids"][:13], []]
    empty = TARGET.remove_columns("input_ids").add_column("input_ids", ids)  # type: ignore[call-arg]
    with pytest.raises(
        DataError, match=r"^target_dataset, row 13: it has no tokens \(input_ids is empty\)\. Leave such"
    ):
        trainer(tmp_path, [DANN()], target_dataset=empty)
    with pytest.raises(
        DataError,
        match=r"^train_dataset has no column 'labels' \(columns found: .*\), which dann and mmd need of source",
    ):
        trainer(tmp_path, [DANN(), MMD()], train_dataset=TARGET)


def test_joint_with_all_weight_on_one_domain_has_that_domains_gradient(tmp_path: Path) -> None:
    """Without dropout, one SGD step is the one on the source, or on the target rows, alone."""
    sgd = {"max_steps": 1, "optim": "sgd", "lr_scheduler_type": "constant", "train_sampling_strategy": "sequential"}

    def step(methods: list[Method], **given: Any) -> torch.Tensor:
        run = trainer(tmp_path, methods, **sgd, **given)
        model: Any = run.model
        for module in model.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0
        before = weights(run)
        run.train()
        return weights(run) - before

    target = random_rows(4, seed=9)
    plain = {"target_dataset": None}
    source_only, target_only = step([], **plain), step([], train_dataset=target, **plain)
    assert (source_only - target_only).norm() > 0.1 * source_only.norm()
    for weight, expected in ((1.0, source_only), (0.0, target_only)):
        found = step([Joint(source_weight_start=weight)], target_dataset=target)
        torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-4)


def test_all_weight_on_the_source_is_a_run_on_the_source_to_the_bit(tmp_path: Path) -> None:
    ends = []
    for methods, target in (([], None), ([Joint(source_weight_start=1.0)], random_rows(9, seed=9))):
        run = trainer(tmp_path, methods, target_dataset=target)
        run.train()
        ends.append(weights(run))
    assert torch.equal(ends[0], ends[1])
    for entry in run.state.log_history[:-1]:
        assert (entry["source_loss"], entry["joint_lambda"]) == (entry["loss"], 1.0)


def test_rows_that_are_no_encoded_texts_and_labels_that_are_none(tmp_path: Path) -> None:
    for target in (["a text", "another"], TARGET.remove_columns("input_ids")):
        with pytest.raises(
            DataError,
            match=r"^target_dataset is a (list|Dataset); expected a .* with a length and a column input_ids\.$",
        ):
            trainer(tmp_path, [DANN()], target_dataset=target)
    with pytest.raises(DataError, match=r"target_dataset, row 0: its label is 0\.5; expected a class id"):
        trainer(tmp_path, [Joint()], target_dataset=TARGET.add_column("labels", [0.5] * len(TARGET)))
    with pytest.raises(
        DataError, match=r"target_dataset, row 1: its label is 3; expected a class id of the source, 0 to 2"
    ):
        trainer(tmp_path, [Joint()], target_dataset=TARGET.add_column("labels", [0, 3] * (len(TARGET) // 2)))
    several = random_rows(12, multi_label=True, seed=1)
    for label, expected in (
        ([1.0, 0.0], r"\[1\.0, 0\.0\]; expected a list of 3 numbers"),
        (1, "1; expected a list of 3 num"),
    ):
        with pytest.raises(DataError, match=f"target_dataset, row 0: its label is {expected}"):
            trainer(
                tmp_path,
                [Joint()],
                multi_label=True,
                train_dataset=several,
                target_dataset=TARGET.add_column("labels", [label] * len(TARGET)),
            )
    with pytest.raises(DataError, match="target_dataset has labels, and dann must not see them"):
        trainer(tmp_path, [DANN()], target_dataset=TARGET.add_column("label_ids", [0] * len(TARGET)))


def test_self_training_that_never_gives_a_label_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    said = "self_training: training ends before the first epoch with pseudo-labels."
    trainer(tmp_path, [SelfTraining()], max_steps=3).train()  # three updates are an epoch
    assert caplog.text.count(said) == 1
    caplog.clear()
    trainer(tmp_path, [SelfTraining()], max_steps=4).train()
    assert said not in caplog.text


def test_a_column_label_is_what_labels_is(tmp_path: Path) -> None:
    """As collators of transformers have it, of the source's rows and of a target's that joint asks for."""

    def collated(rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        return collate(
            [{("labels" if name == "label" else name): value for name, value in row.items()} for row in rows]
        )

    source, target = random_rows(12, seed=1), random_rows(9, seed=9)
    for methods, beside in ([[DANN(), SelfTraining()], TARGET], [[Joint()], target]):
        ends = []
        for renamed in ({}, {"labels": "label"}):
            rows = {
                name: given.rename_columns(renamed if "labels" in given.column_names else {})
                for name, given in (("train_dataset", source), ("target_dataset", beside))
            }
            run = trainer(tmp_path, methods, num_train_epochs=2, max_steps=-1, **rows)
            run.data_collator = run._given["collator"] = collated
            assert run.context is not None
            run.context = replace(run.context, collate=collated)
            run.train()
            ends.append(weights(run))
        assert torch.equal(ends[0], ends[1])


def test_one_method_may_stand_alone(tmp_path: Path) -> None:
    assert trainer(tmp_path, DANN()).methods == (DANN(),)


def test_a_target_without_a_length(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"^target_dataset is a IterableDataset; expected a .*Dataset with a length"):
        trainer(tmp_path, [DANN()], target_dataset=TARGET.to_iterable_dataset())


@pytest.mark.parametrize("methods", [[MMD()], [CORAL(), DANN()]])
def test_rows_that_have_nothing_to_be_compared_with(methods: list[Method], tmp_path: Path) -> None:
    message = f"{methods[0].name} compares the rows of an update with one another, and an update has one row. Raise"
    with pytest.raises(ConfigError, match=message):
        trainer(tmp_path, methods, per_device_train_batch_size=1)
    trainer(tmp_path, methods, per_device_train_batch_size=1, gradient_accumulation_steps=2)
    with pytest.raises(ConfigError, match=f"target_dataset has one row, and {methods[0].name} compares rows with one"):
        trainer(tmp_path, methods, target_dataset=TARGET.select([0]))


# ---- composition ----


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_adapts(family: str, tmp_path: Path) -> None:
    run = trainer(tmp_path, [DANN(), MMD()], family, max_steps=2)
    before = weights(run)
    run.train()
    assert not torch.equal(weights(run), before)
    first = run.state.log_history[0]
    assert first["loss"] == pytest.approx(first["source_loss"] + first["dann_loss"] + first["mmd_loss"])


@pytest.mark.parametrize("method", [LoRA(r=2), LoRA(r=2, layers=1), PartialFineTuning(layers=1)])
def test_what_is_frozen_stays_and_frozen_layers_are_cached_for_the_target_too(method: Method, tmp_path: Path) -> None:
    ends = []
    for cache in (False, True):
        run = trainer(
            tmp_path, [method, DANN(weight=1.0)], optim="sgd", num_train_epochs=3, max_steps=-1, activation_cache=cache
        )
        model: Any = run.model
        frozen = {name: p.detach().clone() for name, p in model.named_parameters() if not p.requires_grad}
        run.train()
        assert frozen
        assert all(torch.equal(p, frozen[name]) for name, p in model.named_parameters() if name in frozen)
        ends.append(weights(run))
        used = run.summary().get("activation_cache", {}).get("used", False)  # type: ignore[union-attr]
        assert used is (cache and getattr(method, "layers", None) is not None)
    torch.testing.assert_close(ends[1], ends[0], atol=1e-5, rtol=1e-5)


def test_multi_label_with_a_discriminator(tmp_path: Path) -> None:
    run = trainer(tmp_path, [DANN()], multi_label=True, train_dataset=random_rows(12, multi_label=True, seed=1))
    run.train()
    assert {"source_loss", "dann_loss", "dann_strength"} <= set(run.state.log_history[0])


def test_a_method_that_trains_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match="frozen_encoder fits the model before the training with dann, which would do"
    ):
        trainer(tmp_path, [FrozenEncoder(), DANN()], eval_dataset=random_rows(5))


def test_a_loss_of_ones_own_and_label_smoothing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="compute_loss_func was given, and methods for a target domain need the loss"):
        trainer(tmp_path, [DANN()], compute_loss_func=lambda *_, **__: torch.zeros(()))
    with pytest.raises(ConfigError, match="dann cannot be used here: label_smoothing_factor is set"):
        trainer(tmp_path, [DANN()], label_smoothing_factor=0.1).train()


# ---- networks, log, checkpoints ----


def test_the_discriminator_trains_at_its_own_rate_and_is_not_in_the_model(tmp_path: Path) -> None:
    run = trainer(tmp_path, [DANN(learning_rate=0.5, hidden_size=8)], save_strategy="steps", save_steps=4)
    assert run.networks is not None
    first = {name: value.clone() for name, value in run.networks.state_dict().items()}
    run.train()
    last = run.networks.state_dict()
    assert all(not torch.equal(last[name], first[name]) for name in first)
    assert run.optimizer.param_groups[-1]["initial_lr"] == 0.5
    checkpoint = tmp_path / "run" / "checkpoint-4"
    saved = {name.partition(".")[2]: value for name, value in load_file(checkpoint / EXTENSIONS).items()}
    assert all(torch.equal(saved[name], last[name]) for name in last)
    assert not [
        name for name in load_file(checkpoint / "model.safetensors") if "dann" in name or "discriminator" in name
    ]


def test_first_weights_of_a_discriminator_depend_on_the_seed_alone_and_move_no_other_random_number(
    tmp_path: Path,
) -> None:
    def made(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
        torch.manual_seed(77)
        run = trainer(tmp_path, [DANN(hidden_size=4)], seed=seed)
        torch.manual_seed(78)
        assert run.networks is not None
        return run.networks.state_dict()["dann.layers.0.weight"], torch.rand(1)

    assert torch.equal(made(1)[0], made(1)[0])
    assert not torch.equal(made(1)[0], made(2)[0])


def test_the_log_has_means_since_the_last_logged_step(tmp_path: Path) -> None:
    each = trainer(tmp_path, [MMD(weight=0.5)])
    each.train()
    every_second = trainer(tmp_path, [MMD(weight=0.5)], logging_steps=2)
    every_second.train()
    losses = [entry["mmd_loss"] for entry in each.state.log_history if "mmd_loss" in entry]
    means = [entry["mmd_loss"] for entry in every_second.state.log_history if "mmd_loss" in entry]
    assert len(losses) == 4
    assert means == pytest.approx([(losses[0] + losses[1]) / 2, (losses[2] + losses[3]) / 2])


def test_dropout_is_the_same_in_both_forward_passes_of_an_update(tmp_path: Path) -> None:
    """With a batch in passes, features are collected first: the second forward must make the same ones."""
    run = trainer(tmp_path, [MMD()], max_tokens_per_forward=40)
    seen: list[torch.Tensor] = []
    model: Any = run.model
    model.classifier.register_forward_pre_hook(
        lambda module, args: seen.append(args[0].detach()) if module.training else None
    )
    assert any(module.p > 0 for module in model.modules() if isinstance(module, nn.Dropout))
    run.args.max_steps = 1
    run.train()
    assert len(seen) > 2
    half = len(seen) // 2
    assert all(torch.equal(one, other) for one, other in zip(seen[:half], seen[half:], strict=True))


# ---- pseudo-labels ----


def test_pseudo_labels_are_the_models_own_at_the_start_of_an_epoch(tmp_path: Path) -> None:
    methods: list[Method] = [SelfTraining(first_share=0.5, last_share=1.0, least_probability=0.0)]
    run = trainer(tmp_path, methods, num_train_epochs=3, max_steps=-1, train_sampling_strategy="sequential")
    seen: list[list[int]] = []
    batches = run.get_batch_samples

    def noted(*args: Any, **kwargs: Any) -> Any:
        made, items = batches(*args, **kwargs)
        seen.append(made[0]["labels"][4:].tolist())
        return made, items

    run.get_batch_samples = noted  # type: ignore[method-assign]
    taught: list[torch.Tensor] = []
    pseudo_labels = run.extension(PseudoLabels)
    label = pseudo_labels.begin_epoch

    def noting(epoch: int) -> None:
        model: Any = run.model
        model.eval()
        with torch.no_grad():
            rows = [{**row, "labels": 0} for row in TARGET]
            taught.append(torch.cat([model(**collate([row])).logits for row in rows]).argmax(-1))
        model.train()
        label(epoch)

    pseudo_labels.begin_epoch = noting  # type: ignore[method-assign]
    run.train()
    assert all(labels == [-100] * 4 for labels in seen[:3])  # the first epoch is the source's
    assert pseudo_labels.labels is not None
    assert torch.equal(pseudo_labels.labels, taught[2])  # a share of 1 keeps all
    places = run.extension(DomainAdaptation).order.take(4 * 6, 12)
    assert [x for labels in seen[6:] for x in labels] == [int(taught[2][row]) for row in places]
    half = {int(taught[1][row]) for row in run.extension(DomainAdaptation).order.take(4 * 3, 12)} | {-100}
    assert {x for labels in seen[3:6] for x in labels} <= half
    logged = [entry for entry in run.state.log_history if "self_training_loss" in entry]
    assert len(logged) == 6 or len(logged) == 5  # an update may have no labelled row


def test_pseudo_labels_go_with_a_checkpoint_and_with_dann(tmp_path: Path) -> None:
    values: dict[str, Any] = {"num_train_epochs": 3, "max_steps": -1, "save_strategy": "steps", "save_steps": 1}
    methods: list[Method] = [SelfTraining(least_probability=0.0), DANN()]
    run = trainer(tmp_path, methods, **values)
    run.train()
    for step in (4, 5, 6):
        again = trainer(tmp_path, methods, **values)
        again.train(resume_from_checkpoint=str(tmp_path / "run" / f"checkpoint-{step}"))
        assert torch.equal(weights(again), weights(run))
        labels, others = (one.extension(PseudoLabels).labels for one in (run, again))
        assert labels is not None and others is not None
        assert torch.equal(others, labels)


@pytest.mark.parametrize("others", [[], [CORAL()], [LoRA(r=2)], [PartialFineTuning(layers=1), SelfTraining()]])
def test_a_teacher_goes_with_a_checkpoint_and_with_other_methods(tmp_path: Path, others: list[Method]) -> None:
    values: dict[str, Any] = {"num_train_epochs": 2, "max_steps": -1, "save_strategy": "steps", "save_steps": 1}
    methods: list[Method] = [*others, MeanTeacher(ramp_up=0.0, mask_probability=0.3)]
    values["processing_class"] = tiny_tokenizer()
    run = trainer(tmp_path, methods, **values)
    run.train()
    logged = [entry for entry in run.state.log_history if "mean_teacher_loss" in entry]
    assert [entry["step"] for entry in logged] == [1, 2, 3, 4, 5, 6]
    assert all(entry["mean_teacher_loss"] > 0 and 0 <= entry["mean_teacher_confidence"] <= 1 for entry in logged)
    for step in (1, 4):
        again = trainer(tmp_path, methods, **values)
        again.train(resume_from_checkpoint=str(tmp_path / "run" / f"checkpoint-{step}"))
        assert torch.equal(weights(again), weights(run))


def test_pseudo_labels_of_several_labels_a_text(tmp_path: Path) -> None:
    rows = random_rows(12, multi_label=True, seed=1)
    values: dict[str, Any] = {"multi_label": True, "train_dataset": rows, "num_train_epochs": 3, "max_steps": -1}
    values |= {"save_strategy": "steps", "save_steps": 1}
    methods: list[Method] = [SelfTraining(first_share=0.3, last_share=0.6)]
    run = trainer(tmp_path, methods, **values)
    run.train()
    made = run.extension(PseudoLabels).labels
    assert made is not None
    assert made.shape == (len(TARGET), 3)
    kept = made[:, 0] >= 0
    assert 0 < int(kept.sum()) < len(TARGET)
    assert set(made[kept].flatten().tolist()) <= {0, 1}
    assert bool((made[~kept] == -1).all())
    assert any("self_training_loss" in entry for entry in run.state.log_history)
    again = trainer(tmp_path, methods, **values)
    again.train(resume_from_checkpoint=str(tmp_path / "run" / "checkpoint-8"))
    assert torch.equal(weights(again), weights(run))


def test_one_method_gives_target_rows_labels(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="joint and self_training each give target rows labels"):
        trainer(tmp_path, [SelfTraining(), Joint()], target_dataset=random_rows(5))


# ---- what goes wrong ----


class Fails(nn.Module):
    """Raises once, on the batch of that number."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number, self.calls = number, 0

    def hook(self, module: nn.Module, args: Any) -> None:
        self.calls += module.training
        if self.calls == self.number and module.training:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes")


def test_out_of_memory_makes_the_same_update_in_parts(tmp_path: Path) -> None:
    ends = []
    for number in (0, 2):
        run = trainer(tmp_path, [DANN(weight=1.0), MMD()], optim="sgd", max_grad_norm=0.0)
        model: Any = run.model
        for module in model.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0
        model.classifier.register_forward_pre_hook(Fails(number).hook)
        run.train()
        assert run.extension(OomGuard).micro_batch_parts == (2 if number else 1)
        assert run.networks is not None
        ends.append((weights(run), torch.cat([p.detach().flatten() for p in run.networks.parameters()])))
    torch.testing.assert_close(ends[1][0], ends[0][0], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(ends[1][1], ends[0][1], atol=1e-6, rtol=1e-6)


def ruin_second_update(run: TransferTrainer) -> None:
    adaptation = run.extension(DomainAdaptation)
    plain = adaptation.differentiate
    calls: list[int] = []

    def ruined(pooled: torch.Tensor, *rest: Any) -> torch.Tensor:
        calls.append(1)
        return plain(pooled * float("nan") if len(calls) == 2 else pooled, *rest)

    adaptation.differentiate = ruined  # type: ignore[method-assign]


def test_an_update_that_is_not_finite_reaches_neither_model_nor_discriminator(tmp_path: Path) -> None:
    run = trainer(tmp_path, [DANN(weight=1.0)])
    ruin_second_update(run)
    with pytest.raises(TrainingError, match="The loss became nan at step 2"):
        run.train()
    run = trainer(tmp_path, [DANN(weight=1.0)], on_nonfinite="skip")
    ruin_second_update(run)
    run.train()
    assert run.extension(NonfiniteGuard).skipped_updates == 1
    assert run.networks is not None
    assert all(bool(torch.isfinite(p).all()) for p in (*run.model.parameters(), *run.networks.parameters()))  # type: ignore[union-attr]


def test_batches_of_evaluation_have_no_target(tmp_path: Path) -> None:
    run = trainer(tmp_path, [DANN()])
    seen: list[Any] = []
    step = run.prediction_step
    run.prediction_step = lambda model, inputs, *a, **k: (seen.append(DOMAIN in inputs), step(model, inputs, *a, **k))[
        1
    ]  # type: ignore[method-assign]
    run.train()
    run.evaluate(random_rows(5))
    assert seen
    assert not any(seen)


def test_parts_of_the_loss_are_logged_as_means():
    adaptation = attached(DomainAdaptation(lambda batch: [batch]), stand_in(methods=(DANN(),)))
    adaptation._note({"dann_loss": 1.0})
    adaptation._note({"dann_loss": 2.0, "other": 5.0})
    assert adaptation.log({"eval_loss": 1.0}) == {"eval_loss": 1.0}
    again = attached(DomainAdaptation(lambda batch: [batch]), stand_in())
    again.load_state_dict(adaptation.state_dict())
    for one in (adaptation, again):
        assert one.log({"loss": 3.0}) == {"loss": 3.0, "dann_loss": 1.5, "other": 5.0}
        assert one.log({"loss": 3.0}) == {"loss": 3.0}
    with pytest.raises(TrainingError, match=r"^Step 1: .* has a compute_loss of its own.*dann had no effect"):
        adaptation.before_optimizer_step(torch.tensor(1.0), nn.Linear(1, 1))
