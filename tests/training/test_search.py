"""Trainers beside a trainer: what they begin with, how they differ, who is chosen, and what is refused."""

import copy
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from transformers import EarlyStoppingCallback, Trainer, TrainingArguments, set_seed

from nlp_transfer import (
    TransferArguments,
    TransferTrainer,
)
from nlp_transfer.errors import CheckpointError, ConfigError, TrainingError
from nlp_transfer.methods import CORAL, DANN, FrozenEncoder, Joint, LoRA, PartialFineTuning
from nlp_transfer.methods.base import Method
from tests.tiny_models import collate_with_labels_or_without, random_rows, tiny_model

TRAIN, VALIDATION = random_rows(24), random_rows(12, seed=1)
LABELLED = random_rows(20, seed=2)
TARGET = LABELLED.remove_columns("labels")
WEIGHTS = [0.1, 100.0]


def arguments(folder: Path, **changes: Any) -> TransferArguments:
    given = {
        "output_dir": str(folder),
        "use_cpu": True,
        "report_to": "none",
        "disable_tqdm": True,
        "num_train_epochs": 2,
        "per_device_train_batch_size": 8,
        "learning_rate": 1e-2,
        "eval_strategy": "epoch",
        "save_strategy": "epoch",
        "load_best_model_at_end": True,
        "metric_for_best_model": "target_infomax",
    }
    return TransferArguments(**{**given, **changes})


def trainer(folder: Path, methods: list[Method], **changes: Any) -> TransferTrainer:
    args = changes.pop("args", None) or arguments(folder)
    if not changes.keys() & {"model", "model_init"}:
        changes["model"] = tiny_model("bert")
    given = {
        "train_dataset": TRAIN,
        "eval_dataset": VALIDATION,
        "target_dataset": TARGET,
    }
    return TransferTrainer(
        args=args, data_collator=collate_with_labels_or_without, methods=methods, **{**given, **changes}
    )


def same_weights(one: Trainer, other: Trainer) -> bool:
    ours, theirs = (side.model.state_dict() for side in (one, other))  # type: ignore[union-attr]
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


def begun(folder: Path, methods: list[Method], **changes: Any) -> TransferTrainer:
    """A trainer whose methods draw the same first weights, whatever was drawn before."""
    if not changes.keys() & {"model", "model_init"}:
        changes["model"] = tiny_model("bert")
    set_seed(5)
    return trainer(folder, methods, **changes)


def by_hand(folder: Path, methods: list[Method], **changes: Any) -> TransferTrainer:
    made = begun(folder, methods, **changes)
    made.train()
    return made


@pytest.mark.parametrize("model_init", [False, True])
def test_the_best_value_is_chosen_and_is_what_that_value_alone_makes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model_init: bool
) -> None:
    said: list[str] = []
    monkeypatch.setattr("nlp_transfer.training.search.log_message", said.append)
    made = {"model_init": lambda: tiny_model("bert")} if model_init else {}
    first = begun(tmp_path / "run", [LoRA(r=2), DANN(gamma=1.0)], **made)
    set_seed(6)  # no matter
    best = first.search({"methods.dann.weight": WEIGHTS})
    alone = [by_hand(tmp_path / f"{weight}", [LoRA(r=2), DANN(gamma=1.0, weight=weight)], **made) for weight in WEIGHTS]
    scores = [one.state.best_metric for one in alone]
    assert scores[0] != scores[1]
    expected = max(range(2), key=lambda i: scores[i])  # type: ignore[arg-type, return-value]
    assert best.state.best_metric == scores[expected]
    assert same_weights(best, alone[expected])
    assert not same_weights(best, alone[1 - expected])
    assert best.methods == (LoRA(r=2), DANN(gamma=1.0, weight=WEIGHTS[expected]))
    folders = [tmp_path / "run/candidates" / f"methods.dann.weight={weight}" for weight in WEIGHTS]
    assert said == [
        *(
            f"Candidate {i + 1} of 2, methods.dann.weight {WEIGHTS[i]}: target_infomax {scores[i]:.4g} ({folders[i]})."
            for i in range(2)
        ),
        f"Chosen by target_infomax: methods.dann.weight {WEIGHTS[expected]}.",
    ]
    assert sorted((tmp_path / "run/candidates").iterdir()) == sorted(folders)
    assert best.args.output_dir == str(folders[expected])
    assert first.methods == (LoRA(r=2), DANN(gamma=1.0))
    assert first.state.global_step == 0


