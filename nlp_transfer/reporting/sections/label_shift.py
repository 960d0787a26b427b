"""Report label shift: the estimated class frequencies of the target, and their correction in the model."""

import logging
from collections.abc import Iterable, Iterator

import numpy as np

from nlp_transfer.errors import TrainingError
from nlp_transfer.metrics.label_shift import AT_CHANCE, above_chance, estimate_label_shift
from nlp_transfer.metrics.table import METRICS
from nlp_transfer.reporting.run_context import PriorCorrection, RunContext
from nlp_transfer.tasks.base import DomainPredictions, FittedTask
from nlp_transfer.tasks.blocks import Section, facts_section
from nlp_transfer.training.scoring import calibrate, predict, scored_splits
from nlp_transfer.training.target_data import Encoded
from nlp_transfer.training.target_evaluation import apply_prior_correction, usable_label_shift
from nlp_transfer.training.trainer import TransferTrainer

log = logging.getLogger(__name__)


def label_shift(run: RunContext) -> Section | None:
    """Return the section about the target's class frequencies; None for several labels a text, or without a target."""
    task, scored, correction = run.task, run.scored, run.correction
    known = "target" in scored and "validation" in scored["source"]
    if not task.label_names or task.multi_label or not known:
        return None
    facts, warnings = class_frequencies(task, correction.undone(scored)), []
    if correction.refused is not None:
        facts["corrected"] = "no" if correction.refused in facts.values() else f"no: {correction.refused}"
    elif correction.before:
        facts["corrected"] = "the model predicts with the target's frequencies, on source texts too"
        metric = METRICS[task.primary_metric]
        for split, old, new in _corrected_scores(run):
            facts[f"target {split} {metric.title} before"] = metric.format(old)
            if new < old:
                warnings.append(
                    f"prior_correction lowered the {metric.title} of target {split} from {metric.format(old)} to "
                    f"{metric.format(new)}, by its labels: its texts are not what the estimate takes them for. Train "
                    "without it."
                )
    return facts_section("Class frequencies", ("class", "share of texts"), facts, warnings)


def _corrected_scores(run: RunContext) -> Iterator[tuple[str, float, float]]:
    """Yield each labelled split of the target with its primary metric before and after the correction."""
    metric = run.task.primary_metric
    for split, logits in run.correction.before.items():
        after = run.scored["target"][split]
        if after.labels is not None:
            yield split, run.task.score(logits, after.labels)[metric], after.metrics[metric]


def class_frequencies(task: FittedTask, scored: DomainPredictions) -> dict[str, str]:
    """Describe how frequent each class is in source validation, and seems to be in the target."""
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


def correct_prior(trainer: TransferTrainer, task: FittedTask, encoded: Encoded) -> PriorCorrection:
    """Change a run's model so that it predicts with the estimated class frequencies of the target.

    A model from which there is no usable estimate (`usable_label_shift`) stays as it is. All processes call it.
    """
    calibrate(trainer, task, encoded)  # so that it can be compared with the source-only model, which is calibrated
    validation, labels = predict(trainer, encoded["source"]["validation"])
    assert labels is not None
    splits = scored_splits("target", encoded.get("target", {}))
    if not splits:
        return PriorCorrection("the target has no rows that were not learned from")
    before = {split: predict(trainer, encoded["target"][split])[0] for split in splits}
    try:
        shift = usable_label_shift(validation, labels, np.concatenate(list(before.values())), task.label_names)
    except TrainingError as error:
        log.info("prior_correction: nothing is corrected: %s.", error)
        return PriorCorrection(str(error))
    apply_prior_correction(trainer, shift)
    shares = ", ".join(
        f"{name} {shift.target[i]:.3f} ({shift.source[i]:.3f} before)"
        if shift.known[i]
        else f"{name} as before (source validation has no row of it)"
        for i, name in enumerate(task.label_names)
    )
    log.info("prior_correction: the model now predicts with the frequencies that the target seems to have: %s.", shares)
    return PriorCorrection(None, before, validation)
