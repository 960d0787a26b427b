"""Score heads on rows that they were not fitted on: validation rows or, without any, by cross-validation.

A description of a class is no text of it, and is never held out where there are texts beside.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from nlp_transfer.data.descriptions import is_description
from nlp_transfer.errors import ConfigError

if TYPE_CHECKING:
    from datasets import Dataset
    from torch import Tensor

    from nlp_transfer.models.heads.window_features import Features

Head = tuple["Tensor", "Tensor"]
"""Weight, shape (classes, hidden), and bias, shape (classes,)."""

Fit = Callable[["Features", "Tensor"], list[Head]]
"""(features, labels) -> heads, one for each setting."""

FOLDS, REPEATS = 4, 3
"""Cross-validation: number of folds, and of random divisions into them."""


@dataclass(frozen=True)
class HeldOut:
    """Fit heads on training rows, and compute their logits on rows that are held out.

    Args:
        labels: of the training rows.
        validation_labels: of the validation rows; empty without.
        seed: of the folds.
        fixed: training rows that are never held out, shape (rows,); empty for none; see `fixed_rows`.

    Example:
        >>> import torch
        >>> held_out = HeldOut(torch.tensor([0, 0, 1, 1]), torch.tensor([]))
        >>> held_out.truth.tolist() == 3 * [0, 0, 1, 1]
        True
    """

    labels: "Tensor"
    validation_labels: "Tensor"
    seed: int = 0
    fixed: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))

    @property
    def cross_validates(self) -> bool:
        """True if there are no validation rows."""
        return len(self.validation_labels) == 0

    @property
    def has_single_rows(self) -> bool:
        """True if a class has one training row, which a fold leaves without any."""
        counts = self.labels.sum(0) if self.labels.ndim == 2 else self.labels.bincount()
        return bool((counts == 1).any())

    @property
    def truth(self) -> "Tensor":
        """The labels of the held-out rows: of cross-validation, of the training rows in each repetition."""
        if not self.cross_validates:
            return self.validation_labels
        scored = self.labels[~self.fixed] if self.fixed.any() else self.labels
        return scored.repeat(REPEATS, *[1] * (self.labels.ndim - 1))

    def fit(self, fit: Fit, features: "Features", validation: "Features") -> "list[tuple[Head, Tensor]]":
        """Return each head, fitted on all training rows, with its logits of the held-out rows, as `truth` has them."""
        import torch

        heads = fit(features, self.labels)
        if not self.cross_validates:
            return [(head, _logits(validation, head)) for head in heads]
        outside = [torch.empty(0, head[0].shape[0]) for head in heads]
        for number in range(REPEATS):
            fold = folds(self.labels.cpu().numpy(), self.seed + number, self.fixed)
            logits = [torch.empty(len(fold), head[0].shape[0]) for head in heads]
            for held in map(torch.from_numpy, (fold == one for one in np.unique(fold[fold >= 0]))):
                for made, head in zip(logits, fit(features[~held], self.labels[~held]), strict=True):
                    made[held] = _logits(features[held], head)
            outside = [torch.cat([before, made[fold >= 0]]) for before, made in zip(outside, logits, strict=True)]
        return list(zip(heads, outside, strict=True))


def _logits(features: "Features", head: Head) -> "Tensor":
    from nlp_transfer.models.heads.window_features import apply_head

    return apply_head(features.to("cpu"), head[0].cpu(), head[1].cpu())


def fixed_rows(train: "Dataset") -> np.ndarray:
    """Return True for training rows that are descriptions of classes, shape (rows,); False where all of them are."""
    named = "id" in (getattr(train, "column_names", None) or ())  # in Python, any dataset may train
    described = is_description(train["id"]) if named else np.zeros(len(train), bool)
    return described & ~described.all()


def folds(labels: np.ndarray, seed: int, fixed: np.ndarray | None = None) -> np.ndarray:
    """Return the fold of each row, shape (rows,), -1 for those that are never held out.

    Each class is spread over the folds.

    Args:
        labels: class ids, shape (rows,), or zeros and ones, shape (rows, classes).
        fixed: True for rows that are never held out, shape (rows,); None or empty for none.

    Raises:
        ConfigError: there are fewer than two rows.

    Example:
        >>> folds(np.array([0, 1] * 4), seed=0).reshape(4, 2).sum(axis=0).tolist()
        [6, 6]
    """
    from nlp_transfer.data.splits.stratified_group_split import stratified_assignment

    if fixed is not None and fixed.any():
        made = np.full(len(labels), -1)
        made[~fixed] = folds(labels[~fixed], seed)
        return made
    count = min(FOLDS, len(labels))
    if count < 2:
        raise ConfigError(
            f"A head is chosen by cross-validation, and there are {len(labels)} rows; it takes two or more."
        )
    rows, classes = np.nonzero(labels) if labels.ndim == 2 else (np.arange(len(labels)), labels)
    shares = {str(fold): 1 / count for fold in range(count)}
    return stratified_assignment(np.arange(len(labels)), rows, classes.astype(int), shares, seed)
