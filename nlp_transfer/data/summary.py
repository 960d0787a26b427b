"""Describe a corpus in a few lines."""

import numpy as np
import pyarrow.compute as pc

from nlp_transfer.data.corpus import IMAGE, Corpus
from nlp_transfer.data.splits.splitting import class_counts

_MAX_LISTED_CLASSES = 20


def describe(corpus: Corpus) -> list[str]:
    """Return lines with the origin, rows and median words of texts by split, rows by class, and the notes."""
    lines = [f"{corpus.origin} (fingerprint {corpus.fingerprint[:12]})"]
    for name, split in corpus.splits.items():
        if IMAGE in split.column_names:
            lines.append(f"{name}: {len(split):,} images")
            continue
        words = [
            pc.count_substring_regex(batch.column("text"), r"\S+").to_numpy()
            for batch in split.select_columns(["text"]).with_format("arrow").iter(1000)
        ]
        lines.append(f"{name}: {len(split):,} rows, median {np.median(np.concatenate(words)):.0f} words")
    names = corpus.label_names
    if names:
        kind, counted = "any number a row" if corpus.multi_label else "one a row", "rows"
        if any("span_starts" in split.column_names for split in corpus.splits.values()):
            kind, counted = "of entities", "number"
        classes = "1 class" if len(names) == 1 else f"{len(names)} classes"
        lines.append(f"{classes} ({kind}), with their {counted} in {' / '.join(_labelled(corpus))}:")
        table = np.stack([class_counts(corpus.splits[name]) for name in _labelled(corpus)], axis=1)
        for index in np.argsort(-table.sum(1), kind="stable")[:_MAX_LISTED_CLASSES]:
            lines.append(f"  {names[index]}: {' / '.join(f'{count:,}' for count in table[index])}")
        if len(names) > _MAX_LISTED_CLASSES:
            lines.append(f"  … and {len(names) - _MAX_LISTED_CLASSES} more")
    return [*lines, *corpus.notes]


def _labelled(corpus: Corpus) -> list[str]:
    """Return the splits that have labels."""
    return [name for name, split in corpus.splits.items() if corpus.label_column in split.column_names]
