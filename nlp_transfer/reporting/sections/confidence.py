"""Show how a classifier's errors go with its confidence, the length of texts and the frequency of classes."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from nlp_transfer.data.corpus import IMAGE
from nlp_transfer.data.row_inputs import row_inputs
from nlp_transfer.data.validation.row_kinds import ROW_KINDS
from nlp_transfer.reporting.run_context import RunContext
from nlp_transfer.tasks.base import Predictions
from nlp_transfer.tasks.blocks import Figure, Section, Table, Text
from nlp_transfer.tasks.classification.figures import (
    MIN_ROWS,
    confidence_figures,
    scores_by_frequency,
)

MAX_CHARACTERS = 500
"""Maximum length of an example's text."""


def confidence(run: RunContext) -> Section | None:
    """Return the section with the figures of each domain's predictions; None without classes or labels."""
    figures: list[Figure] = []
    counts = _training_counts(run)
    for domain, split, one in judged_splits(run) if run.task.label_names else ():
        if len(one.ids) < MIN_ROWS:
            continue
        where, rows = f"{domain} {split}", run.rows[domain][split]
        assert one.labels is not None
        lengths = np.asarray(rows["text_length"]) if "text_length" in rows.column_names else None
        probabilities, plain = run.task.probabilities(one.logits), run.task.predictions(one.logits, plain=True)
        figures += confidence_figures(probabilities, plain, one.labels.astype(int), lengths, where)
        figures += [scores_by_frequency(counts, one.metrics, where)] if counts else []
    return Section("Confidence and errors", tuple(figures)) if figures else None


def worst_errors(run: RunContext) -> Section | None:
    """Return the section with the texts of the worst predictions; None if none is asked for.

    They are the surest wrong classes, or the numbers that are farthest off.
    """
    blocks: list[Text | Table] = []
    measure = "confidence" if run.task.label_names else "deviations off"
    for domain, split, one in judged_splits(run) if run.experiment.report_examples else ():
        assert one.labels is not None
        errors = run.task.errors(one)
        wrong = np.flatnonzero(errors)
        chosen = wrong[np.argsort(-errors[wrong], kind="stable")][: run.experiment.report_examples]
        shown = replace(one, ids=[one.ids[i] for i in chosen], logits=one.logits[chosen], labels=one.labels[chosen])
        lines = run.task.rows(shown, run.rows[domain][split].select(chosen))
        held = run.corpora[domain].splits[split].select(chosen)
        texts = list(held["text"]) if IMAGE in held.column_names else row_inputs(held)  # of images the names
        names = ROW_KINDS[run.task.config.columns.kind].texts
        rows = [
            [
                *_shortened(text),
                _shown(line["label"] if "label" in line else line["reference"]),
                _shown(line["predicted"]),
                f"{error:.3f}",
            ]
            for text, line, error in zip(texts, lines, errors[chosen], strict=True)
        ]
        what = f"wrong predictions, by {measure}" if run.task.label_names else f"predictions, by {measure}"
        blocks.append(Text(f"{domain} {split}: {len(rows):,} of {len(wrong):,} {what}"))
        columns = [*names, "label" if run.task.label_names else "true", "predicted", measure]
        blocks.append(Table("", columns, rows, names=len(columns) - 1, in_terminal=False))
    return Section("Worst errors", tuple(blocks)) if blocks else None


def judged_splits(run: RunContext) -> Iterator[tuple[str, str, Predictions]]:
    """Yield the labelled split that each domain is judged by: test, else validation, else its last."""
    for domain, splits in run.scored.items():
        known = {split: one for split, one in splits.items() if one.labels is not None}
        if known:
            split = next((name for name in ("test", "validation") if name in known), list(known)[-1])
            yield domain, split, known[split]


def _training_counts(run: RunContext) -> dict[str, int]:
    """Return the number of the source's training texts of each class."""
    names = run.task.label_names
    if not names or "source" not in run.corpora:
        return {}
    labels = np.asarray(run.encoded["source"]["train"]["labels"])
    counts = (
        labels.clip(0).sum(axis=0) if run.task.multi_label else np.bincount(labels[labels >= 0], minlength=len(names))
    )
    return dict(zip(names, counts.astype(int).tolist(), strict=True))


def _shortened(texts: str | tuple[str, ...]) -> list[str]:
    """Return a text, or those of a pair, in few characters."""
    plain = [" ".join(text.split()) for text in ([texts] if isinstance(texts, str) else texts)]
    return [text if len(text) <= MAX_CHARACTERS else f"{text[: MAX_CHARACTERS - 1]}…" for text in plain]


def _shown(value: str | list[str] | float | dict[str, float]) -> str:
    """Return a class, labels, a number, or several by name as a cell."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {number:.4g}" for name, number in value.items())
    if isinstance(value, list):
        return ", ".join(value) or "none"
    return value if isinstance(value, str) else f"{value:.4g}"
