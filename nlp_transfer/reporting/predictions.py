"""Write and read `predictions.jsonl.gz`, one line a row: label, prediction, probabilities.

    {"id": "mit_1223", "split": "test", "domain": "source", "label": "Permissive", "predicted": "Permissive",
     "probabilities": {"Permissive": 0.982311, "Copyleft": 0.017689}}

The same rows give the same bytes: gzip's header has no time and no name.
"""

import gzip
import json
import os
from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from nlp_transfer.files import atomic_file, to_json_value

PREDICTIONS = "predictions.jsonl.gz"
"""The file in a run's folder that has a line for each held-out row."""

KEYS = ("id", "split", "domain", "label", "predicted", "probabilities")
"""The keys of a line, in their order. `label` is null where a row has none; lists of names for multi-label."""


def write_predictions(
    path: str | os.PathLike[str], rows: Iterable[Mapping[str, Any]], keys: Sequence[str] = KEYS
) -> None:
    """Write rows as they come, in constant memory; `label` may be missing, probabilities are rounded to 6 decimals."""
    with atomic_file(path) as file, gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as zipped:
        for row in rows:
            line = {key: row[key] if key != "label" else row.get(key) for key in keys}
            if "probabilities" in row:
                line["probabilities"] = {name: round(float(p), 6) for name, p in row["probabilities"].items()}
            zipped.write(json.dumps(to_json_value(line), ensure_ascii=False, allow_nan=False).encode() + b"\n")


def truth_of(row: Mapping[str, Any]) -> Any:
    """Return the reference of a line of predictions; None without one.

    Example:
        >>> truth_of({"id": 3, "label": "red"})
        'red'
    """
    return next((row[name] for name in ("label", "references", "reference") if name in row), None)


def read_rows(path: str | os.PathLike[str], domain: str, split: str) -> list[dict[str, Any]]:
    """Return the lines of one split, in their order."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [row for row in map(json.loads, lines) if (row["domain"], row["split"]) == (domain, split)]


def read_predictions(
    path: str | os.PathLike[str], domain: str, splits: Container[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Return a domain's probabilities (rows, classes), and its class ids, or zeros and ones for several labels."""
    probabilities, predicted = [], []
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            if row["domain"] == domain and row["split"] in splits:
                names, chosen = list(row["probabilities"]), row["predicted"]
                several = isinstance(chosen, list)
                probabilities.append(list(row["probabilities"].values()))
                predicted.append([int(name in chosen) for name in names] if several else names.index(chosen))
    return np.array(probabilities), np.array(predicted)
