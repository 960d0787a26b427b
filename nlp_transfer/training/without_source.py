"""Adapt a trained classifier without its source: there are no source rows, and the classes are the model's own."""

from collections.abc import Mapping
from dataclasses import fields

import numpy as np
from datasets import ClassLabel, Dataset, Features, Value
from scipy.optimize import brentq
from scipy.special import softmax

from nlp_transfer.data.corpus import Corpus, corpus_fingerprint
from nlp_transfer.errors import ConfigError, format_value
from nlp_transfer.models.families import rescale_logits
from nlp_transfer.models.files.download import model_folder
from nlp_transfer.models.image_family import IMAGES
from nlp_transfer.models.loading import read_config
from nlp_transfer.models.reference import ModelReference
from nlp_transfer.tasks import FittedTask
from nlp_transfer.tasks.base import Predictions
from nlp_transfer.tasks.reading.long_documents import LongDocuments
from nlp_transfer.tasks.saved_folder import saved_record
from nlp_transfer.training.experiment_parts import ExperimentParts
from nlp_transfer.training.scoring import predict
from nlp_transfer.training.target_evaluation import final_layer
from nlp_transfer.training.trainer import TransferTrainer
from nlp_transfer.training.without_validation import validation_needs

MAX_TEMPERATURE = 20.0
"""Maximum factor by which logits are made smaller or larger."""

NO_HEAD = "has no trained head for these classes, and there is no source to train one on. Name a trained classifier."
"""What is wrong with a model that is to be adapted without a source."""


def check_without_source(experiment: ExperimentParts, task: FittedTask) -> None:
    """Check that no setting needs rows of a source, and that texts are read as in training; raise ConfigError."""
    needs = validation_needs(experiment, task, ())
    problems = [f"{name} needs labelled source rows, and there are none. Leave it out." for name in needs]
    reference = experiment.model_reference
    folder = model_folder(reference.model, revision=reference.revision, trust_remote_code=reference.trust_remote_code)
    trained, ours = saved_record(folder), task.settings()
    for name in [field.name for field in fields(LongDocuments)] if trained else ():
        if trained.get(name) != ours.get(name):
            values = [format_value(side[name]) if name in side else "its default" for side in (ours, trained)]
            problems.append(f"task.{name} is {values[0]}, and the model was trained with {values[1]}. Set it so.")
    if problems:
        raise ConfigError(problems)


def classes_of_model(reference: ModelReference) -> Corpus:
    """Return a source corpus without rows, whose classes are those of a trained classifier of one label a text.

    Raises:
        ConfigError: the model is no such classifier.
    """
    _, config = read_config(reference)
    if not any(name.endswith(("ForSequenceClassification", IMAGES)) for name in config.architectures or ()):
        raise ConfigError(f"model: {reference.model} {NO_HEAD}")
    if config.problem_type == "multi_label_classification":
        raise ConfigError(
            f"model: {reference.model} gives a text several labels, and adaptation without a source is for one label a "
            "text. Train on a source with the target: methods such as coral."
        )
    names = [str(name) for _, name in sorted((config.id2label or {}).items())]
    features = Features({"id": Value("string"), "text": Value("string"), "label": ClassLabel(names=names)})
    train = Dataset.from_dict({name: [] for name in features}, features=features)
    return Corpus("none", {"train": train}, (), corpus_fingerprint({"train": train}, names))


def keep_confidence(trainer: TransferTrainer, rows: Mapping[str, Dataset], before: Mapping[str, Predictions]) -> None:
    """Scale an adapted model's logits so that its mean confidence on the target is that of the model before.

    Adaptation makes every prediction surer, right or wrong, and there are no labels to calibrate on. All processes call
    it.
    """
    logits = np.concatenate([predict(trainer, rows[split])[0] for split in before])
    aim = _mean_confidence(np.concatenate([one.logits for one in before.values()]), 1.0)
    low, high = np.log(MAX_TEMPERATURE) * np.array([-1, 1])
    gaps = [_mean_confidence(logits, np.exp(end)) - aim for end in (low, high)]
    if gaps[0] <= 0 or gaps[1] >= 0:
        return
    scale = 1 / np.exp(brentq(lambda log: _mean_confidence(logits, np.exp(log)) - aim, low, high))
    layer = final_layer(trainer)
    rescale_logits(layer, np.full(logits.shape[1], scale), np.zeros(logits.shape[1]))


def _mean_confidence(logits: np.ndarray, temperature: float) -> float:
    """Return the mean probability of the predicted class."""
    return float(softmax(logits / temperature, axis=1).max(axis=1).mean())
