"""`predictions.jsonl.gz`: one line a row, what was true, what was predicted, how sure.

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
"""The file inside a run's folder that has a line for each held-out row."""

KEYS = ("id", "split", "domain", "label", "predicted", "probabilities")
"""The keys of a line, in their order. `label` is null where a row has none; lists of names for multi-label."""


def write_predictions(
    path: str | os.PathLike[str], rows: Iterable[Mapping[str, Any]], keys: Sequence[str] = KEYS
) -> int:
    """Write rows as they come, in constant memory; the file appears when all are written.

    Args:
        path: ends in `.jsonl.gz`.
        rows: dicts with these keys; `label` may be left out. Probabilities are rounded to 6 decimals.
        keys: of a line, in their order.

    Returns:
        How many rows were written.

    Raises:
        ValueError: a row whose keys are not these.
    """
    count = 0
    with atomic_file(path) as file, gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as zipped:
        for row in rows:
            line = {key: row.get(key) for key in keys}
            missing = [key for key in keys if key not in row and key != "label"]
            unknown = [key for key in row if key not in keys]
            if missing or unknown:
                raise ValueError(
                    f"Row {count} of the predictions lacks {', '.join(missing) or 'nothing'} and has unknown "
                    f"{', '.join(unknown) or 'nothing'}; its keys must be {', '.join(keys)}."
                )
            if "probabilities" in row:
                line["probabilities"] = {name: round(float(p), 6) for name, p in row["probabilities"].items()}
            zipped.write(json.dumps(to_json_value(line), ensure_ascii=False, allow_nan=False).encode() + b"\n")
            count += 1
    return count


def read_predictions(
    path: str | os.PathLike[str], domain: str, splits: Container[str]
) -> tuple[np.ndarray, np.ndarray]:
    """What `write_predictions` wrote of a domain's rows in some splits.

    Returns:
        Probabilities, shape (rows, classes), and what was predicted: class ids, shape (rows,), or zeros and ones, shape
        (rows, classes).
    """
    probabilities, predicted = [], []
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            if row["domain"] == domain and row["split"] in splits:
                names, said = list(row["probabilities"]), row["predicted"]
                probabilities.append(list(row["probabilities"].values()))
                predicted.append([int(name in said) for name in names] if isinstance(said, list) else names.index(said))
    return np.array(probabilities), np.array(predicted)
