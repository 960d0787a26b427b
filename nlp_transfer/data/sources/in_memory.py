"""Read corpora from `datasets` objects and pandas data frames."""

import hashlib
import json
from collections.abc import Callable, Container, Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from datasets import ClassLabel, Dataset, Features

from nlp_transfer.data.corpus import CorpusConfig
from nlp_transfer.data.source import MAX_BATCH_ROWS, CorpusReader, RawSplit, RowBatch
from nlp_transfer.data.splits.split_names import UNSPLIT, match_split_names
from nlp_transfer.data.validation.column_spec import READ_COLUMNS
from nlp_transfer.data.validation.documents import to_list
from nlp_transfer.data.validation.images import any_file
from nlp_transfer.data.validation.spans import TAG_COLUMNS
from nlp_transfer.errors import DataError
from nlp_transfer.files import file_digest


def object_source(
    data: Any, *, key: str, columns: dict[str, str], splits: dict[str, str], origin: str | None = None
) -> CorpusReader:
    """Return a source from a `datasets.Dataset`, a pandas DataFrame, or a mapping of split name to either.

    Args:
        columns: renames (theirs: ours), which identify the label column.
        origin: source for reports of rows that come from elsewhere; None describes the object of a user.
    """
    whole = not isinstance(data, Mapping)
    data = {UNSPLIT: data} if whole else data
    kinds = {_kind(value, key) for value in data.values()}
    notes: list[str] = []
    chosen = {UNSPLIT: UNSPLIT} if whole else match_split_names(list(data), splits, key, f"{key}.splits", notes)
    raw: dict[str, RawSplit] = {}
    names: list[str] | None = None
    for ours, theirs in chosen.items():
        name = origin or key
        where = name if whole else f"{name}, split {theirs!r}"
        value = data[theirs]
        raw[ours] = RawSplit(where, table_reader(value, where), _identity(value), None if origin else any_file)
        if isinstance(value, Dataset):
            names = names or _class_names(value.features, columns)
    return CorpusReader(origin or " and ".join(sorted(kinds)), raw, names, notes)


def memory_source(config: CorpusConfig, key: str) -> CorpusReader:
    """Return the source of a configuration's rows in memory."""
    return object_source(config.data, key=key, columns=config.columns, splits=config.splits)


def describe_rows(config: CorpusConfig) -> str:
    """Return the kind, number and digest of a configuration's rows in memory: the same for the same values that count.

    Example:
        >>> describe_rows(CorpusConfig(data=pd.DataFrame({"text": ["a", "b"]})))
        'pandas DataFrame of 2 rows, SHA-256 ...'
    """
    counted = frozenset([*READ_COLUMNS, *config.columns, config.split.column or "text"])
    source, count = memory_source(config, "data"), 0
    digest = hashlib.sha256(json.dumps(source.label_names).encode())
    for name, split in source.splits.items():
        digest.update(name.encode())
        for batch in split.read(counted):
            columns = {column: to_list(values) for column, values in batch.columns.items()}
            digest.update(json.dumps(columns, sort_keys=True, default=repr).encode())
            count += max(map(len, columns.values()), default=0)
    return f"{source.origin} of {count:,} rows, SHA-256 {digest.hexdigest()[:16]}"


def _kind(value: Any, key: str) -> str:
    """Return the type of a table for messages; raise `DataError` for other types."""
    if isinstance(value, pd.DataFrame):
        return "pandas DataFrame"
    if isinstance(value, Dataset):
        return "datasets.Dataset"
    raise DataError(
        f"{key}: got a {type(value).__module__}.{type(value).__name__}; expected a datasets.Dataset, a "
        "datasets.DatasetDict, a pandas DataFrame, or a dict of split name to one of these."
    )


def _class_names(features: Features, columns: dict[str, str]) -> list[str] | None:
    """Return the names of a label column of ClassLabels."""
    for column, feature in features.items():
        inner = feature if isinstance(feature, ClassLabel) else getattr(feature, "feature", None)
        if columns.get(column, column) in ("label", "labels") and isinstance(inner, ClassLabel):
            return list(inner.names or ()) or None
    return None


def _holds_class_ids(feature: Any) -> bool:
    return isinstance(getattr(feature, "feature", None), ClassLabel)


def table_reader(data: pd.DataFrame | Dataset, where: str) -> Callable[[Container[str]], Iterator[RowBatch]]:
    """Return the reader of a table's rows; see `RawSplit`."""
    return _frame_reader(data, where) if isinstance(data, pd.DataFrame) else _dataset_reader(data)


def _identity(data: pd.DataFrame | Dataset) -> tuple[Any, ...] | None:
    """Return the identity of a dataset on disk; None for rows in memory."""
    if isinstance(data, pd.DataFrame) or not data.cache_files:
        return None
    files = [file_digest(Path(file["filename"])) for file in data.cache_files]
    return ("dataset", data._fingerprint, len(data), files)


def _dataset_reader(dataset: Dataset) -> Callable[[Container[str]], Iterator[RowBatch]]:
    """Return the reader of a `datasets.Dataset`; a dataset on disk is read from disk."""
    plain = dataset.with_format(None)

    def read(wanted: Container[str]) -> Iterator[RowBatch]:
        available = tuple(plain.column_names)
        present = [name for name in available if name in wanted]
        if not present:
            if len(plain):
                yield RowBatch(1, available, {})
            return
        # A column of mixed types is a Json feature, whose Arrow form hides the types: such columns go through Python.
        arrow = [name for name in present if type(plain.features[name]).__name__ != "Json"]
        tagged = [name for name in present if name in TAG_COLUMNS and _holds_class_ids(plain.features[name])]
        columns = plain.select_columns(present)
        for start in range(0, len(plain), MAX_BATCH_ROWS):
            stop = min(start + MAX_BATCH_ROWS, len(plain))
            values: dict[str, Any] = {}
            if arrow:
                table: pa.Table = columns.select_columns(arrow).with_format("arrow")[start:stop]
                values = {name: table.column(name) for name in arrow}
            if len(arrow) < len(present):
                rows = columns.select_columns([name for name in present if name not in arrow])[start:stop]
                values.update(rows)
            values |= {name: _names_of(plain.features[name], values[name]) for name in tagged if name in values}
            yield RowBatch(start + 1, available, values)

    return read


def _names_of(feature: Any, values: Any) -> list[Any]:
    """Return lists of class ids, such as tags of words, as lists of class names."""
    names = feature.feature.names
    return [None if row is None else [names[one] for one in row] for row in to_list(values)]


def _frame_reader(frame: pd.DataFrame, where: str) -> Callable[[Container[str]], Iterator[RowBatch]]:
    """Return the reader of a data frame; row N is its N-th, whatever its index."""
    repeated = frame.columns[frame.columns.duplicated()]
    if len(repeated):
        raise DataError(f"{where}: the data frame has two columns {repeated[0]!r}; column names are unique.")

    def read(wanted: Container[str]) -> Iterator[RowBatch]:
        available = tuple(map(str, frame.columns))
        for start in range(0, len(frame), MAX_BATCH_ROWS):
            part = frame.iloc[start : start + MAX_BATCH_ROWS]
            yield RowBatch(
                start + 1, available, {str(name): _values(part[name]) for name in frame.columns if str(name) in wanted}
            )

    return read


def _values(column: "pd.Series[Any]") -> list[Any]:
    """Return a column as Python objects; missing values are None, arrays are lists."""
    missing = column.isna().tolist()
    return [
        None if gone else value.tolist() if hasattr(value, "tolist") else value
        for gone, value in zip(missing, column.tolist(), strict=True)
    ]
