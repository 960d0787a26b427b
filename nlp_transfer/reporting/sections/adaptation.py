"""Report adaptation to the target: labels used, harm done, pseudo-labels, and what else would have been chosen."""

import copy
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from nlp_transfer.data.encoding.label_columns import has_label
from nlp_transfer.methods.pseudo_labels import PseudoLabels
from nlp_transfer.metrics.metric import number
from nlp_transfer.metrics.model_selection import TARGET_MACRO_F1
from nlp_transfer.metrics.negative_transfer import (
    ADAPTED,
    CEILING,
    SOURCE_ONLY,
    NegativeTransferTest,
    closed_share,
    compare,
)
from nlp_transfer.metrics.row_scores import gain_scores
from nlp_transfer.metrics.table import LABEL_FREE, METRICS
from nlp_transfer.reporting.predictions import PREDICTIONS, read_predictions, read_rows, truth_of
from nlp_transfer.reporting.run_context import RunContext
from nlp_transfer.tasks.blocks import Section, facts_section
from nlp_transfer.training.target_data import adaptation_split, selects_by_target_labels

THIRD_MODEL = "tfidf_svm"
"""The baseline that judges between the adapted and the source-only model, since it errs in other ways."""

if TYPE_CHECKING:
    from nlp_transfer.tasks.base import DomainScores, Lines, Predictions, Task


def source_only_scores(run: RunContext) -> "DomainScores":
    """Return the scores of the source-only baseline, with the interval of the model's gain over it on the same rows."""
    assert run.source_only is not None
    scores, task = copy.deepcopy(run.source_only.metrics), type(run.task.config)
    place = run.predictions.parent / SOURCE_ONLY / PREDICTIONS
    for domain, splits in scores.items() if run.task.row_keys else ():
        for split, one in splits.items():
            lines = [read_rows(path, domain, split) for path in (run.predictions, place)]
            one.update(gains(task, lines))
    return scores


def gains(task: "type[Task]", runs: "Sequence[Lines]") -> dict[str, float]:
    """Return the 95 % interval of the first run's gain over the second by the primary metric; empty without references.

    Args:
        runs: lines of predictions of the same rows.
    """
    if not runs[0] or any(truth_of(line) is None for line in runs[0]):
        return {}
    return gain_scores(task.primary_metric, task.row_scores(runs))


def ceiling_scores(run: RunContext) -> "DomainScores":
    """Return the target scores of the model that learned from its labels.

    With the interval of the gain over it, unless it was scored on other rows, as where a split is made anew.
    """
    assert run.ceiling is not None
    one = copy.deepcopy(run.ceiling.metrics["source"]["test"])
    place = run.predictions.parent / CEILING / PREDICTIONS
    lines = read_rows(run.predictions, "target", "test"), read_rows(place, "source", "test")
    if [row["id"] for row in lines[0]] == [row["id"] for row in lines[1]]:
        one.update(gains(type(run.task.config), lines))
    return {"target": {"test": one}}


def gap_to_ceiling(run: RunContext) -> Section | None:
    """Return the section on how much there was to gain, and what of it was; None without the ceiling."""
    if run.ceiling is None:
        return None
    name, metric = run.task.primary_metric, METRICS[run.task.primary_metric]
    ceiling, ours = run.ceiling.metrics["source"]["test"][name], run.scored["target"]["test"].metrics[name]
    learned, scores = run.ceiling.corpora["source"].rows["train"], ceiling_scores(run)["target"]["test"]
    ends = [-100 * scores[key] for key in (f"{name}_gain_high", f"{name}_gain_low") if key in scores]
    interval = f" (95 % over rows {ends[0]:+.1f} to {ends[1]:+.1f})" if ends else ", on other rows"
    facts = {
        f"{metric.title} with the target's labels": f"{metric.format(ceiling)}, on target test",
        "labelled texts it learned from": f"{learned:,}",
        "above the model": f"{100 * (ceiling - ours):+.1f} points{interval}",
    }
    if run.source_only is not None:
        source_only = run.source_only.metrics["target"]["test"][name]
        share = closed_share(ours, source_only, ceiling)
        facts[f"{metric.title} of {SOURCE_ONLY}"] = metric.format(source_only)
        facts["gap closed by the model"] = "none to close" if share is None else f"{share:.0%}"
    return facts_section("Gap to the ceiling", ("measure", "result"), facts)


def adaptation(run: RunContext) -> Section | None:
    """Return the section that compares with the source-only baseline; None where there is none."""
    if run.source_only is None or "target" not in run.scored or not run.task.label_names:
        return None
    comparison = _compare_with_source_only(run)
    scored = run.scored["target"]
    rows = {split: f"{len(one.logits):,} of {split}" for split, one in scored.items()}
    facts = {"texts": " and ".join(rows.values()), **comparison_facts(comparison)}
    if run.averaged:
        facts[f"{ADAPTED} is"] = "the mean of the weights after adaptation and of source-only"
    if "preferred by the labels" in facts:
        facts["labels"] = f"of {_judged(scored)}"
    if run.correction.before:
        facts["both are"] = "without prior_correction"
    warnings = [comparison.warning(str(run.predictions.parent / SOURCE_ONLY / "model"))] if comparison.warns else ()
    return facts_section("Adaptation", ("measure", "result"), facts, warnings)