def test_a_loss_is_better_where_it_is_lower_and_arguments_are_chosen_too(tmp_path: Path) -> None:
    args = arguments(tmp_path / "run", metric_for_best_model="loss")
    rates = [1e-2, 1e-5]
    best = trainer(tmp_path, [DANN()], args=args).search(
        {"training.learning_rate": rates, "methods.dann.weight": [0.1]}
    )
    losses = [
        by_hand(
            tmp_path / f"{rate}",
            [DANN(weight=0.1)],
            args=arguments(tmp_path / f"{rate}", metric_for_best_model="loss", learning_rate=rate),
        ).state.best_metric
        for rate in rates
    ]
    assert losses[0] != losses[1]
    assert best.state.best_metric == min(losses)  # type: ignore[type-var]
    assert best.args.learning_rate == rates[losses.index(min(losses))]  # type: ignore[type-var]
    assert args.learning_rate == 1e-2


def test_a_choice_goes_on_where_it_was_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = {"methods.dann.weight": WEIGHTS}
    whole = trainer(tmp_path / "whole", [DANN()]).search(values)
    steps: list[float] = []
    stock = TransferTrainer.training_step

    def step(self: TransferTrainer, *args: Any, **kwargs: Any) -> Any:
        if len(steps) == 10:  # 3 updates an epoch: in the second candidate's second epoch
            raise KeyboardInterrupt
        steps.append(self.methods[0].weight)  # type: ignore[attr-defined]
        return stock(self, *args, **kwargs)

    monkeypatch.setattr(TransferTrainer, "training_step", step)
    run = trainer(tmp_path / "run", [DANN()])
    with pytest.raises(KeyboardInterrupt):
        run.search(values)
    monkeypatch.setattr(TransferTrainer, "training_step", stock)
    with pytest.raises(CheckpointError, match=re.escape(f"weight={WEIGHTS[0]} holds checkpoints of an earlier")):
        run.search(values)
    monkeypatch.setattr(TransferTrainer, "training_step", step)
    steps[:] = []
    again = run.search(values, resume=True)
    assert steps == [WEIGHTS[1]] * 3  # one epoch of the second
    assert again.methods == whole.methods
    assert again.state.best_metric == whole.state.best_metric
    assert same_weights(again, whole)


@pytest.mark.parametrize("methods", [[DANN()], [LoRA(r=2), CORAL()], [Joint()]], ids=["dann", "lora+coral", "joint"])
@pytest.mark.parametrize("metric", ["target_infomax", "loss"])
def test_the_source_alone_is_the_same_recipe_without_the_target(
    tmp_path: Path, methods: list[Method], metric: str
) -> None:
    joint = isinstance(methods[-1], Joint)
    target = LABELLED if joint else TARGET
    args = arguments(tmp_path / "run", metric_for_best_model=metric)
    adapted = by_hand(tmp_path, methods, args=args, target_dataset=target)
    alone = adapted.train_source_only()
    assert alone.args.output_dir == str(tmp_path / "run/source_only")
    assert alone.methods == tuple(methods[:-1])
    expected = by_hand(
        tmp_path / "hand",
        methods[:-1],
        args=arguments(tmp_path / "hand", metric_for_best_model=metric),
        target_dataset=TARGET if metric == "target_infomax" else None,
    )
    assert same_weights(alone, expected)
    assert not same_weights(alone, adapted)
    steps = alone.state.global_step
    with pytest.raises(CheckpointError, match=r"source_only holds checkpoints of an earlier training\. Go on from"):
        adapted.train_source_only()
    again = adapted.train_source_only(resume=True)
    assert again.state.global_step == steps == 6
    assert same_weights(again, alone)


