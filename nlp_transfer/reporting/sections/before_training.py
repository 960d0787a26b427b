"""Report what training changed in a model that could predict before: its scores, and adaptation without a source."""

import numpy as np

from nlp_transfer.metrics.bootstrap import gain_scores
from nlp_transfer.metrics.probability_scores import confidences
from nlp_transfer.reporting.run_context import RunContext, metrics_of
from nlp_transfer.tasks.base import DomainScores
from nlp_transfer.tasks.blocks import Section, Table, Text

UNCHECKED = (
    "No source text and no label was read, so nothing here says whether the changes are right. Label some texts whose "
    "class changed, and compare both models on them. Probabilities are scaled so that their mean confidence is that of "
    "the model before."
)


def scores_before(run: RunContext) -> DomainScores:
    """Return the scores of the untrained model, with the intervals of the trained one's gains over it."""
    scores = metrics_of(run.before)
    for domain, splits in scores.items():
        for split, one in splits.items():
            ours, theirs = run.scored[domain][split], run.before[domain][split]
            if run.task.label_names and ours.labels is not None:
                adapted, untrained = (run.task.predictions(side.logits) for side in (ours, theirs))
                one.update(gain_scores(adapted, untrained, ours.labels.astype(int)))
            else:
                one.update(run.task.gains(ours, theirs))
    return scores


def without_source(run: RunContext) -> Section | None:
    """Return the section on what adaptation without a source changed; None for a run with one."""
    if run.experiment.sources:
        return None
    ours, theirs = (
        np.concatenate([run.task.probabilities(one.logits) for one in side["target"].values()])
        for side in (run.scored, run.before)
    )
    predicted = [side.argmax(axis=1) for side in (theirs, ours)]
    changed = predicted[0] != predicted[1]
    rows = [["texts whose class changed", f"{changed.sum():,} of {len(changed):,} ({changed.mean():.1%})"]]
    for number, name in enumerate(run.task.label_names):
        before, after = ((one == number).mean() for one in predicted)
        rows.append([f"predicted {name}", f"{before:.1%} before, {after:.1%} now"])
    sure = [confidences(side, chosen).mean() for side, chosen in zip((theirs, ours), predicted, strict=True)]
    rows.append(["mean confidence", f"{sure[0]:.3f} before, {sure[1]:.3f} now"])
    return Section("Adaptation without a source", (Table("", ["measure", "result"], rows, names=2), Text(UNCHECKED)))
