"""Make train, validation and test splits: stratified, grouped by a column, or near-duplicate-safe."""

from collections.abc import Iterator

import numpy as np
import pyarrow.compute as pc
from datasets import Dataset

from nlp_transfer.data.corpus import SECOND, SPLITS, SplitConfig, class_names, label_column
from nlp_transfer.data.row_inputs import content_column, row_noun
from nlp_transfer.data.splits.near_duplicates import SHINGLE_WORDS, near_duplicate_groups
from nlp_transfer.data.splits.stratified_group_split import stratified_assignment
from nlp_transfer.errors import DataError


def make_splits(pool: Dataset, config: SplitConfig, method: str, key: str) -> tuple[dict[str, Dataset], list[str]]:
    """Split `pool` into train, validation and test rows in the pool's order; return splits and notes."""
    shares = {"train": 1 - config.validation - config.test, "validation": config.validation, "test": config.test}
    shares = {name: share for name, share in shares.items() if share > 0}
    groups, how = _groups(pool, config, method)
    splits = _draw_splits(pool, groups, shares, config.seed, key)
    sizes = ", ".join(f"{name} {len(split):,}" for name, split in splits.items())
    notes = [f"Splits made from {len(pool):,} rows by {method} ({how}seed {config.seed}): {sizes}."]
    rows_of_groups = np.bincount(groups)
    largest, alike = rows_of_groups.max(), rows_of_groups[rows_of_groups > 1]
    if len(alike) and method == "near_duplicate":
        noun = row_noun(pool.column_names)
        paired = SECOND in pool.column_names
        counts = f"{len(alike):,}, with {alike.sum():,} of {len(pool):,} {'pairs' if paired else f'{noun}s'}"
        what = f"pairs with alike {noun}s" if paired else f"alike {noun}s"
        notes.append(f"Groups of {what}, which stay within one split: {counts}; the largest has {largest:,}.")
    elif len(alike):
        what = f"rows with one {config.column!r}"
        notes.append(
            f"{len(rows_of_groups):,} groups of {what} each stay within one split; the largest has {largest:,} rows."
        )
    return splits, notes


def split_off(
    name: str, splits: dict[str, Dataset], config: SplitConfig, key: str
) -> tuple[dict[str, Dataset], list[str]]:
    """Split a validation or calibration set off train: `config`'s share of all labelled rows.

    It is drawn by `config.method`. Where that draws no splits, similar texts stay on one side, because near copies of
    training texts would make selection reward memory.
    """
    train = splits["train"]
    wanted = getattr(config, name) * sum(len(rows) for other, rows in splits.items() if other != "unlabeled")
    share = wanted / len(train)
    if not 0 < share < 1:
        problem = f"{wanted:.0f} {name} rows cannot come out of {len(train):,} training rows"
        raise DataError(f"{key}.split.{name} is {getattr(config, name)}: {problem}.")
    method = "near_duplicate" if config.method in ("auto", "given") else config.method
    groups, how = _groups(train, config, method)
    made = _draw_splits(train, groups, {"train": 1 - share, name: share}, config.seed, key)
    note = (
        f"The source has no {name} split: {len(made[name]):,} of {len(train):,} training rows became one "
        f"({method}, {how}seed {config.seed})."
    )
    return {**splits, **made}, [note]


def missing_class_notes(splits: dict[str, Dataset]) -> list[str]:
    """Return a note for each split but `unlabeled` that lacks rows of a class."""
    notes = []
    for name in SPLITS[:-1]:
        names = class_names(splits[name]) if name in splits else []
        if not names:
            continue
        absent = [label for label, count in zip(names, class_counts(splits[name]), strict=True) if not count]
        if absent:
            listed = ", ".join(absent[:20]) + (", …" if len(absent) > 20 else "")
            notes.append(f"{name}: no row of {len(absent)} of {len(names)} classes ({listed}).")
    return notes


def class_counts(split: Dataset) -> np.ndarray:
    """Return the number of rows of each class, shape (classes,).

    Example:
        >>> from datasets import ClassLabel, Features, Value
        >>> features = Features({"text": Value("string"), "label": ClassLabel(names=["a", "b"])})
        >>> class_counts(Dataset.from_dict({"text": ["x", "y", "z"], "label": [0, 1, 1]}, features=features))
        array([1, 2])
    """
    column, classes = str(label_column(split.column_names)), len(class_names(split))
    counts = np.zeros(classes, np.int64)
    for batch in split.select_columns([column]).with_format("arrow").iter(10_000):
        values = batch.column(column)
        ids = pc.list_flatten(values) if column == "labels" else values
        counts += np.bincount(ids.drop_null().to_numpy(), minlength=classes)
    return counts


def _groups(pool: Dataset, config: SplitConfig, method: str) -> tuple[np.ndarray, str]:
    """Return the group of every row, shape (rows,), and the method's settings for a note."""
    if method == "near_duplicate":
        how = f"Jaccard similarity of {SHINGLE_WORDS}-word shingles from {config.similarity:g}, "
        if content_column(pool.column_names) != "text":
            how = "only equal files are alike; near copies stay together by `grouped`; "
        return near_duplicate_groups(_texts(pool), len(pool), config.similarity), how
    if method == "grouped":
        values = pool.select_columns(["group"]).with_format("arrow")[:].column("group")
        encoded = values.combine_chunks().dictionary_encode()
        return encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64), f"column {config.column!r}, "
    return np.arange(len(pool)), ""


def _draw_splits(
    pool: Dataset, groups: np.ndarray, shares: dict[str, float], seed: int, key: str
) -> dict[str, Dataset]:
    """Return the rows of every split, in the pool's order."""
    assignment = stratified_assignment(groups, *label_pairs(pool), shares, seed)
    splits = {}
    for index, name in enumerate(shares):
        chosen = np.flatnonzero(assignment == index)
        if not len(chosen):
            raise DataError(
                f"{key}: the split {name!r} would be empty: {len(pool):,} rows in {groups.max() + 1:,} groups that "
                f"stay together are too few for it. Set {key}.split.method, .validation and .test otherwise."
            )
        splits[name] = pool.select(chosen)
    return splits


def _texts(pool: Dataset) -> Iterator[str]:
    """Yield what rows are compared by, read a batch at a time."""
    column = content_column(pool.column_names)
    for batch in pool.select_columns([column]).iter(1000):
        yield from batch[column]


def label_pairs(pool: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Return the row and the class of every label, shape (labels,) each."""
    column = label_column(pool.column_names)
    if column is None:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    values = pool.select_columns([column]).with_format("arrow")[:].column(column).combine_chunks()
    if column == "label":
        return np.arange(len(pool)), values.to_numpy(zero_copy_only=False)
    lengths = pc.list_value_length(values).to_numpy(zero_copy_only=False)
    return np.repeat(np.arange(len(pool)), lengths), values.flatten().to_numpy(zero_copy_only=False)