def test_a_trainer_ends_as_if_none_had_been_trained_beside_it_before(tmp_path: Path) -> None:
    methods: list[Method] = [LoRA(r=2), DANN()]
    first = begun(tmp_path / "run", methods)
    first.train_source_only()
    first.search({"methods.dann.weight": [0.1]})
    first.train()
    assert same_weights(first, by_hand(tmp_path / "hand", methods))


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"training": {"learning_rate": 1e-3}}, r"training\.learning_rate: 0\.01 -> 0\.001\.$"),
        (
            {"training": {"metric_for_best_model": "loss"}},
            r"training\.metric_for_best_model: target_infomax -> loss; ",
        ),
        (
            {"train_dataset": TRAIN.select(range(12))},
            r"train_dataset: 24 rows, [0-9a-f]{64} -> 12 rows, [0-9a-f]{64}\.$",
        ),
        ({"eval_dataset": LABELLED}, r"eval_dataset: 12 rows, [0-9a-f]{64} -> 20 rows, [0-9a-f]{64}\.$"),
        (
            {"target_dataset": TARGET.select(range(19))},
            r"target_dataset: 20 rows, [0-9a-f]{64} -> 19 rows, [0-9a-f]{64}\.$",
        ),
        ({"model": tiny_model("bert", seed=1)}, r"first weights: [0-9a-f]{64} -> [0-9a-f]{64}\.$"),
    ],
    ids=["arguments", "metric", "train", "validation", "target", "weights"],
)
def test_what_was_trained_from_something_else_is_not_gone_on_with(
    tmp_path: Path, changes: dict[str, Any], difference: str
) -> None:
    values = {"methods.dann.weight": [0.1]}
    trainer(tmp_path, [DANN()]).search(values)
    args = arguments(tmp_path, **changes.pop("training", {}))
    with pytest.raises(CheckpointError, match=rf"weight=0\.1 holds checkpoints of another training\. .*{difference}"):
        trainer(tmp_path, [DANN()], args=args, **changes).search(values, resume=True)


def test_arguments_count_as_they_are_now_and_those_without_effect_do_not(tmp_path: Path) -> None:
    first = trainer(tmp_path, [DANN()])
    alone = first.train_source_only()
    args = arguments(tmp_path, logging_steps=7, save_total_limit=2, run_name="other")
    assert same_weights(trainer(tmp_path, [DANN()], args=args).train_source_only(resume=True), alone)
    first.args.learning_rate = 1e-3
    with pytest.raises(CheckpointError, match=r"training\.learning_rate: 0\.01 -> 0\.001\.$"):
        first.train_source_only(resume=True)
    flipped = [*TRAIN["labels"][:23], 0]
    rows = TRAIN.remove_columns("labels").add_column("labels", flipped)  # type: ignore[call-arg]
    with pytest.raises(CheckpointError, match=r"train_dataset: 24 rows, [0-9a-f]{64} -> 24 rows, [0-9a-f]{64}\.$"):
        trainer(tmp_path, [DANN()], train_dataset=rows).train_source_only(resume=True)


def test_checkpoints_without_a_record_are_not_gone_on_with(tmp_path: Path) -> None:
    trainer(tmp_path, [DANN()]).train_source_only()
    (tmp_path / "source_only/recipe.json").unlink()
    with pytest.raises(
        CheckpointError, match=r"source_only holds checkpoints, and recipe\.json, which would say what of"
    ):
        trainer(tmp_path, [DANN()]).train_source_only(resume=True)


