"""What a finished run says of its target domain: whether adapting did harm, pseudo-labels, choices of a checkpoint."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from nlp_transfer.data.encoding.label_columns import has_label
from nlp_transfer.methods.pseudo_labels import PseudoLabels
from nlp_transfer.metrics.metric import number
from nlp_transfer.metrics.model_selection import TARGET_MACRO_F1
from nlp_transfer.metrics.negative_transfer import SOURCE_ONLY, NegativeTransferTest, compare
from nlp_transfer.metrics.table import LABEL_FREE, METRICS
from nlp_transfer.reporting.predictions import PREDICTIONS, read_predictions
from nlp_transfer.reporting.report import Report
from nlp_transfer.reporting.run_context import RunContext
from nlp_transfer.tasks import TASKS
from nlp_transfer.tasks.base import FittedTask, Predictions
from nlp_transfer.tasks.blocks import Section, facts_section
from nlp_transfer.training import TransferArguments, TransferTrainer
from nlp_transfer.training.target_data import Encoded, adaptation_split


def score_summary(report: Report) -> str:
    """Return the scores of a run in a few words."""
    metrics, metric = report.metrics, METRICS[TASKS[report.task].primary_metric]
    parts = [
        f"{domain} {split} {metric.title} {metric.format(splits[split][metric.name])}"
        for domain, splits in metrics.items()
        for split in [next((name for name in ("test", "validation") if name in splits), next(iter(splits), None))]
        if split is not None
    ]
    return ", ".join(parts)


def adaptation(run: RunContext) -> Section | None:
    """Return the section that compares with the source-only baseline; None where there is none."""
    if run.source_only is None or "target" not in run.scored or not run.task.label_names:
        return None
    folder = run.predictions.parent / SOURCE_ONLY
    comparison = compare_with_source_only(run.task, run.scored["target"], folder, run.correction.before)
    facts = comparison_facts(comparison)
    if run.correction.before:
        facts["both are"] = "without prior_correction"
    return facts_section("Adaptation", facts, [comparison.warning(str(folder / "model"))] if comparison.warns else ())


def checkpoints(run: RunContext) -> Section | None:
    """Return the section about checkpoint selection, by the target's labels; None where they were not scored."""
    if not run.experiment.log_target_scores:
        return None
    history = run.trainer.state.log_history
    return facts_section(
        "Checkpoints", choices_by_labels(run.experiment.training, history, multi_label=run.task.multi_label)
    )


def pseudo_labels(run: RunContext) -> Section | None:
    """Return the section about pseudo-labels; None where there are none."""
    return facts_section("Pseudo-labels", pseudo_label_facts(run.task, run.trainer, run.encoded))


def compare_with_source_only(
    task: FittedTask,
    scored: Mapping[str, Predictions],
    alone: Path,
    uncorrected: Mapping[str, np.ndarray],
) -> NegativeTransferTest:
    """Compare the model on the target's rows with the source-only run's.

    Args:
        task: knows what the logits mean.
        scored: the target's splits.
        alone: the folder of the source-only run.
        uncorrected: the splits' logits before `prior_correction`, which the source-only run is without; empty where
            nothing was corrected.
    """
    logits = [uncorrected.get(split, one.logits) for split, one in scored.items()]
    probabilities, predicted = read_predictions(alone / PREDICTIONS, "target", scored)
    labels = next(iter(scored.values())).labels
    return compare(
        task.probabilities(np.concatenate(logits)),
        probabilities,
        multi_label=task.multi_label,
        predicted=(task.predictions(logits[0]), predicted[: len(logits[0])]),
        labels=None if labels is None else labels.astype(int),
    )


