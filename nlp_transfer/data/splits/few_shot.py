"""Make training sets of few labels: the same number of rows of each class, and descriptions of the classes."""

from collections.abc import Mapping

import numpy as np
from datasets import Dataset, Features, concatenate_datasets

from nlp_transfer.data.corpus import CorpusConfig, class_names, label_column
from nlp_transfer.data.descriptions import DESCRIPTION_ID
from nlp_transfer.data.splits.splitting import class_counts, label_pairs, split_off
from nlp_transfer.errors import DataError, did_you_mean


def drawn_splits(
    splits: dict[str, Dataset], config: CorpusConfig, key: str, *, trains: bool
) -> tuple[dict[str, Dataset], list[str]]:
    """Return the splits with few training rows, and with a calibration split out of these, if so set; and notes."""
    notes: list[str] = []
    if config.shots is not None:
        splits, notes = _few_shot_splits(splits, config.shots, config.draw or 0, key)
    if config.descriptions and "train" in splits:
        described = described_classes(splits["train"], config.descriptions, key)
        splits = {
            **splits,
            "train": concatenate_datasets([described, splits["train"].select_columns(described.column_names)]),
        }
        notes.append(f"The descriptions of {len(described)} classes are training rows.")
    if trains and config.split.calibration and "calibration" not in splits:
        pool = splits if config.shots is None else {"train": splits["train"]}  # a share of few rows, not of the test's
        made, how = split_off("calibration", pool, config.split, key)
        splits, notes = {**splits, **made}, [*notes, *how]
    return splits, notes


def _few_shot_splits(
    splits: dict[str, Dataset], shots: int, draw: int, key: str
) -> tuple[dict[str, Dataset], list[str]]:
    """Draw the training rows, and leave validation out; raise DataError where there is nothing to draw from."""
    if "train" not in splits or label_column(splits["train"].column_names) is None:
        found = ", ".join(splits)
        raise DataError(
            f"{key}.shots draws rows of a training split with labels, and there is none (splits found: {found}). Leave "
            "it out."
        )
    drawn, note = draw_shots(splits["train"], shots, draw, key)
    notes = [note]
    if "validation" in splits:
        notes.append(
            f"The {len(splits['validation']):,} rows of the split validation are not read: they are labels too."
        )
    return {name: split for name, split in {**splits, "train": drawn}.items() if name != "validation"}, notes


def described_classes(train: Dataset, descriptions: Mapping[str, str], key: str) -> Dataset:
    """Return a row for each class: its description, with its label; raise DataError where they do not fit."""
    names, column = class_names(train), label_column(train.column_names)
    path = f"{key}.descriptions"
    problems = [f"{path}: {did_you_mean('class', name, names)}" for name in descriptions if name not in names]
    if missing := [name for name in names if name not in descriptions]:
        problems.append(f"{path} lacks {', '.join(missing)}. Describe every class, or leave it out.")
    problems += [f"{path}.{name} is blank." for name, text in descriptions.items() if not str(text).strip()]
    if problems or column is None:
        raise DataError(problems or f"{path} is for texts with labels, and there are none. Leave it out.")
    labels = list(range(len(names)))
    rows = {
        "id": [f"{DESCRIPTION_ID}{name}" for name in names],
        "text": [descriptions[name] for name in names],
        column: labels if column == "label" else [[label] for label in labels],
    }
    return Dataset.from_dict(rows, features=Features({name: train.features[name] for name in rows}))


def draw_shots(train: Dataset, shots: int, draw: int, key: str) -> tuple[Dataset, str]:
    """Return `shots` random rows of each class, in the order of `train`, and a note.

    Of rows with several labels each class has at least `shots`: rows are drawn for the rarest class first, and count
    for all of their classes. Rows without a label are not drawn.

    Args:
        draw: seed of the draw.
        key: path of the corpus in the configuration, for messages.

    Raises:
        DataError: a class has fewer rows.
    """
    names, counts = class_names(train), class_counts(train)
    few = [f"{name} ({count})" for name, count in zip(names, counts.tolist(), strict=True) if 0 < count < shots]
    if few:
        raise DataError(
            f"{key}.shots is {shots}, and the training split has fewer rows of {', '.join(few)}. Set it to "
            f"{counts[counts > 0].min()} or less, or leave these classes out of the corpus."
        )
    rows, classes = label_pairs(train)
    order = np.random.default_rng(draw).permutation(len(train))
    rank = np.empty(len(train), np.int64)
    rank[order] = np.arange(len(train))
    chosen = np.zeros(len(train), bool)
    for label in np.argsort(counts, kind="stable").tolist():
        own = rows[classes == label]
        lacking = max(0, shots - int(chosen[own].sum()))
        candidates = own[~chosen[own]]
        chosen[candidates[np.argsort(rank[candidates])][:lacking]] = True
    drawn = train.select(np.flatnonzero(chosen))
    least = "" if label_column(train.column_names) == "label" else "at least "
    note = f"{len(drawn):,} of {len(train):,} training rows are drawn, {least}{shots} of each class (draw {draw})."
    return drawn, note
