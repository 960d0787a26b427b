"""Several source domains in one training set: the domain of each row, and each domain's share of an epoch.

A column `domain` of the training rows (class ids of a `datasets.ClassLabel`) holds the source of each row. An epoch
stays as long as there are rows; a domain with more rows than its share of them shows them over several epochs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from datasets import ClassLabel, Dataset

from nlp_transfer.data.corpus import DOMAIN_COLUMN
from nlp_transfer.errors import ConfigError, did_you_mean
from nlp_transfer.metrics.domain_distance import source_shares
from nlp_transfer.training.target_batches import InfiniteSampler

SOURCE_WEIGHTS = SIZE, EQUAL, DISTANCE = "size", "equal", "distance"
"""The words that `source_weights` may be, instead of numbers."""

DISTANCE_WEIGHTS = f"source_weights: {DISTANCE}"
"""Its name in messages."""


def read_weights(weights: str | list[float] | None) -> str | list[float]:
    """Read `source_weights`: a word, numbers, or numbers in one word, as a command line has them; None is `size`."""
    if not isinstance(weights, str):
        return SIZE if weights is None else weights
    try:
        return [float(weight) for weight in weights.split()]
    except ValueError:
        return weights


def weights_problems(weights: str | Sequence[float]) -> list[str]:
    """Return what is wrong with a value of `source_weights`, whatever the sources are."""
    path = "training.source_weights"
    if isinstance(weights, str):
        return [] if weights in SOURCE_WEIGHTS else [f"{path}: {did_you_mean('value', weights, SOURCE_WEIGHTS)}"]
    if not all(0 <= weight < np.inf for weight in weights) or not sum(weights) > 0:
        return [f"{path} is {list(weights)}; expected numbers of 0 or more, not all of them 0."]
    return []


@dataclass(frozen=True)
class Sources:
    """List the source domains of a training set; `domains` has an index into `names` for each row."""

    names: list[str]
    domains: np.ndarray

    def shares(self, weights: str | Sequence[float], train: Dataset, target: Dataset | None) -> np.ndarray:
        """Return each domain's share of an epoch's rows, shape (domains,); they sum to 1, and one without rows has 0.

        Raises:
            ConfigError: the numbers are not as many as the domains, or 0 for all that have rows.
        """
        counts = np.bincount(self.domains, minlength=len(self.names))
        present = np.flatnonzero(counts)
        numbers = np.zeros(len(counts))
        if weights == SIZE:
            numbers = counts.astype(float)
        elif weights == EQUAL:
            numbers[present] = 1.0
        elif weights == DISTANCE:
            assert target is not None, "checked before training"
            texts = list(train["input_ids"])
            by_domain = [[texts[int(i)] for i in np.flatnonzero(self.domains == domain)] for domain in present]
            numbers[present] = source_shares(by_domain, list(target["input_ids"]))
        else:
            if len(weights) != len(self.names):
                raise ConfigError(
                    f"training.source_weights has {len(weights)} numbers, and there are {len(self.names)} sources: "
                    f"{', '.join(self.names)}."
                )
            numbers[present] = np.asarray(weights, dtype=float)[present]
            if not numbers.sum():
                held = ", ".join(self.names[domain] for domain in present)
                raise ConfigError(
                    f"training.source_weights is {list(weights)}, which leaves no training row: the sources with rows "
                    f"are {held}."
                )
        return numbers / numbers.sum()

    def facts(self, shares: np.ndarray) -> dict[str, str]:
        """Return the rows and share of each, for the report."""
        counts = np.bincount(self.domains, minlength=len(self.names))
        return {
            name: f"{count:,} training rows, {share:.3f} of what an epoch draws"
            for name, count, share in zip(self.names, counts, shares, strict=True)
        }


def sources_of(dataset: Any, *, needed: bool = True) -> Sources | None:
    """Return the domains of training rows; None without a column of them, or with one; raise ConfigError if needed."""
    columns = getattr(dataset, "column_names", None)
    if not isinstance(columns, list) or DOMAIN_COLUMN not in columns:
        return None
    feature = dataset.features[DOMAIN_COLUMN]
    if not isinstance(feature, ClassLabel):
        if not needed:
            return None
        raise ConfigError(
            f"The column {DOMAIN_COLUMN!r} of train_dataset, a row's source, is {feature}; expected a ClassLabel: "
            f"train_dataset.class_encode_column({DOMAIN_COLUMN!r})."
        )
    domains = np.asarray(dataset[DOMAIN_COLUMN])
    return Sources(list(feature.names), domains) if len(np.unique(domains)) > 1 else None


class SourceDraws:
    """Draw an epoch's rows, so that each domain has its share of them; they follow from (seed, epoch) only."""

    def __init__(self, domains: np.ndarray, shares: np.ndarray, seed: int) -> None:
        self.rows = [np.flatnonzero(domains == domain) for domain in range(len(shares))]
        self.counts = _whole(shares * len(domains), len(domains))
        self.orders = [InfiniteSampler(max(1, len(rows)), seed + domain) for domain, rows in enumerate(self.rows)]

    def __call__(self, epoch: int) -> np.ndarray:
        """Return the rows of an epoch, as many as there are in all, domain by domain."""
        drawn = [
            rows[order.take(epoch * count, count)] if count else rows[:0]
            for rows, order, count in zip(self.rows, self.orders, self.counts, strict=True)
        ]
        return np.concatenate(drawn)


def _whole(parts: np.ndarray, total: int) -> list[int]:
    """Return whole numbers next to the parts that sum to the total (largest remainders)."""
    counts = np.floor(parts).astype(int)
    for place in np.argsort(counts - parts, kind="stable")[: total - counts.sum()]:
        counts[place] += 1
    return [int(count) for count in counts]
