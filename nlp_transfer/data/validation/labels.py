"""Convert labels to `ClassLabel` ids.

Classes have the order of the names that a model, the configuration or the source gives; else numerical order if all
labels are integers, else alphabetical order.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from datasets import ClassLabel, Dataset, List

from nlp_transfer.data.validation.blank import visible_forms
from nlp_transfer.data.validation.row_errors import RowErrors
from nlp_transfer.errors import DataError
from nlp_transfer.files import cache_key


@dataclass(frozen=True)
class LabelNames:
    """Class names that are known before the rows are read.

    Args:
        given: class names in the order of their ids; integers index them.
        trained: classes of a model or a source corpus, in their order; other labels are errors.
        noun: the user's name of the column, for advice.
    """

    key: str
    given: list[str] | None = None
    trained: list[str] | None = None
    noun: str = "label"


_MAX_DIGITS = 1000  # maximum number of digits of a class name that is ordered as a number


def add_class_labels(
    splits: dict[str, Dataset], where: dict[str, str], names: LabelNames, training: Iterable[str]
) -> dict[str, Dataset]:
    """Convert the label column of each labelled split, JSON text or lists of it, to `ClassLabel`.

    Args:
        training: splits whose labels define the classes, if names are unknown.

    Raises:
        DataError: labels are of two kinds, look the same, are outside the names, or unseen in training.
    """
    column = _one_column(splits, where)
    if column is None:
        return splits
    labelled = {name: split for name, split in splits.items() if column in split.column_names}
    written = {name: _distinct(split, column) for name, split in labelled.items()}
    _check_look_alikes(labelled, column, where, written)
    meanings = _meanings({value for values in written.values() for value in values}, names)
    classes = names.trained or names.given
    if classes is None:
        sources = [name for name in training if name in labelled] or list(labelled)
        classes = order_class_names({meanings[value] for name in sources for value in written[name]})
    if not classes:
        place = next(iter(where.values()))
        what = "an entity in its spans" if names.noun == "spans" else f"a label in column {column!r}"
        raise DataError(f"{place}: no row has {what}; there is nothing to learn. Add labels.")
    problems = []
    for name, split in labelled.items():
        own = {value: meanings[value] for value in written[name]}
        problems += _unknown_labels(split, column, RowErrors(where[name]), own, classes, names)
    if problems:
        raise DataError(problems)
    ids = {value: classes.index(str(meaning)) for value, meaning in meanings.items()}
    return {
        name: _encoded(split, column, ids, classes) if name in labelled else split for name, split in splits.items()
    }


def order_class_names(names: Iterable[str | None]) -> list[str]:
    """Sort class names as numbers if all are integers, else as text.

    Example:
        >>> order_class_names(["10", "9"]), order_class_names(["10", "9", "a"])
        (['9', '10'], ['10', '9', 'a'])
    """
    present = [name for name in names if name is not None]
    return sorted(present, key=int) if all(map(_is_integer, present)) else sorted(present)


def _is_integer(name: str) -> bool:
    """Return True for an integer as Python writes it: `-1` and `10`, not `01`."""
    digits = name.removeprefix("-")
    # Python reads no integer of thousands of digits.
    return digits.isascii() and digits.isdigit() and len(digits) <= _MAX_DIGITS and str(int(name)) == name


def _one_column(splits: dict[str, Dataset], where: dict[str, str]) -> str | None:
    """Return the label column that the splits share; None if there is none."""
    columns = {
        name: column for name, split in splits.items() for column in ("label", "labels") if column in split.column_names
    }
    if len(set(columns.values())) > 1:
        single = next(name for name, column in columns.items() if column == "label")
        multi = next(name for name, column in columns.items() if column == "labels")
        raise DataError(f"Labels of two kinds: {where[single]} has one label a row, {where[multi]} lists of labels.")
    return next(iter(columns.values()), None)


def _distinct(split: Dataset, column: str) -> list[str]:
    """Return the distinct labels as JSON text."""
    values = split.data.column(column)
    return (pc.list_flatten(values) if column == "labels" else values).unique().to_pylist()


def _check_look_alikes(
    labelled: dict[str, Dataset], column: str, where: dict[str, str], written: dict[str, list[str]]
) -> None:
    """Raise `DataError` if two labels differ only in invisible characters: they would be two classes."""
    places: dict[str, str] = {}
    for name, values in written.items():
        for value in values:
            places.setdefault(value, name)
    texts = {value: label for value in places if isinstance(label := json.loads(value), str)}
    first: dict[str, str] = {}
    problems = []
    for value, form in zip(texts, visible_forms(list(texts.values())), strict=True):
        other = first.setdefault(form, value)
        if other != value:
            one, two = (
                f"{texts[each]!a} ({where[places[each]]}, row {_rows_with(labelled[places[each]], column, each)[0]})"
                for each in (other, value)
            )
            problems.append(f"{column} {one} and {two} look the same: they differ only in characters that nobody sees.")
    if problems:
        raise DataError(problems)


def _meanings(values: set[str], names: LabelNames) -> dict[str, str | None]:
    """Return the class name of each label; None for an integer outside the given names."""
    plain = {value: json.loads(value) for value in values}
    texts = {value: str(label) for value, label in plain.items()}
    if names.given is None:
        return dict(texts)
    numbers = all(isinstance(label, int) for label in plain.values())
    # A CSV file knows no integers: there, numbers that are no names index the names too.
    if not numbers and not set(texts.values()) <= set(names.given):
        numbers = all(map(_is_integer, texts.values()))
    if not numbers:
        return dict(texts)
    return {
        value: names.given[int(text)] if 0 <= int(text) < len(names.given) else None for value, text in texts.items()
    }


def _unknown_labels(
    split: Dataset,
    column: str,
    errors: RowErrors,
    meanings: dict[str, str | None],
    classes: list[str],
    names: LabelNames,
) -> list[str]:
    """Return messages for the labels of a split, those of `meanings`, that are no class."""
    listed = _listed_names(classes)
    for value, meaning in meanings.items():
        if meaning in classes:
            continue
        label, rows = json.loads(value), _rows_with(split, column, value)
        if meaning is None:
            problem = f"{column} {label} is outside {names.key}.label_names (0 to {len(names.given or []) - 1})"
            hidden = " Some datasets hide the labels of a test split as -1: leave it out." if label == -1 else ""
            errors.add(problem, f"Classes: {listed}.{hidden}", rows)
        elif names.trained is None and names.given is not None:
            errors.add(f"{column} {label!r} is not in {names.key}.label_names", f"Classes: {listed}.", rows)
        else:
            advice = f"Classes of training: {listed}. Correct or remove these rows, or train with such rows."
            if names.trained is not None and names.key == "target":
                advice += f" Or put them into a file unlabeled; target.columns: {{{names.noun}: unread}} scores none."
            if names.trained is not None and names.given is None and isinstance(label, int):
                advice += f" Where integers stand for these classes, set {names.key}.label_names."
            errors.add(f"{column} {label!r} is unseen in training", advice, rows)
    return errors.messages()


def _listed_names(names: list[str]) -> str:
    """List names, shortened to fit a message."""
    return ", ".join(names[:30]) + (f", … ({len(names)} classes)" if len(names) > 30 else "")


def _rows_with(split: Dataset, column: str, value: str) -> np.ndarray:
    """Return the source rows that have a label."""
    rows, labels = split.data.column("row"), split.data.column(column)
    if column == "labels":
        parents = pc.list_parent_indices(labels.combine_chunks())
        hits = parents.filter(pc.equal(labels.combine_chunks().flatten(), value)).unique()
        return rows.take(hits).to_numpy()
    return rows.filter(pc.equal(labels, value)).to_numpy()


def _encoded(split: Dataset, column: str, ids: dict[str, int], names: list[str]) -> Dataset:
    """Return the split with class ids; only the label column is held in memory."""
    written, numbers = pa.array(list(ids), pa.string()), pa.array(list(ids.values()), pa.int64())

    return replace_class_ids(
        split,
        column,
        lambda values: numbers.take(pc.index_in(values, written)),
        names,
        cache_key(split._fingerprint, column, ids, names)[:32],
    )


def with_class_order(split: Dataset, names: list[str]) -> Dataset:
    """Return a split of one label a row with its classes in another order; without labels as it is."""
    if "label" not in split.column_names:
        return split
    split = split.flatten_indices() if split._indices is not None else split
    numbers = pa.array([names.index(name) for name in split.features["label"].names], pa.int64())
    key = cache_key(split._fingerprint, "order", names)[:32]
    return replace_class_ids(split, "label", numbers.take, names, key)


def replace_class_ids(
    split: Dataset, column: str, encode: Callable[[pa.Array], pa.Array], names: list[str], fingerprint: str
) -> Dataset:
    """Return the split with new ids in its label column, which comes last.

    Only that column is held in memory.

    Args:
        column: `label`, or `labels`, which holds lists.
        encode: maps an array of single labels to ids, int64.
    """
    chunks = []
    for chunk in split.data.column(column).chunks:
        if column == "label":
            chunks.append(encode(chunk))
        else:
            lengths = pc.list_value_length(chunk).to_numpy()
            offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32())
            chunks.append(pa.ListArray.from_arrays(offsets, encode(chunk.flatten())))
    label = ClassLabel(names=names)
    kind = pa.int64() if column == "label" else pa.list_(pa.int64())
    return split.remove_columns(column).add_column(
        column,
        pa.chunked_array(chunks, kind),  # type: ignore[arg-type]  # documented as a list; Arrow is taken as it is
        feature=label if column == "label" else List(label),
        new_fingerprint=fingerprint,
    )
