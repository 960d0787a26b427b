"""Report label shift: the estimated class frequencies of the target, and their correction in the model."""

import logging
from collections.abc import Iterable, Mapping

import numpy as np

from nlp_transfer.errors import TrainingError
from nlp_transfer.metrics.label_shift import AT_CHANCE, above_chance, estimate_label_shift
from nlp_transfer.metrics.metric import number
from nlp_transfer.reporting.run_context import RunContext
from nlp_transfer.tasks.base import DomainPredictions, FittedTask, Predictions
from nlp_transfer.tasks.blocks import Section, facts_section
from nlp_transfer.training import TransferTrainer
from nlp_transfer.training.scoring import predict, scored_splits
from nlp_transfer.training.target_data import Encoded
from nlp_transfer.training.target_evaluation import apply_prior_correction, usable_label_shift

log = logging.getLogger(__name__)


def label_shift(run: RunContext) -> Section | None:
    """Return the section about the target's class frequencies; None for several labels a text, or without a target."""
    task, scored, correction = run.task, run.scored, run.correction
    if not task.label_names or task.multi_label or "target" not in scored:
        return None
    facts = {**class_frequencies(task, correction.undone(scored)), **correction.facts}
    return facts_section("Class frequencies", facts, correction_warnings(task, scored["target"], correction.before))


def class_frequencies(task: FittedTask, scored: DomainPredictions) -> dict[str, str]:
    """How frequent each class is in source validation, and seems to be in the target, as facts for the report.

    Args:
        task: with one label a text.
        scored: what the model said of both domains.
    """
    validation, sides = scored["source"]["validation"], list(scored["target"].values())
    assert validation.labels is not None
    known = [one.labels for one in sides if one.labels is not None]
    classes = len(task.label_names)
    shares = np.bincount(validation.labels, minlength=classes) / len(validation.labels)
    counts = np.bincount(np.concatenate(known), minlength=classes) if known else None
    truth = [""] * classes if counts is None else [f"; by its labels {share:.3f}" for share in counts / counts.sum()]
    if not above_chance(validation.logits, validation.labels):
        seen = (f"{share:.3f} in source validation" for share in shares)
        return {"no estimate": AT_CHANCE} | _by_class(task, seen, truth)
    shift = estimate_label_shift(validation.logits, validation.labels, np.concatenate([one.logits for one in sides]))
    seen = (
        f"{shares[i]:.3f} in source validation, about {shift.target[i]:.3f} in the target "
        f"(95 % {shift.interval[i, 0]:.3f} to {shift.interval[i, 1]:.3f})"
        if shift.known[i]
        else f"no row in source validation to go by; the model gives it {shift.target[i]:.3f} of the target"
        for i in range(classes)
    )
    return _by_class(task, seen, truth)


def _by_class(task: FittedTask, seen: Iterable[str], truth: Iterable[str]) -> dict[str, str]:
    return {name: one + other for name, one, other in zip(task.label_names, seen, truth, strict=True)}


def correct_prior(
    trainer: TransferTrainer, task: FittedTask, encoded: Encoded
) -> tuple[dict[str, str], dict[str, np.ndarray], np.ndarray | None]:
    """Change a run's model so that it predicts with the estimated class frequencies of the target.

    A model from which there is no usable estimate (`usable_label_shift`) stays as it is. All processes call it.

    Returns:
        Facts for the report: that it was done, and the target's score before, where it has labels. The logits before,
        of the target's splits and of source validation, shape (rows, classes); none where nothing was done.
    """
    validation, labels = predict(trainer, encoded["source"]["validation"])
    assert labels is not None
    splits = scored_splits("target", encoded.get("target", {}))
    if not splits:
        return {"corrected": "no: the target has no rows that were not learned from"}, {}, None
    sides = [predict(trainer, encoded["target"][split]) for split in splits]
    target = np.concatenate([logits for logits, _ in sides])
    try:
        shift = usable_label_shift(validation, labels, target, task.label_names)
    except TrainingError as error:
        log.info("prior_correction: nothing is corrected: %s.", error)
        return {"corrected": f"no: {error}"}, {}, None
    apply_prior_correction(trainer, shift)
    shares = ", ".join(
        f"{name} {shift.target[i]:.3f} ({shift.source[i]:.3f} before)"
        if shift.known[i]
        else f"{name} as before (source validation has no row of it)"
        for i, name in enumerate(task.label_names)
    )
    log.info("prior_correction: the model now predicts with the frequencies that the target seems to have: %s.", shares)
    facts = {"corrected": "the model predicts with the target's frequencies, on source texts too"}
    logits, known = sides[0]
    if known is not None:
        facts[f"target {splits[0]} macro-F1 before"] = number(task.score(logits, known)[task.primary_metric])
    return facts, {split: logits for split, (logits, _) in zip(splits, sides, strict=True)}, validation


def correction_warnings(
    task: FittedTask, scored: Mapping[str, Predictions], before: Mapping[str, np.ndarray]
) -> list[str]:
    """Return whether `prior_correction` made the model worse on the target, by its labels.

    Args:
        task: scores.
        scored: the target's splits.
        before: their logits without the correction; empty where nothing was corrected.
    """
    found = []
    for split, logits in before.items():
        labels = scored[split].labels
        if labels is None:
            continue
        old, new = task.score(logits, labels)[task.primary_metric], scored[split].metrics[task.primary_metric]
        if new < old:
            found.append(
                f"prior_correction lowered the macro-F1 of target {split} from {number(old)} to {number(new)}, by its "
                "labels: its texts are not what the estimate takes them for. Train without it."
            )
    return found
