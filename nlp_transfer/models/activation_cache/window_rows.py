"""Read the windows of encoded documents as rows, for what computes or stores the states of windows."""

from collections.abc import Sequence
from typing import Any

import numpy as np

WINDOW_IDS = "window_ids"
"""Column of encoded documents: see `DocumentTokens` in data/encoding/document_windows.py."""

TYPES = "token_type_ids"
"""Column of encoded pairs: 0 in the first text and 1 in the second."""


def window_edges(window_ids: Sequence[int] | np.ndarray) -> tuple[list[tuple[int, int]], list[int]]:
    """Return the first token and the one after the last of each window, and the number of tokens that it counts.

    Example:
        >>> window_edges([-1, 1, 1, -2, 2])
        ([(0, 3), (3, 5)], [2, 1])
    """
    numbers = np.asarray(window_ids)
    starts = np.flatnonzero(np.diff(np.abs(numbers), prepend=0))
    counts = np.add.reduceat(numbers > 0, starts, dtype=np.int64).tolist()
    return list(zip(starts.tolist(), [*starts[1:].tolist(), len(numbers)], strict=True)), counts


class WindowRows:
    """The windows of encoded documents as rows, in order.

    Attributes:
        documents: number of each window's document, shape (windows,).
        counts: number of tokens that each window counts, shape (windows,).
    """

    def __init__(self, dataset: Any) -> None:
        self._dataset = dataset.with_format("numpy")
        documents: list[int] = []
        counts: list[int] = []
        edges: list[tuple[int, int]] = []
        for document, row in enumerate(self._dataset.select_columns([WINDOW_IDS])):
            windows, of_windows = window_edges(row[WINDOW_IDS])
            edges += windows
            counts += of_windows
            documents += [document] * len(windows)
        self.documents, self.counts, self._edges = np.array(documents), np.array(counts), edges

    def __len__(self) -> int:
        return len(self._edges)

    def __getitem__(self, number: int) -> dict[str, Any]:
        row = self._dataset[int(self.documents[number])]
        start, end = self._edges[number]
        kept = {name: row[name] for name in ("labels", "label", "label_ids") if name in row}
        ids = row["input_ids"][start:end]
        types = {TYPES: row[TYPES][start:end]} if TYPES in row else {}
        return {"input_ids": ids, "attention_mask": np.ones_like(ids), **types, **kept}


def network_rows(dataset: Any) -> Any:
    """Return the rows that go through the encoder: the windows of documents, or the dataset itself."""
    return WindowRows(dataset) if WINDOW_IDS in (getattr(dataset, "column_names", None) or ()) else dataset