def comparison_facts(comparison: NegativeTransferTest) -> dict[str, str]:
    """Return a comparison as rows of the report."""
    adapted, unadapted = "the model that adapted", "source-only"
    surer = f"{adapted}, which proves little: adapting makes a model surer"
    facts = {
        name: f"{ours:.4f} adapted, {theirs:.4f} source-only" for name, (ours, theirs) in comparison.scores.items()
    }
    warned = f"{unadapted} (a warning was given)" if comparison.warns else surer
    facts["preferred without labels"] = warned if comparison.gain else "neither"
    if comparison.macro_f1 is not None and comparison.difference is not None:
        (ours, theirs), (low, high) = comparison.macro_f1, comparison.difference
        better = adapted if low > 0 else unadapted if high < 0 else "neither for sure"
        values = f"macro-F1 {ours:.3f} adapted, {theirs:.3f} source-only"
        interval = f"difference {ours - theirs:+.3f}, 95 % over rows {low:+.3f} to {high:+.3f}"
        facts["preferred by the labels"] = f"{better} ({values}; {interval})"
        if comparison.warns:
            verdict = {adapted: "wrong", unadapted: "right"}.get(better, "neither right nor wrong for sure")
            facts["the warning"] = f"{verdict}, by the labels"
    return facts


def pseudo_label_facts(task: FittedTask, trainer: TransferTrainer, encoded: Encoded) -> dict[str, str]:
    """Return how many target texts had a pseudo-label in the last epoch, and how many of these are right."""
    labelling = next((one for one in trainer.extensions if isinstance(one, PseudoLabels)), None)
    if labelling is None:
        return {}
    if (found := labelling.labels) is None:
        return {"texts": "none: training ended before the first epoch that gives them"}
    made, names, labelled = found.numpy(), task.label_names, has_label(found).numpy()
    facts = {"texts": f"{int(labelled.sum()):,} of {len(made):,} in the last epoch"}
    rows = encoded["target"][adaptation_split(encoded["target"])]
    if "labels" in rows.column_names and labelled.any():
        # By label: whether a row got it, and whether it has it.
        known, ids = np.asarray(rows["labels"]), np.arange(len(names))
        given, true = (made == 1, known == 1) if task.multi_label else (made[:, None] == ids, known[:, None] == ids)
        right = "texts with all labels right, by the labels" if task.multi_label else "right, by the labels"
        facts[right] = f"{(given == true)[labelled].all(axis=1).mean():.3f}"
        facts |= {
            f"right of {name}": f"{true[given[:, i], i].mean():.3f} of {int(given[:, i].sum()):,}"
            for i, name in enumerate(names)
            if given[:, i].any()
        }
    return facts


def choices_by_labels(
    training: TransferArguments, history: Sequence[Mapping[str, float]], *, multi_label: bool
) -> dict[str, str]:
    """What each way of choosing a checkpoint would have taken, by the target's labels, as facts for the report.

    Args:
        training: the arguments, which name the selection metric.
        history: the log's entries.
        multi_label: whether a text may have several labels, which are those of 0.5 and more here: thresholds are tuned
            at the end.
    """
    judged = f"eval_{TARGET_MACRO_F1}"
    evaluations = [entry for entry in history if judged in entry]
    if not evaluations:
        return {}
    best = max(evaluations, key=lambda entry: entry[judged])
    score = "macro-F1 with thresholds of 0.5" if multi_label else "macro-F1"
    facts = {"best by the target's labels": f"{score} {number(best[judged])} at step {best['step']}"}
    chosen = str(training.metric_for_best_model or "loss").removeprefix("eval_")
    greater = {chosen: bool(training.greater_is_better), "macro_f1": True}
    greater |= {name: bool(one.greater_is_better) for name, one in LABEL_FREE.items()}
    for name, is_greater in greater.items():
        if all(f"eval_{name}" in entry for entry in evaluations) and name != TARGET_MACRO_F1:
            taken = (max if is_greater else min)(evaluations, key=lambda entry: entry[f"eval_{name}"])
            whose = " (the source's)" if not name.startswith("target_") else ""
            facts[f"by {name}{whose}"] = f"{score} {number(taken[judged])} at step {taken['step']}"
    return facts
