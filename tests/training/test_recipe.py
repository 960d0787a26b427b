"""A recipe's trainer: how it is made, and what it does not resume from."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from transformers import TrainingArguments

from nlp_transfer.errors import CheckpointError, ConfigError
from nlp_transfer.methods import CORAL, DANN, LoRA
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
    with pytest.raises(CheckpointError, match=r"holds checkpoints, and recipe\.json, the record of their recipe"):
        recipe(tmp_path).train(make_trainer, resume=True)


def test_a_trainer_of_no_use_is_refused(tmp_path: Path) -> None:
    stock: Any = TrainingArguments(output_dir=str(tmp_path), use_cpu=True, report_to="none")
    with pytest.raises(ConfigError, match=r"^args are TrainingArguments; expected TransferArguments"):
        Recipe(stock, ())
    made = recipe(tmp_path)
    with pytest.raises(ConfigError, match=r"without model_init, .* Give it model_init=lambda: …, which makes one"):
        made.make(partial(make_trainer, model_init=None, model=tiny_model("bert")))
    with pytest.raises(ConfigError, match=r"^make_trainer made a trainer with other args or methods"):
        made.make(lambda args, **_: make_trainer(args=args, methods=[CORAL()], target_dataset=TARGET))
