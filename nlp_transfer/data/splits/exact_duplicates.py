"""Count exact copies between training and evaluation texts, which inflate scores.

Two texts are copies if they are equal except for white space. A 16-byte hash of each text is held in memory.
"""

from hashlib import blake2b

import numpy as np
from datasets import Dataset

from nlp_transfer.data.corpus import SECOND, label_column
from nlp_transfer.data.row_inputs import content_column, row_noun

_BATCH = 1000


def duplicate_notes(splits: dict[str, Dataset]) -> list[str]:
    """Return notes on training texts with different labels, and on their copies in each evaluation split.

    Such as "test: 3 of 158 texts are exact copies of training texts (2 of them with another label)." Of pairs they are
    on the first texts.
    """
    if "train" not in splits:
        return []
    train_texts, train_labelled = hash_texts(splits["train"])
    noun = row_noun(splits["train"].column_names)
    notes = _conflict_notes(splits["train"], train_texts, train_labelled, noun)
    for name in ("validation", "calibration", "test"):
        if name not in splits:
            continue
        texts, labelled = hash_texts(splits[name])
        copy_mask = np.isin(texts, train_texts)
        count = int(copy_mask.sum())
        if not count:
            notes.append(f"{name}: no {noun} is an exact copy of a training {noun}.")
        else:
            note = f"{name}: {count} of {len(texts)} {noun}s are exact copies of training {noun}s"
            if labelled is not None and train_labelled is not None:
                other = int((copy_mask & ~np.isin(labelled, train_labelled)).sum())
                note += f" ({other} of them with another label)" if other else ""
            notes.append(note + ".")
    return notes


def _conflict_notes(train: Dataset, texts: np.ndarray, labelled: np.ndarray | None, noun: str) -> list[str]:
    """Return a note on training rows that are the same, but for their labels; none where there are none."""
    if labelled is None:
        return []
    _, firsts = np.unique(labelled, return_index=True)
    of_text, counts = np.unique(texts[firsts], return_counts=True)
    several = of_text[counts > 1]
    if not len(several):
        return []
    rows = firsts[texts[firsts] == several[0]][:2].tolist()
    one, other = (train["id"][row] for row in sorted(rows))
    nouns = f"{len(several):,} {noun}s have" if len(several) > 1 else f"1 {noun} has"
    return [f"train: {nouns} different labels in different rows, such as {one} and {other}."]


def copy_notes(known: Dataset, splits: dict[str, Dataset], where: str) -> list[str]:
    """Return a note with the number of copies of known texts for each split of another corpus.

    Args:
        known: rows of the known texts.
        where: the known rows, such as "the source's training {noun}s".
    """
    hashes, _ = hash_texts(known)
    where = where.format(noun="image" if row_noun(known.column_names) == "image" else "text")
    notes = []
    for name, split in splits.items():
        count, noun = int(copy_mask(hashes, split).sum()), row_noun(split.column_names)
        result = f"{count} of {len(split)} {noun}s are exact copies" if count else f"no {noun} is an exact copy"
        notes.append(f"{name}: {result} of {where}.")
    return notes


def copy_mask(known: np.ndarray, split: Dataset) -> np.ndarray:
    """Return True for each text of a split that is a copy of a hashed text, bool, shape (rows,).

    Example:
        >>> train, test = Dataset.from_dict({"text": ["a b"]}), Dataset.from_dict({"text": ["a  b", "c"]})
        >>> copy_mask(hash_texts(train)[0], test).tolist()
        [True, False]
    """
    return np.isin(hash_texts(split)[0], known)


def hash_texts(split: Dataset) -> tuple[np.ndarray, np.ndarray | None]:
    """Return hashes of texts, and of texts with their labels (None without labels), shape (rows,) each.

    Of pairs they are those of the first texts, whose labels depend on the second; of images those of their files.
    """
    content = content_column(split.column_names)
    column = None if SECOND in split.column_names else label_column(split.column_names)
    texts: list[bytes] = []
    labelled: list[bytes] = []
    for batch in split.select_columns([content, column] if column else [content]).iter(_BATCH):
        digests = [blake2b(" ".join(text.split()).encode(), digest_size=16) for text in batch[content]]
        texts += [digest.digest() for digest in digests]
        if column:
            for digest, label in zip(digests, batch[column], strict=True):
                digest.update(f"\0{sorted(set(label)) if isinstance(label, list) else label}".encode())
            labelled += [digest.digest() for digest in digests]
    return np.array(texts, "S16"), np.array(labelled, "S16") if column else None
