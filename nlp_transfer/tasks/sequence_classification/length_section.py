"""Report how much of long documents is read, and how they are classified in comparison with short ones."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from nlp_transfer.metrics.metric import number
from nlp_transfer.tasks.base import DomainPredictions
from nlp_transfer.tasks.blocks import Block, Figure, Section, Table, Text
from nlp_transfer.tasks.charts import Bars

if TYPE_CHECKING:
    from datasets import Dataset

    from nlp_transfer.tasks.sequence_classification.decision import Decision
    from nlp_transfer.tasks.sequence_classification.long_documents import LongDocuments


def length_section(
    reading: "LongDocuments",
    decision: "Decision",
    predictions: DomainPredictions,
    encoded: "Mapping[str, Mapping[str, Dataset]]",
    by_class: tuple[str, str] = ("source", "train"),
) -> Section | None:
    """Return the section about documents longer than `task.max_length`; None if there are none.

    `by_class` is the domain and split whose share of tokens read is given by class.
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
    read = _tokens_read(reading, decision, by_class, encoded)
    return Section("Long documents", (Text(how), *read, *_scores(reading, decision, predictions, encoded)))


def _long(rows: "Dataset", reading: "LongDocuments") -> np.ndarray:
    return np.asarray(rows["text_length"]) > reading.max_length


def _cut(rows: "Dataset") -> int:
    return int((np.asarray(rows["text_length"]) > np.asarray(rows["read"])).sum())


def _tokens_read(
    reading: "LongDocuments",
    decision: "Decision",
    by_class: tuple[str, str],
    encoded: "Mapping[str, Mapping[str, Dataset]]",
) -> Iterator[Block]:
    """Yield the share of tokens that is read, by split and by class; a figure if some are not."""
    columns = ["texts", f"longer than {reading.max_length:,} tokens", "tokens read"]

    def cells(rows: "Dataset", chosen: np.ndarray) -> list[str]:
        whole, read = (np.asarray(rows[name])[chosen] for name in ("text_length", "read"))
        long = int((whole > reading.max_length).sum())
        share = f"{read.sum() / max(1, whole.sum()):.1%}"
        return [f"{len(whole):,}", f"{long:,} ({long / max(1, len(whole)):.0%})", share]

    splits = [(f"{domain} {name}", rows) for domain, parts in encoded.items() for name, rows in parts.items()]
    table = [[name, *cells(rows, np.ones(len(rows), bool))] for name, rows in splits]
    yield Table("", ["split", *columns], table, in_terminal=False)
    shares = {name: float(np.sum(rows["read"]) / max(1, np.sum(rows["text_length"]))) for name, rows in splits}
    if min(shares.values()) < 1:
        notes = {name: f"{_cut(rows):,} of {len(rows):,} cut" for name, rows in splits}
        read = ", ".join(f"{name} {share:.1%}" for name, share in shares.items())
        caption = "The share of tokens that the encoder reads, with the number of texts that are cut."
        yield Figure(Bars("share of tokens", shares, notes), f"Tokens read: {read}", caption)
    domain, split = by_class
    rows = encoded[domain][split]
    labels = np.asarray(rows["labels"])
    classes = [
        [name, *cells(rows, labels[:, place] > 0 if decision.multi_label else labels == place)]
        for place, name in enumerate(decision.label_names)
    ]
    yield Table("", [f"class, of {domain} {split}", *columns], classes, in_terminal=False)


def _scores(
    reading: "LongDocuments",
    decision: "Decision",
    predictions: DomainPredictions,
    encoded: "Mapping[str, Mapping[str, Dataset]]",
) -> Iterator[Block]:
    """Yield the scores of short and of long documents in each split with labels."""
    table = []
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
                low, high = number(scores["macro_f1_low"]), number(scores["macro_f1_high"])
                row = [number(scores["accuracy"]), number(scores["macro_f1"]), f"{low}–{high}"]
                table.append([f"{domain} {split}, {words}", f"{int(chosen.sum()):,}", *row])
    if table:
        yield Table("", ["documents", "rows", "accuracy", "macro-F1", "95 %"], table, in_terminal=False)
