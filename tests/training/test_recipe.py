"""A recipe's trainer: how it is made, and what it does not resume from."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from datasets import ClassLabel
from transformers import TrainingArguments

from nlp_transfer import TransferTrainer, train_source_only
from nlp_transfer.errors import CheckpointError, ConfigError
from nlp_transfer.methods import CORAL, DANN, Joint, LoRA
from nlp_transfer.methods.base import Method
from nlp_transfer.training.recipe import Recipe
from tests.tiny_models import tiny_model
from tests.tiny_recipes import LABELLED, TARGET, TRAIN, arguments, by_hand, make_trainer, same_weights


def recipe(folder: Path, **changes: Any) -> Recipe:
    return Recipe(arguments(folder, **changes), (DANN(weight=0.1),), TARGET)


def test_a_recipe_trains_what_its_trainer_alone_trains(tmp_path: Path) -> None:
    made = Recipe.of(arguments(tmp_path / "run"), [LoRA(r=2), DANN()], TARGET).train(make_trainer, resume=False)
    assert same_weights(made, by_hand(tmp_path / "hand", [LoRA(r=2), DANN()]))


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
        (
            {"train_dataset": TRAIN.remove_columns("labels").add_column("labels", [*TRAIN["labels"][:23], 0])},
            r"train_dataset: 24 rows, [0-9a-f]{64} -> 24 rows, [0-9a-f]{64}\.$",
        ),
        ({"eval_dataset": LABELLED}, r"eval_dataset: 12 rows, [0-9a-f]{64} -> 20 rows, [0-9a-f]{64}\.$"),
        (
            {"target_dataset": TARGET.select(range(19))},
            r"target_dataset: 20 rows, [0-9a-f]{64} -> 19 rows, [0-9a-f]{64}\.$",
        ),
        ({"model_init": lambda: tiny_model("bert", seed=1)}, r"first weights: [0-9a-f]{64} -> [0-9a-f]{64}\.$"),
        ({"methods": (CORAL(),)}, r"methods: \[.*'dann'.*\] -> \[.*'coral'.*\]\.$"),
    ],
    ids=["arguments", "metric", "train", "labels", "validation", "target", "weights", "methods"],
)
def test_a_training_of_another_recipe_is_not_resumed(tmp_path: Path, changes: dict[str, Any], difference: str) -> None:
    recipe(tmp_path).train(make_trainer, resume=False)
    own = {name: changes.pop(name) for name in ("methods", "target_dataset") if name in changes}
    given = {"methods": (DANN(weight=0.1),), "target_dataset": TARGET, **own}
    other = Recipe(arguments(tmp_path, **changes.pop("training", {})), **given)
    with pytest.raises(CheckpointError, match=rf"holds checkpoints of another training\. .*{difference}"):
        other.train(partial(make_trainer, **changes), resume=True)


def test_arguments_without_effect_do_not_count(tmp_path: Path) -> None:
    trained = recipe(tmp_path).train(make_trainer, resume=False)
    others = recipe(tmp_path, logging_steps=7, save_total_limit=2, run_name="other")
    assert same_weights(others.train(make_trainer, resume=True), trained)


def test_checkpoints_without_a_record_are_not_resumed(tmp_path: Path) -> None:
    recipe(tmp_path).train(make_trainer, resume=False)
    with pytest.raises(CheckpointError, match=r"holds checkpoints of an earlier training\. Go on from"):
        recipe(tmp_path).train(make_trainer, resume=False)
    (tmp_path / "recipe.json").unlink()
    with pytest.raises(CheckpointError, match=r"recipe\.json, the record of what made the checkpoints, cannot be read"):
        recipe(tmp_path).train(make_trainer, resume=True)


def test_a_trainer_of_no_use_is_refused(tmp_path: Path) -> None:
    stock: Any = TrainingArguments(output_dir=str(tmp_path), use_cpu=True, report_to="none")
    with pytest.raises(ConfigError, match=r"^args are TrainingArguments; expected TransferArguments"):
        Recipe(stock, ())
    made = recipe(tmp_path)
    with pytest.raises(ConfigError, match="without model_init=lambda: …, which makes its model"):
        made.make(partial(make_trainer, model_init=None, model=tiny_model("bert")))
    with pytest.raises(ConfigError, match=r"^make_trainer made a trainer with other args or methods"):
        made.make(lambda args, **_: make_trainer(args=args, methods=[CORAL()], target_dataset=TARGET))


# ---- the source-only baseline ----


@pytest.mark.parametrize("methods", [[DANN()], [LoRA(r=2), CORAL()], [Joint()]], ids=["dann", "lora+coral", "joint"])
@pytest.mark.parametrize("metric", ["target_infomax", "loss"])
def test_the_source_alone_is_the_same_recipe_without_the_target(
    tmp_path: Path, methods: list[Method], metric: str
) -> None:
    target = LABELLED if isinstance(methods[-1], Joint) else TARGET
    args = arguments(tmp_path / "run", metric_for_best_model=metric)

    def baseline(*, resume: bool = False) -> TransferTrainer:
        return train_source_only(make_trainer, args=args, methods=methods, target_dataset=target, resume=resume)

    adapted, alone = by_hand(tmp_path, methods, args=args, target_dataset=target), baseline()
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
    with pytest.raises(CheckpointError, match=r"source_only holds checkpoints of an earlier training\. Go on from"):
        baseline()
    again = baseline(resume=True)
    assert again.state.global_step == alone.state.global_step == 6
    assert same_weights(again, alone)


def test_shares_by_distance_to_the_target_are_by_size_without_it(tmp_path: Path) -> None:
    rows = TRAIN.add_column("domain", [0, 1] * 12).cast_column("domain", ClassLabel(names=["a", "b"]))  # type: ignore[call-arg]
    args = arguments(tmp_path, metric_for_best_model="loss", source_weights="distance")
    made = partial(make_trainer, train_dataset=rows)
    alone = train_source_only(made, args=args, methods=DANN(), target_dataset=TARGET)
    assert alone.args.source_weights == "size"
    assert args.source_weights == "distance"


def test_a_recipe_without_the_target_has_no_baseline(tmp_path: Path) -> None:
    args = arguments(tmp_path, metric_for_best_model="loss")
    with pytest.raises(ConfigError, match=r"^No method uses the target"):
        train_source_only(make_trainer, args=args, methods=[LoRA(r=2)])
