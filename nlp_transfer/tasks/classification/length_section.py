"""Report how much of long documents is read, and how they are classified in comparison with short ones."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from nlp_transfer.metrics.metric import number
from nlp_transfer.tasks.base import DomainPredictions
from nlp_transfer.tasks.blocks import Block, Figure, Section, Table, Text
from nlp_transfer.tasks.charts import Bars
from nlp_transfer.tasks.classification.window_baselines import WINDOW_BASELINES

if TYPE_CHECKING:
    from datasets import Dataset

    from nlp_transfer.tasks.classification.baselines import BaselinePredictions
    from nlp_transfer.tasks.classification.decision import Decision
    from nlp_transfer.tasks.reading.long_documents import LongDocuments

_WITHOUT_READING = ("majority", "median", "chance")
"""Baselines that do not look at a document."""


def length_section(
    reading: "LongDocuments",
    decision: "Decision",
    predictions: DomainPredictions,
    encoded: "Mapping[str, Mapping[str, Dataset]]",
    baselines: "Mapping[str, BaselinePredictions] | None" = None,
) -> Section | None:
    """Return the section about documents longer than `task.max_length`; None if there are none.

    Args:
        baselines: predictions for the splits with labels, by name.
    """
    if not any(_long(rows, reading).any() for splits in encoded.values() for rows in splits.values()):
        return None
    most = f", at most {reading.max_windows} of a document" if reading.max_windows else ""
    most += f" (at most {reading.train_windows} of a training document)" if reading.train_windows else ""
    how = (
        f"Longer documents are read in windows of {reading.max_length:,} tokens{most}, and the windows' logits are "
        f"pooled by {reading.pooling}."
        if reading.in_windows
        else "Longer documents are cut. `task.long_documents: windows` reads all of them."
    )
    read = _tokens_read(reading, decision, encoded)
    scores = _scores(reading, decision, predictions, encoded, baselines or {})
    return Section("Long documents", (Text(how), *read, *scores))


def _long(rows: "Dataset", reading: "LongDocuments") -> np.ndarray:
    return np.asarray(rows["text_length"]) > reading.max_length


def _cut(rows: "Dataset") -> int:
    return int((np.asarray(rows["text_length"]) > np.asarray(rows["read"])).sum())


def _tokens_read(
    reading: "LongDocuments",
    decision: "Decision",
    encoded: "Mapping[str, Mapping[str, Dataset]]",
) -> Iterator[Block]:
    """Yield the share of tokens that is read, by split; if some are not, a figure, and the share by class."""
    splits = [(f"{domain} {name}", rows) for domain, parts in encoded.items() for name, rows in parts.items()]
    table, shares = [], {}
    for name, rows in splits:
        long, shares[name] = int(_long(rows, reading).sum()), _share_read(rows)
        table.append([name, f"{len(rows):,}", f"{long:,} ({long / max(1, len(rows)):.0%})", f"{shares[name]:.1%}"])
    columns = ["split", "rows", f"longer than {reading.max_length:,} tokens", "tokens read"]
    yield Table("", columns, table, in_terminal=False)
    if min(shares.values()) == 1:
        return
    notes = {name: f"{_cut(rows):,} of {len(rows):,} cut" for name, rows in splits}
    read = ", ".join(f"{name} {share:.1%}" for name, share in shares.items())
    caption = "The share of tokens that the encoder reads, with the number of texts that are cut."
    yield Figure(Bars("share of tokens", shares, notes), f"Tokens read: {read}", caption)
    labelled = {name: rows for name, rows in splits if "labels" in rows.column_names and len(rows)}
    classes = []
    for place, label in enumerate(decision.label_names):
        row = [label]
        for rows in labelled.values():
            labels = np.asarray(rows["labels"])
            chosen = labels[:, place] > 0 if decision.multi_label else labels == place
            row.append(f"{_share_read(rows, chosen):.1%} of {int(chosen.sum()):,}" if chosen.any() else "–")
        classes.append(row)
    if labelled:
        yield Table("", ["class: tokens read, texts", *labelled], classes, in_terminal=False)


def _share_read(rows: "Dataset", chosen: np.ndarray | slice = slice(None)) -> float:
    """Return the share of the tokens of some rows that is read."""
    whole, read = (np.asarray(rows[name])[chosen] for name in ("text_length", "read"))
    return float(read.sum() / max(1, whole.sum()))


def _scores(
    reading: "LongDocuments",
    decision: "Decision",
    predictions: DomainPredictions,
    encoded: "Mapping[str, Mapping[str, Dataset]]",
    baselines: "Mapping[str, BaselinePredictions]",
) -> Iterator[Block]:
    """Yield the scores of short and of long documents in each split with labels, beside those of baselines."""
    from nlp_transfer.metrics.table import METRICS

    table, shown = [], [name for name in baselines if name not in _WITHOUT_READING]
    metric = METRICS[decision.primary_metric]
    for domain, splits in predictions.items():
        for split, one in splits.items():
            if one.labels is None:
                continue
            long = _long(encoded[domain][split], reading)
            probabilities, labels = decision.probabilities(one.logits), one.labels.astype(int)
            for words, chosen in ((f"up to {reading.max_length:,} tokens", ~long), ("longer", long)):
                if not chosen.any():
                    continue
                scores = decision.scores(probabilities[chosen], labels[chosen], interval=True)
                low, high = (number(scores[f"{metric.name}_{end}"]) for end in ("low", "high"))
                row = [number(scores["accuracy"]), number(scores[metric.name]), f"{low}–{high}"]
                for name in shown:
                    theirs = baselines[name][domain][split][chosen]
                    others = decision.choice_scores(theirs, labels[chosen], interval=False)
                    row.append(number(others[metric.name]))
                table.append([f"{domain} {split}, {words}", f"{int(chosen.sum()):,}", *row])
    if table:
        yield Table("", ["documents", "rows", "accuracy", metric.title, "95 %", *shown], table, in_terminal=False)
    if table and set(shown) & set(WINDOW_BASELINES):
        most = f" that are read, at most {reading.max_windows}" if reading.max_windows else ""
        yield Text(
            f"Baselines by {metric.title}. A head is fitted on the frozen encoder's last layer, its mean over the "
            f"first {reading.max_length:,} tokens (first_window), these and the last window (head_and_tail), two "
            f"windows at random (random_windows), or all windows{most} (all_windows)."
        )