class Louder(TransferTrainer):
    """A user's own, which hands on what it does not know."""

    def __init__(self, *args: Any, times: float = 1.0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.times = times

    def create_optimizer(self, *args: Any, **kwargs: Any) -> Any:
        optimizer = super().create_optimizer(*args, **kwargs)
        for group in optimizer.param_groups:
            group["lr"] *= self.times
        return optimizer


class Halved(TransferTrainer):
    """A user's own, which changes rows and callbacks by itself."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["callbacks"] = [*(kwargs.get("callbacks") or []), EarlyStoppingCallback(9)]
        super().__init__(*args, **kwargs)
        self.train_dataset = TRAIN.select(range(12))


class Bound(TransferTrainer):
    """A user's own, which says itself what its methods are."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, methods=[DANN()], **kwargs)


class Folded(TransferTrainer):
    """A user's own, which takes nothing else."""

    def __init__(self, folder: str) -> None:
        super().__init__(
            tiny_model("bert"),
            arguments(Path(folder)),
            collate_with_labels_or_without,
            TRAIN,
            VALIDATION,
            target_dataset=TARGET,
            methods=[DANN()],
        )


def test_a_users_own_trainer_is_made_with_its_own_arguments(tmp_path: Path) -> None:
    def louder(folder: Path, times: float) -> Louder:
        return Louder(
            tiny_model("bert"),
            arguments(folder),
            collate_with_labels_or_without,
            TRAIN,
            VALIDATION,
            times=times,
            target_dataset=TARGET,
            methods=[DANN()],
        )

    alone = louder(tmp_path / "run", 50.0).train_source_only()
    assert (type(alone), alone.times) == (Louder, 50.0)
    assert not same_weights(alone, louder(tmp_path / "other", 1.0).train_source_only())
    with pytest.raises(ConfigError, match=r"Folded does not take what they need by name \(.*'args'\)\. Let its"):
        Folded(str(tmp_path / "folded")).train_source_only()


def test_a_users_own_trainer_changes_each_once(tmp_path: Path) -> None:
    given: dict[str, Any] = {"eval_dataset": VALIDATION, "target_dataset": TARGET}
    made = Halved(
        tiny_model("bert"), arguments(tmp_path), collate_with_labels_or_without, TRAIN, methods=[DANN()], **given
    )
    alone = made.train_source_only()
    assert len(alone.train_dataset) == 12  # type: ignore[arg-type]
    assert sum(isinstance(one, EarlyStoppingCallback) for one in alone.callback_handler.callbacks) == 1
    bound = Bound(tiny_model("bert"), arguments(tmp_path / "b"), collate_with_labels_or_without, TRAIN, **given)
    with pytest.raises(
        ConfigError, match=r"Bound does not take what they need by name \(.*multiple values .*'methods'"
    ):
        bound.train_source_only()


def test_rows_that_were_changed_since_are_those_of_the_trainers_beside(tmp_path: Path) -> None:
    made = trainer(tmp_path / "run", [DANN()])
    made.train_dataset = TRAIN.select(range(8))
    expected = by_hand(tmp_path / "hand", [], train_dataset=TRAIN.select(range(8)))
    assert same_weights(made.train_source_only(), expected)


def test_layers_that_the_model_lacks_are_found_before_any_is_trained(tmp_path: Path) -> None:
    made = trainer(tmp_path / "run", [PartialFineTuning(layers=1), DANN()])
    with pytest.raises(ConfigError, match=r"^search: .*9"):
        made.search({"methods.partial_fine_tuning.layers": [1, 9]})
    assert not list((tmp_path / "run").iterdir())


def test_an_update_of_one_row_is_found_before_any_is_trained(tmp_path: Path) -> None:
    made = trainer(tmp_path / "run", [CORAL()])
    with pytest.raises(
        ConfigError, match=r"^search: coral compares the rows of an update .*, and an update has one row"
    ):
        made.search({"training.per_device_train_batch_size": [8, 1]})
    assert not list((tmp_path / "run").iterdir())


def test_the_folder_of_many_values_has_a_short_name(tmp_path: Path) -> None:
    one = {f"methods.dann.{name}": [value] for name, value in (("weight", 0.1), ("gamma", 1.0), ("hidden_size", 8))}
    others = {f"training.{name}": [value] for name, value in (("weight_decay", 0.1), ("max_grad_norm", 2.0))}
    best = trainer(tmp_path, [DANN()]).search({**one, **others})
    name = Path(str(best.args.output_dir)).name
    assert re.fullmatch(r"methods\.dann\.weight=0\.1,methods\.dann\.gamma=1\.0,.{40,60}…[0-9a-f]{12}", name)


def test_a_candidate_without_a_score_ends_the_choice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nlp_transfer.training.extensions.checkpoint_selection.infomax", lambda *_, **__: float("nan"))
    with pytest.raises(
        TrainingError, match=r"^Candidate 1 of 1, methods\.dann\.weight 0\.1: target_infomax is -?[a-zN]+, by"
    ):
        trainer(tmp_path, [DANN()]).search({"methods.dann.weight": [0.1]})


def test_shares_by_distance_to_the_target_are_by_size_without_it(tmp_path: Path) -> None:
    from datasets import ClassLabel

    rows = TRAIN.add_column("domain", [0, 1] * 12).cast_column("domain", ClassLabel(names=["a", "b"]))  # type: ignore[call-arg]
    args = arguments(tmp_path, metric_for_best_model="loss", source_weights="distance")
    alone = trainer(tmp_path, [DANN()], args=args, train_dataset=rows).train_source_only()
    assert alone.args.source_weights == "size"
    assert args.source_weights == "distance"


def test_a_callback_that_counts_begins_anew(tmp_path: Path) -> None:
    stopping = EarlyStoppingCallback(1)
    args = arguments(tmp_path / "run", num_train_epochs=8)
    adapted = trainer(tmp_path, [DANN()], args=args, callbacks=[stopping])
    adapted.train()
    stopping.early_stopping_patience_counter = 1
    alone = adapted.train_source_only()
    expected = by_hand(
        tmp_path / "hand",
        [],
        args=arguments(tmp_path / "hand", num_train_epochs=8),
        callbacks=[EarlyStoppingCallback(1)],
    )
    assert alone.state.global_step == expected.state.global_step > 3
    assert same_weights(alone, expected)


def test_where_there_is_nothing_to_begin_with_or_nothing_to_leave_out(tmp_path: Path) -> None:
    args = arguments(tmp_path, metric_for_best_model="loss")
    without = trainer(tmp_path, [], args=args, target_dataset=None)
    with pytest.raises(ConfigError, match=r"^No method of this trainer uses the target"):
        without.train_source_only()
    with pytest.raises(
        ConfigError, match=r"cannot be made: its model is trained in place\. Give model_init=lambda: …, which"
    ):
        without.search({"training.learning_rate": [1e-3]})


@pytest.mark.parametrize(
    ("values", "problems"),
    [
        ({}, ['search was given no values; expected such as {"methods.dann.weight": [0.03, 0.1]}.']),
        (
            {"methods.dan.weight": [1.0]},
            ["search: methods.dan.weight: Unknown method 'dan'. Did you mean 'dann'? Methods: dann."],
        ),
        (
            {"methods.dann.weigth": [1.0]},
            [
                "search: methods.dann.weigth: Unknown key 'weigth'. Did you mean 'weight'? Keys: gamma, hidden_size, "
                "learning_rate, weight."
            ],
        ),
        (
            {"methods.dann.weight": [-1.0, "x"]},
            [
                "search: dann.weight is -1.0; expected 0 or more.",
                "search: methods.dann.weight is 'x'; expected float.",
            ],
        ),
        ({"methods.dann.weight": 0.1}, ["search.methods.dann.weight is 0.1; expected a list of values."]),
        (
            {"methods.dann": [1]},
            ["search: methods.dann: Unknown key ''. Keys: gamma, hidden_size, learning_rate, weight."],
        ),
        (
            {"training.learning_rate": [-1.0, "x"]},
            [
                "search: training.learning_rate is -1.0; expected 0 or more.",
                "search: training.learning_rate is 'x'; expected float.",
            ],
        ),
        (
            {"training.optim": ["sgd"]},
            [
                "search: training.optim cannot be chosen here; expected one of learning_rate, num_train_epochs, "
                "max_steps, per_device_train_batch_size, gradient_accumulation_steps, weight_decay, warmup_steps, "
                "max_grad_norm, adam_beta1, adam_beta2, adam_epsilon. Make a trainer for each."
            ],
        ),
        (
            {"training.per_device_train_batch_size": [8, 8.5], "training.warmup_steps": [-5]},
            [
                "search: training.warmup_steps is -5.0; expected 0 or more.",
                "search: training.per_device_train_batch_size is 8.5; expected int.",
            ],
        ),
        (
            {"dann.weight": [0.1], "learning_rate": [0.1]},
            [
                "search: dann.weight is not whole. Did you mean methods.dann.weight?",
                "search: learning_rate is not whole. Did you mean training.learning_rate?",
            ],
        ),
        ([("a", 1)], ["search was given [('a', 1)]; expected such as {\"methods.dann.weight\": [0.03, 0.1]}."]),
        (
            {1: [0.1]},
            [
                "search: 1 cannot be chosen; expected a path such as methods.dann.weight or training.learning_rate. "
                "Other values change what is compared, and the best seed is luck."
            ],
        ),
        (
            {"training.seed": [1], "methods.dann.weight": [], "training.weight_decay": [0.1, 0.1]},
            [
                "search: training.seed cannot be chosen; expected a path such as methods.dann.weight or "
                "training.learning_rate. Other values change what is compared, and the best seed is luck.",
                "search.methods.dann.weight is empty; expected a list of values.",
                "search.training.weight_decay has 0.1 more than once; each would be trained. Leave one.",
            ],
        ),
    ],
)
def test_values_that_cannot_be_chosen_are_all_named_before_any_is_trained(
    tmp_path: Path, values: dict[str, list[Any]], problems: list[str]
) -> None:
    run = trainer(tmp_path / "run", [DANN()])
    with pytest.raises(ConfigError) as caught:
        run.search(values)
    assert caught.value.problems == problems
    assert not list((tmp_path / "run").iterdir())


def test_an_unknown_argument_is_named_with_the_nearest(tmp_path: Path) -> None:
    run = trainer(tmp_path, [DANN()])
    with pytest.raises(
        ConfigError, match=r"training\.learning_rat: Unknown key 'learning_rat'\. Did you mean 'learning_rate'"
    ):
        run.search({"training.learning_rat": [1.0]})


def test_a_choice_needs_something_to_choose_by_and_something_to_train(tmp_path: Path) -> None:
    args = arguments(tmp_path, load_best_model_at_end=False)
    with pytest.raises(ConfigError, match=r"^search needs something to choose by: set training\.metric_for_best_model"):
        trainer(tmp_path, [DANN()], args=args).search({"methods.dann.weight": [1.0]})
    fitted = trainer(
        tmp_path,
        [FrozenEncoder()],
        args=arguments(tmp_path, metric_for_best_model="loss"),
        target_dataset=None,
    )
    with pytest.raises(ConfigError, match=r"^search: frozen_encoder trains nothing by gradient"):
        fitted.search({"training.learning_rate": [1.0]})


def test_stock_arguments_and_an_optimizer_of_one_model_are_refused(tmp_path: Path) -> None:
    stock = TrainingArguments(output_dir=str(tmp_path), use_cpu=True, report_to="none")
    with pytest.raises(
        ConfigError, match=r"^args are TrainingArguments, and others beside this trainer need TransferArg"
    ):
        trainer(tmp_path, [DANN()], args=stock).train_source_only()
    model: nn.Module = tiny_model("bert")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(ConfigError, match=r"cannot be made: optimizers are of one model's weights\. Leave them out;"):
        trainer(tmp_path, [], model=model, optimizers=(optimizer, None)).search({"training.weight_decay": [0.1]})
    made = trainer(tmp_path, [DANN()])
    context = copy.copy(made.context)
    with pytest.raises(ConfigError, match=r"cannot be made: it was given a context, as a configuration's run does"):
        trainer(tmp_path, [DANN()], context=context, target_dataset=None).train_source_only()
