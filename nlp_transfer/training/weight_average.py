"""Average an adapted model with its source-only baseline, weight by weight: a model soup of two.

    theta = (theta_adapted + theta_source_only) / 2

Both began with the same weights. The mean predicts at the cost of one model, and where adaptation does harm it loses
less (configs/README.md).
Reference: Wortsman et al. (2022), https://arxiv.org/abs/2203.05482
"""

import logging
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

log = logging.getLogger(__name__)


def average_with(trainer: Trainer, source_only: Trainer) -> None:
    """Set the weights of a trained model to the mean of its own and those of its source-only baseline.

    Args:
        trainer: the trainer whose methods used the target.
        source_only: another trainer of the same network and initial weights, without them.

    Raises:
        ConfigError: a model has an adapter or was corrected by `correct_prior`, or the networks differ.

    Example:
        >>> recipe = {"args": arguments, "methods": [DANN()], "target_dataset": target_rows}
        >>> adapted = make_trainer(**recipe)
        >>> adapted.train().global_step
        16
        >>> average_with(adapted, train_source_only(make_trainer, **recipe))
    """
    if not isinstance(source_only, Trainer) or source_only is trainer:
        found = "the trainer itself" if source_only is trainer else f"a {type(source_only).__name__}"
        raise ConfigError(f"average_with was given {found}; expected the trainer of the source-only baseline.")
    if any(getattr(one, "prior_corrected", False) for one in (trainer, source_only)):
        raise ConfigError("average_with comes before correct_prior, which changed the last layer of one model.")
    if any(isinstance(_network(one), PeftModel) for one in (trainer, source_only)):
        raise ConfigError("average_with is the mean of all weights, and a model has an adapter. Train all weights.")
    _average(trainer, _network(source_only).state_dict())


def average_with_saved(
    trainer: TransferTrainer, task: FittedTask, encoded: Mapping[str, Mapping[str, Dataset]], source_only: Path
) -> None:
    """Do the same with the model folder of a source-only run, of a classifier, on all processes together.

    A saved classifier is calibrated, where there are rows for it, so the trained one is calibrated before.
    """
    if calibration_split(encoded["source"]) in encoded["source"]:
        calibrate(trainer, task, encoded)
    saved: Any = load(source_only)
    _average(trainer, saved.model.state_dict())


def _network(trainer: Trainer) -> Any:
    return trainer.accelerator.unwrap_model(trainer.model)


def _average(trainer: Trainer, weights: Weights) -> None:
    network = _network(trainer)
    own = network.state_dict()
    if different := shape_differences(own, weights):
        raise ConfigError(
            f"The source-only model has another network: {', '.join(different[:3])} differ. Expected one of the same "
            "recipe."
        )
    network.load_state_dict(average([own, weights]))
    log.info("The model is now the mean of the weights after adaptation and of the source-only model's.")
