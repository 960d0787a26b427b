"""Assign groups of rows to splits so that each class has its share in each, by iterative stratification of groups.

A last step moves groups so that a class with three groups is in all three splits, one with two in train and test.
Reference: Sechidis, Tsoumakas & Vlahavas (2011), On the stratification of multi-label data, ECML PKDD.
"""

import numpy as np
from scipy.sparse import coo_array, csc_array, csr_array

_PRIORITY = ("train", "test", "validation")  # order in which splits receive a class with too few groups


def stratified_assignment(
    groups: np.ndarray, rows: np.ndarray, classes: np.ndarray, shares: dict[str, float], seed: int
) -> np.ndarray:
    """Return the split of every row as an index into `shares`, shape (rows,).

    Args:
        groups: group id of each row, 0 … groups - 1, shape (rows,).
        rows: the row of each label, shape (labels,).
        classes: the class of each label, shape (labels,).
        shares: share of the rows by split; they sum to 1.

    Example:
        >>> rows = np.arange(4)
        >>> split = stratified_assignment(rows, rows, np.array([0, 0, 1, 1]), {"train": 0.5, "test": 0.5}, seed=0)
        >>> np.bincount(split[:2]).tolist(), np.bincount(split[2:]).tolist()
        ([1, 1], [1, 1])
    """
    sizes = np.bincount(groups)
    shape = len(sizes), int(classes.max(initial=-1)) + 1
    counts = csr_array(coo_array((np.ones(len(rows), np.int64), (groups[rows], classes)), shape=shape))
    counts.sum_duplicates()
    order = np.random.default_rng(seed).permutation(len(sizes))
    order = order[np.argsort(-sizes[order], kind="stable")]
    draw = _Draw(sizes, counts, order, np.array(list(shares.values())))
    draw.assign()
    draw.cover([list(shares).index(name) for name in _PRIORITY if name in shares])
    return draw.split[groups]


class _Draw:
    """Assignment of groups to splits in progress."""

    def __init__(self, sizes: np.ndarray, counts: csr_array, order: np.ndarray, shares: np.ndarray) -> None:
        self.sizes, self.counts, self.order = sizes, counts, order
        self.columns = csc_array(counts)
        self.split = np.full(len(sizes), -1)
        self.rank = np.empty(len(sizes), np.int64)
        self.rank[order] = np.arange(len(order))
        totals = np.asarray(counts.sum(axis=0)).ravel()
        self.lacking = (shares * sizes.sum()).tolist()
        self.lacking_class = (shares[:, None] * totals).tolist()
        self.remaining = totals

    def assign(self) -> None:
        """Assign every group to a split."""
        while self.remaining.any():
            label = int(np.argmin(np.where(self.remaining > 0, self.remaining, np.iinfo(np.int64).max)))
            groups = self._groups_with(label)
            groups = groups[self.split[groups] < 0]
            for group in groups[np.argsort(self.rank[groups])].tolist():
                self._put(group, label)
        for group in self.order.tolist():
            if self.split[group] < 0:
                self._put(group, None)

    def _put(self, group: int, label: int | None) -> None:
        """Assign a group to the split that lacks most of it."""
        size = int(self.sizes[group])

        def lack(split: int) -> tuple[float, float]:
            total = round(self.lacking[split], 6)
            return (0.0 if label is None else round(self.lacking_class[split][label], 6), total)

        best = max(range(len(self.lacking)), key=lack)
        self.split[group] = best
        self.lacking[best] -= size
        start, stop = self.counts.indptr[group], self.counts.indptr[group + 1]
        for column, count in zip(
            self.counts.indices[start:stop].tolist(), self.counts.data[start:stop].tolist(), strict=True
        ):
            self.lacking_class[best][column] -= count
            self.remaining[column] -= count

    def cover(self, priority: list[int]) -> None:
        """Move groups so that classes are in as many splits as they have groups, splits of `priority` first."""
        for label in np.argsort(np.diff(self.columns.indptr), kind="stable").tolist():
            groups = self._groups_with(label)
            for split in priority[: len(groups)]:
                if not (self.split[groups] == split).any():
                    self._move_one(groups, split, priority)

    def _move_one(self, groups: np.ndarray, target: int, priority: list[int]) -> None:
        """Move the smallest group to a split, if each of its classes can leave its split."""
        for group in groups[np.lexsort([self.rank[groups], self.sizes[groups]])].tolist():
            source = int(self.split[group])
            start, stop = self.counts.indptr[group], self.counts.indptr[group + 1]
            if all(self._can_leave(label, source, priority) for label in self.counts.indices[start:stop].tolist()):
                self.split[group] = target
                return

    def _can_leave(self, label: int, source: int, priority: list[int]) -> bool:
        """Return True if a class can spare a group of a split."""
        groups = self._groups_with(label)
        wanted = source in priority[: len(groups)]
        return not wanted or int((self.split[groups] == source).sum()) > 1

    def _groups_with(self, label: int) -> np.ndarray:
        """Return the groups that hold rows of a class."""
        return self.columns.indices[self.columns.indptr[label] : self.columns.indptr[label + 1]]