def checkpoints(run: RunContext) -> Section | None:
    """Return the section about checkpoint selection, by the target's labels; None where they were not scored.

    Thresholds of several labels a text are tuned at the end; here they are 0.5.
    """
    if not run.experiment.log_target_scores:
        return None
    judged = f"eval_{TARGET_MACRO_F1}"
    evaluations = [entry for entry in run.trainer.state.log_history if judged in entry]
    if not evaluations:
        return None
    score = "macro-F1 with thresholds of 0.5" if run.task.multi_label else "macro-F1"

    def taken(name: str, *, greatest: bool) -> str:
        entry = (max if greatest else min)(evaluations, key=lambda one: one[f"eval_{name}"])
        return f"{score} {number(entry[judged])} at step {entry['step']}"

    training = run.experiment.training
    facts = {"best by the target's labels": taken(TARGET_MACRO_F1, greatest=True)}
    chosen = str(training.metric_for_best_model or "loss").removeprefix("eval_")
    greater = {chosen: bool(training.greater_is_better), "macro_f1": True}
    greater |= {name: bool(one.greater_is_better) for name, one in LABEL_FREE.items()}
    for name, greatest in greater.items():
        if all(f"eval_{name}" in entry for entry in evaluations) and name != TARGET_MACRO_F1:
            whose = " (the source's)" if not name.startswith("target_") else ""
            facts[f"by {name}{whose}"] = taken(name, greatest=greatest)
    if run.averaged:
        facts["saved"] = "no checkpoint: the mean of the chosen one and of source-only"
    return facts_section("Checkpoints", ("chosen", "score on the target"), facts)


def target_labels(run: RunContext) -> Section | None:
    """Return the section about the target labels in use; None where there are none."""
    facts = {}
    for method in run.label_methods():
        rows = len(run.corpora["target"].splits["train"])
        facts["learned from"] = (
            f"those of {rows:,} rows of split train were learned from, by {method.name}; not by the baselines"
        )
    if selects_by_target_labels(run.experiment):
        rows = len(run.encoded["target"]["validation"])
        facts["chose the checkpoint"] = f"those of {rows:,} rows of split validation"
    return facts_section("Target labels", ("use", "labels"), facts)


def pseudo_labels(run: RunContext) -> Section | None:
    """Return the section about the last epoch's pseudo-labels, and how many are right; None where there are none."""
    title, columns, task = "Pseudo-labels", ("pseudo-labels", "share or count"), run.task
    labelling = next((one for one in run.trainer.extensions if isinstance(one, PseudoLabels)), None)
    if labelling is None:
        return None
    if labelling.labels is None:
        facts = {"texts": "none: training ended before the first epoch that gives them"}
        return facts_section(title, columns, facts)
    made, labelled = labelling.labels.numpy(), has_label(labelling.labels).numpy()
    facts = {"texts": f"{int(labelled.sum()):,} of {len(made):,} in the last epoch"}
    rows = run.encoded["target"][adaptation_split(run.encoded["target"])]
    if "labels" in rows.column_names and labelled.any():
        known, ids = np.asarray(rows["labels"]), np.arange(len(task.label_names))
        # Shape (rows, labels): a row got the label; a row has it.
        given, true = (made == 1, known == 1) if task.multi_label else (made[:, None] == ids, known[:, None] == ids)
        right = "texts with all labels right, by the labels" if task.multi_label else "right, by the labels"
        facts[right] = f"{(given == true)[labelled].all(axis=1).mean():.3f}"
        facts |= {
            f"right of {name}": f"{true[given[:, i], i].mean():.3f} of {int(given[:, i].sum()):,}"
            for i, name in enumerate(task.label_names)
            if given[:, i].any()
        }
    return facts_section(title, columns, facts)


def _compare_with_source_only(run: RunContext) -> NegativeTransferTest:
    """Compare the model on the target's rows with the source-only run's, both without `prior_correction`."""
    task, scored = run.task, run.scored["target"]
    logits = [run.correction.before.get(split, one.logits) for split, one in scored.items()]
    place = run.predictions.parent / SOURCE_ONLY / PREDICTIONS
    probabilities, _ = read_predictions(place, "target", scored)
    judged = _judged(scored)
    _, theirs = read_predictions(place, "target", (judged,))
    ours, labels = dict(zip(scored, logits, strict=True))[judged], scored[judged].labels
    third = task.baseline_predictions.get(THIRD_MODEL, {}).get("target")
    return compare(
        task.probabilities(np.concatenate(logits)),
        probabilities,
        multi_label=task.multi_label,
        third=np.concatenate([third[split] for split in scored]) if third else None,
        predicted=(task.predictions(ours), theirs),
        labels=None if labels is None else labels.astype(int),
    )


def _judged(scored: "Mapping[str, Predictions]") -> str:
    """Return the split by whose labels models are compared: the test split, where there is one with labels."""
    labelled = [split for split, one in scored.items() if one.labels is not None] or list(scored)
    return "test" if "test" in labelled else labelled[0]


def comparison_facts(comparison: NegativeTransferTest) -> dict[str, str]:
    """Return a comparison as rows of the report."""
    adapted, unadapted = "the model that adapted", "source-only"
    surer = f"{adapted}, which proves little: adapting makes a model surer"
    facts = {
        name: f"{ours:.4f} adapted, {theirs:.4f} source-only" for name, (ours, theirs) in comparison.scores.items()
    }
    if comparison.agreement is not None:
        facts[f"a third model ({THIRD_MODEL})"] = comparison.agreement.sentence
        surer = f"{adapted}, if classes are as frequent in the target as in the source"
    words = {SOURCE_ONLY: f"{unadapted} (a warning was given)", ADAPTED: surer}
    facts["preferred without labels"] = words.get(comparison.preferred or "", "neither")
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
