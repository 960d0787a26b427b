"""The source-only baseline of a recipe: the same training without the target."""

from functools import partial
from pathlib import Path

import pytest
from datasets import ClassLabel

from nlp_transfer import TransferTrainer, train_source_only
from nlp_transfer.errors import CheckpointError, ConfigError
from nlp_transfer.methods import CORAL, DANN, Joint, LoRA
from nlp_transfer.methods.base import Method
from tests.tiny_recipes import LABELLED, TARGET, TRAIN, arguments, by_hand, make_trainer, same_weights


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
