"""Score heads on rows that they were not fitted on: validation rows or, without any, by cross-validation."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nlp_transfer.errors import ConfigError

if TYPE_CHECKING:
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

    Example:
        >>> import torch
        >>> held_out = HeldOut(torch.tensor([0, 0, 1, 1]), torch.tensor([]))
        >>> held_out.truth.tolist() == 3 * [0, 0, 1, 1]
        True
    """

    labels: "Tensor"
    validation_labels: "Tensor"
    seed: int = 0

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
        """The labels of the held-out rows: of cross-validation, of all training rows in each repetition."""
        return (
            self.labels.repeat(REPEATS, *[1] * (self.labels.ndim - 1))
            if self.cross_validates
            else self.validation_labels
        )

    def fit(self, fit: Fit, features: "Features", validation: "Features") -> "list[tuple[Head, Tensor]]":
        """Return each head, fitted on all training rows, with its logits of the held-out rows, as `truth` has them."""
        import torch

        heads = fit(features, self.labels)
        if not self.cross_validates:
            return [(head, _logits(validation, head)) for head in heads]
        outside = [torch.empty(0, head[0].shape[0]) for head in heads]
        for number in range(REPEATS):
            fold = folds(self.labels.cpu().numpy(), self.seed + number)
            logits = [torch.empty(len(fold), head[0].shape[0]) for head in heads]
            for held in map(torch.from_numpy, (fold == one for one in np.unique(fold))):
                for made, head in zip(logits, fit(features[~held], self.labels[~held]), strict=True):
                    made[held] = _logits(features[held], head)
            outside = [torch.cat(pair) for pair in zip(outside, logits, strict=True)]
        return list(zip(heads, outside, strict=True))


def _logits(features: "Features", head: Head) -> "Tensor":
    from nlp_transfer.models.heads.window_features import apply_head

    return apply_head(features.to("cpu"), head[0].cpu(), head[1].cpu())


def folds(labels: np.ndarray, seed: int) -> np.ndarray:
    """Return the fold of each row, shape (rows,); each class is spread over the folds.

    Args:
        labels: class ids, shape (rows,), or zeros and ones, shape (rows, classes).

    Raises:
        ConfigError: there are fewer than two rows.

    Example:
        >>> folds(np.array([0, 1] * 4), seed=0).reshape(4, 2).sum(axis=0).tolist()
        [6, 6]
    """
    from nlp_transfer.data.splits.stratified_group_split import stratified_assignment

    count = min(FOLDS, len(labels))
    if count < 2:
        raise ConfigError(
            f"A head is chosen by cross-validation, and there are {len(labels)} rows; it takes two or more."
        )
    rows, classes = np.nonzero(labels) if labels.ndim == 2 else (np.arange(len(labels)), labels)
    shares = {str(fold): 1 / count for fold in range(count)}
    return stratified_assignment(np.arange(len(labels)), rows, classes.astype(int), shares, seed)
