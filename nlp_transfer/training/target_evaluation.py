"""Evaluate a trained classifier on the target: against the source only, and how frequent the target's classes are."""

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
from datasets import Dataset
from transformers import Trainer

from nlp_transfer.data.encoding.label_columns import label_column, without_labels
from nlp_transfer.errors import ConfigError, DataError, TrainingError
from nlp_transfer.methods.alignment import active_methods
from nlp_transfer.metrics.label_shift import AT_CHANCE, LabelShift, estimate_label_shift, vanishing_classes
from nlp_transfer.metrics.negative_transfer import NegativeTransferTest, compare
from nlp_transfer.models.families import is_encoder_decoder, logits_layer, plain_model, rescale_logits
from nlp_transfer.training.seams import TransferSeams
from nlp_transfer.training.target_checks import check_encoded, check_target_labels, check_tokens

log = logging.getLogger(__name__)


def compare_on_target(
    adapted: TransferSeams, source_only: Trainer, rows: Dataset | None = None
) -> NegativeTransferTest:
    """Compare a trained classifier with one that learned from the source only, on the target; log a warning.

    Args:
        adapted: the trainer whose methods used the target.
        source_only: a trainer of the same classes, without them.
        rows: encoded target rows; None takes the texts of `target_dataset`. Their labels are for `macro_f1` only.

    Example:
        >>> recipe = {"args": arguments, "methods": [DANN()], "target_dataset": target_rows}
        >>> source_only = train_source_only(make_trainer, **recipe)
        >>> sorted(compare_on_target(make_trainer(**recipe), source_only).scores)
        ['target_density', 'target_entropy', 'target_infomax']
    """
    from scipy.special import expit, softmax

    rows = _target_rows("compare_on_target", adapted, rows)
    if not isinstance(source_only, Trainer):
        raise ConfigError(f"compare_on_target was given a {type(source_only).__name__}; expected a trainer.")
    if any(getattr(trainer, "prior_corrected", False) for trainer in (adapted, source_only)):
        raise ConfigError("compare_on_target compares how sure the models are, and correct_prior changed that.")
    if label_column(rows) is not None:
        learned: Any = source_only.train_dataset
        classes = source_only.accelerator.unwrap_model(source_only.model).config.num_labels
        check_target_labels(rows, learned, classes, "rows")
    multi_label = _has_several_labels(adapted)
    logits, labels = zip(*(_logits_and_labels(trainer, rows) for trainer in (adapted, source_only)), strict=True)
    if logits[0].shape != logits[1].shape:
        ours, theirs = (side.shape[-1] for side in logits)
        raise DataError(f"The model that adapted has {ours} classes and the other {theirs}; expected the same of both.")
    probabilities = [expit(side) if multi_label else softmax(side, axis=1) for side in logits]
    predicted = [(side > 0).astype(int) if multi_label else side.argmax(axis=1) for side in logits]
    comparison = compare(
        *probabilities,
        multi_label=multi_label,
        predicted=(predicted[0], predicted[1]),
        labels=None if labels[0] is None else labels[0].astype(int),
    )
    if comparison.warns:
        log.warning(comparison.warning(str(source_only.state.best_model_checkpoint or "that of the other trainer")))
    return comparison


def estimate_shift(trainer: TransferSeams, rows: Dataset | None = None) -> LabelShift:
    """Estimate how frequent the target's classes are, from a trained classifier's predictions for its texts.

    Calibrated on `eval_dataset`, labelled rows of the source; see `nlp_transfer.estimate_label_shift`. `rows` are
    encoded target rows; None takes the texts of `target_dataset`.

    Example:
        >>> adapted = make_trainer(args=arguments, methods=[DANN()], target_dataset=target_rows)
        >>> _ = adapted.train()
        >>> estimate_shift(adapted).target
        array([...])
    """
    return estimate_label_shift(*_calibration("estimate_shift", trainer, rows))


def correct_prior(trainer: TransferSeams, rows: Dataset | None = None) -> LabelShift:
    """Make a trained classifier predict with the class frequencies that are estimated for the target.

    Temperature, biases and the ratio of frequencies go into the layer that makes the logits, so whoever loads what
    `save_model` then writes predicts so, on source texts too. Call `compare_on_target` before.

    Raises:
        TrainingError: the model is at chance on `eval_dataset`, or would never again predict a class that it predicts
            for target texts now. It stays as it is.

    Example:
        >>> adapted = make_trainer(args=arguments, methods=[DANN()], target_dataset=target_rows)
        >>> _ = adapted.train()
        >>> correct_prior(adapted).target
        array([...])
    """
    rows = _target_rows("correct_prior", trainer, rows)
    if final_layer(trainer).bias is None:
        raise ConfigError("correct_prior changes the bias of the model's last layer, and this one has none.")
    if trainer.prior_corrected:
        raise ConfigError("correct_prior was called before: the model predicts with estimated frequencies already.")
    known, labels, target = _calibration("correct_prior", trainer, rows)
    names: Any = plain_model(trainer.accelerator.unwrap_model(trainer.model)).config.id2label or {}
    try:
        shift = usable_label_shift(known, labels, target, [names.get(i, str(i)) for i in range(target.shape[1])])
    except TrainingError as error:
        raise TrainingError(f"correct_prior: nothing is corrected: {error}.") from error
    apply_prior_correction(trainer, shift)
    return shift


