"""Report what training changed in a model that could predict before: its scores, and adaptation without a source."""

import numpy as np

from nlp_transfer.methods.base import source_free
from nlp_transfer.metrics.probability_scores import confidences
from nlp_transfer.reporting.run_context import RunContext, metrics_of
from nlp_transfer.reporting.sections.adaptation import gains
from nlp_transfer.tasks.base import DomainScores
from nlp_transfer.tasks.blocks import Alert, Section, Table, Text

MAX_SHIFT = 0.05
"""Share of texts by which class shares may change in all before a warning is given where labels judge the model."""

CONFIDENCE = "Probabilities are scaled so that their mean confidence is that of the model before."


def scores_before(run: RunContext) -> DomainScores:
    """Return the scores of the untrained model, with the intervals of the trained one's gains over it."""
    scores = metrics_of(run.before)
    for domain, splits in scores.items():
        for split, one in splits.items():
            ours, theirs = run.scored[domain][split], run.before[domain][split]
            if run.task.row_keys:
                rows = run.rows[domain][split]
                one.update(gains(type(run.task.config), [list(run.task.rows(side, rows)) for side in (ours, theirs)]))
            else:
                one.update(run.task.gains(ours, theirs))
    return scores


def without_source(run: RunContext) -> Section | None:
    """Return the section on what adaptation without a source changed; None for a run with one."""
    if run.experiment.sources:
        return None
    sides = [[*side["target"].values()] for side in (run.before, run.scored)]
    before, now = (np.concatenate([run.task.probabilities(one.logits) for one in side]) for side in sides)
    predicted = [side.argmax(axis=1) for side in (before, now)]
    changed = predicted[0] != predicted[1]
    rows = [["texts whose class changed", f"{changed.sum():,} of {len(changed):,} ({changed.mean():.1%})"]]
    shares = [np.bincount(side, minlength=now.shape[1]) / len(side) for side in predicted]
    assert run.trainer.networks is not None, "the method has one"
    frequencies = run.trainer.networks[str(source_free(run.experiment.methods))].get_buffer("frequencies").tolist()
    for name, old, new, expected in zip(run.task.label_names, *shares, frequencies, strict=True):
        rows.append([f"predicted {name}", f"{old:.1%} before, {new:.1%} now; {expected:.1%} expected"])
    sure = [confidences(side, chosen).mean() for side, chosen in zip((before, now), predicted, strict=True)]
    rows.append(["mean confidence", f"{sure[0]:.3f} before, {sure[1]:.3f} now"])
    labelled = all(one.labels is not None for one in sides[1])
    table, shift = Table("", ["measure", "result"], rows, names=2), np.abs(shares[1] - shares[0]).sum() / 2
    alerts = [] if labelled and shift <= MAX_SHIFT else [Alert(_warning(run, changed, shift, labelled=labelled))]
    return Section("Adaptation without a source", (table, Text(CONFIDENCE), *alerts))


def _warning(run: RunContext, changed: np.ndarray, shift: float, *, labelled: bool) -> str:
    """Return what to look at before the model is used."""
    text = (
        f"Adaptation without a source changed the class of {changed.sum():,} of {len(changed):,} target texts, and "
        f"class shares by {100 * shift:.1f} points. "
    )
    if labelled:
        return f"{text}Look at the scores of both models on these texts, from which it learned without labels."
    return (
        f"{text}No label judges that. Label some texts whose class changed: compare {run.predictions} with what "
        f"`nlp-transfer predict` gives for {run.experiment.model}."
    )
