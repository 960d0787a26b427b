"""Average an adapted model with its source-only baseline, weight by weight: a model soup of two.

    theta = (theta_adapted + theta_source_only) / 2

Both began with the same weights. The mean predicts at the cost of one model, and where adaptation does harm it loses
less (configs/README.md).
Reference: Wortsman et al. (2022), https://arxiv.org/abs/2203.05482
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from datasets import Dataset
from peft import PeftModel
from transformers import Trainer

from nlp_transfer.data.corpus import calibration_split
from nlp_transfer.errors import ConfigError
from nlp_transfer.models.weight_averaging import Weights, average, shape_differences
from nlp_transfer.tasks import FittedTask
from nlp_transfer.tasks.saved_models import load
from nlp_transfer.training.scoring import calibrate
from nlp_transfer.training.trainer import TransferTrainer


def average_with(trainer: TransferTrainer, source_only: Trainer) -> None:
    """Set the weights of a trained model to the mean of its own and those of its source-only baseline.

    Args:
        trainer: the trainer whose methods used the target.
        source_only: a trainer of the same network and initial weights, without them.

    Raises:
        ConfigError: a model has an adapter, is sharded or was corrected by `correct_prior`, or the networks differ.

    Example:
        >>> recipe = {"args": arguments, "methods": [DANN()], "target_dataset": target_rows}
        >>> adapted = make_trainer(**recipe)
        >>> adapted.train().global_step
        16
        >>> average_with(adapted, train_source_only(make_trainer, **recipe))
    """
    if any(getattr(one, "prior_corrected", False) for one in (trainer, source_only)):
        raise ConfigError("average_with comes before correct_prior, which changed the last layer of one model.")
    check_whole_weights(source_only)
    _average(trainer, source_only.accelerator.unwrap_model(source_only.model).state_dict())


def average_with_saved(
    trainer: TransferTrainer, task: FittedTask, encoded: Mapping[str, Mapping[str, Dataset]], source_only: Path
) -> None:
    """Do the same with the model folder of a source-only run, on all processes together.

    A saved model is calibrated, so the trained one is calibrated before.
    """
    if calibration_split(encoded["source"]) in encoded["source"]:
        calibrate(trainer, task, encoded)
    network: Any = load(source_only).model  # type: ignore[attr-defined]  # every predictor of PyTorch has one
    _average(trainer, network.state_dict())


def check_whole_weights(trainer: Trainer) -> None:
    """Check that each process has all weights of the model, and the model no adapter; raise ConfigError."""
    model = trainer.accelerator.unwrap_model(trainer.model)
    sharded = trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled
    for is_so, problem in (
        (sharded, "FSDP and DeepSpeed spread over processes"),
        (isinstance(model, PeftModel), "an adapter changes"),
    ):
        if is_so:
            raise ConfigError(
                f"The mean with the source-only model is of all weights, which {problem}. Train all weights on whole "
                "models; in a configuration, source_only_baseline: true leaves the mean out."
            )


def _average(trainer: TransferTrainer, weights: Weights) -> None:
    check_whole_weights(trainer)
    network = trainer.accelerator.unwrap_model(trainer.model)
    own = network.state_dict()
    if different := shape_differences(own, weights):
        raise ConfigError(
            f"The source-only model has another network: {', '.join(different[:3])} differ. Expected one of the same "
            "recipe."
        )
    network.load_state_dict(average([own, {name: weight.to(own[name].device) for name, weight in weights.items()}]))