def usable_label_shift(
    validation_logits: np.ndarray, labels: np.ndarray, target_logits: np.ndarray, names: Sequence[str]
) -> LabelShift:
    """Estimate a label shift to correct a model by; raise TrainingError where it would harm (`correct_prior`)."""
    shift = estimate_label_shift(validation_logits, labels, target_logits)
    if reason := vanishing_classes(target_logits, shift, names) if shift.above_chance else AT_CHANCE:
        raise TrainingError(reason)
    return shift


def apply_prior_correction(trainer: TransferSeams, shift: LabelShift) -> None:
    """Build an estimate into the layer that makes the logits, without any check; see `correct_prior`."""
    trainer.prior_corrected, corrections = True, shift.corrections()
    rescale_logits(final_layer(trainer), np.full(len(corrections), 1 / shift.temperature), corrections)


def final_layer(trainer: Trainer) -> Any:
    """Return the layer of a trainer's model that makes the logits."""
    return logits_layer(plain_model(trainer.accelerator.unwrap_model(trainer.model)))


def _calibration(name: str, trainer: TransferSeams, rows: Dataset | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return logits and labels of source validation, and the logits of the target's rows."""
    target = without_labels(_target_rows(name, trainer, rows))
    if _has_several_labels(trainer):
        raise ConfigError(f"{name} is for one label a text, and these texts may have several.")
    validation: Any = trainer.eval_dataset
    validation = next(iter(validation.values())) if isinstance(validation, dict) else validation
    if validation is None or not len(validation) or label_column(validation) is None:
        problem = "is missing" if validation is None else "has no rows" if not len(validation) else "has no labels"
        raise ConfigError(f"eval_dataset {problem}: {name} needs labelled validation rows of the source.")
    known, labels = _logits_and_labels(trainer, validation)
    assert labels is not None
    return known, labels, _logits_and_labels(trainer, target)[0]


def _target_rows(name: str, trainer: TransferSeams, rows: Dataset | None) -> Dataset:
    if is_encoder_decoder(trainer.accelerator.unwrap_model(trainer.model)):
        raise ConfigError(f"{name} is for classifiers, and this model writes.")
    if rows is not None:
        return check_encoded(rows, "rows")
    target = trainer.target_dataset
    learned = next((one.name for one in active_methods(trainer.methods) if one.needs.target_labels), None)
    if target is None or learned is not None:
        problem = f"{learned} learned from the labels of target_dataset" if learned else "there is no target_dataset"
        raise ConfigError(f"{problem}: give {name} encoded target rows{' that were not learned from' * bool(learned)}.")
    return without_labels(target)


def _has_several_labels(trainer: Trainer) -> bool:
    """Return whether a text may have several labels, by the model's configuration or the rows it learned from."""
    problem_type = trainer.accelerator.unwrap_model(trainer.model).config.problem_type
    learned: Any = trainer.train_dataset
    if problem_type is not None or learned is None:
        return bool(problem_type == "multi_label_classification")
    column = label_column(learned)
    return column is not None and isinstance(learned[0][column], list)


def _logits_and_labels(trainer: Trainer, rows: Dataset) -> tuple[np.ndarray, np.ndarray | None]:
    """Return logits and labels of rows, in their order, whatever the trainer's metrics are computed of."""
    if trainer.args.prediction_loss_only:
        raise ConfigError("prediction_loss_only is on, and the model's predictions are needed. Leave it out.")
    check_tokens(rows, "rows")
    given = trainer.preprocess_logits_for_metrics, trainer.compute_metrics
    trainer.preprocess_logits_for_metrics = trainer.compute_metrics = None
    try:
        output = trainer.predict(rows)  # type: ignore[arg-type]  # it takes datasets' datasets
    finally:
        trainer.preprocess_logits_for_metrics, trainer.compute_metrics = given
    logits = output.predictions[0] if isinstance(output.predictions, tuple) else output.predictions
    return np.asarray(logits), None if output.label_ids is None else np.asarray(output.label_ids)
