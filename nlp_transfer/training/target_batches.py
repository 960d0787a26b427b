"""Draw target rows for an update's source rows, and make one batch of both.

Target rows come from an endless run over the target in random order, as many as the update has source rows. Which ones
follows from the seed and the update's number only: a resumed run takes the same, and so do accumulation and several
processes, each of which takes its share.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from torch import Tensor
from torch.nn import functional

from nlp_transfer.data.encoding.label_columns import LABEL_COLUMNS, label_column
from nlp_transfer.data.encoding.tokens import IGNORE_INDEX
from nlp_transfer.methods.alignment import TEACHER_LOGITS
from nlp_transfer.methods.context import Context
from nlp_transfer.methods.masked_tokens import MASKED_LABELS
from nlp_transfer.models.activation_cache.features import make_batch
from nlp_transfer.training.optimizer_step import REPEATED, SOURCE_DOMAINS

DOMAIN = "domain"
"""The key of a mixed batch for the domain of each row: `TARGET`, or a source, from 0; int64, shape (rows,)."""

UPDATE_ROW = "place"
"""The key of a mixed batch that numbers the rows of the update on this process; int64, shape (rows,)."""

TARGET = -1

NEITHER = -2
"""The domain of a row that is in no term of the loss, since another process has it in the same update."""


class InfiniteSampler:
    """Give row numbers in an endless random order: every row once, then every row once more in another order."""

    def __init__(self, count: int, seed: int) -> None:
        self.count, self.seed = count, seed
        self._orders: dict[int, np.ndarray] = {}

    def take(self, start: int, count: int) -> list[int]:
        """Return the row numbers at the positions `start` to `start + count - 1`."""
        return [int(self._order(place // self.count)[place % self.count]) for place in range(start, start + count)]

    def _order(self, turn: int) -> np.ndarray:
        if turn not in self._orders:
            self._orders = {kept: self._orders[kept] for kept in (turn - 1, turn + 1) if kept in self._orders}
            self._orders[turn] = np.random.default_rng([self.seed, turn]).permutation(self.count)
        return self._orders[turn]


def batch_of(dataset: Dataset, rows: Sequence[int], context: Context, device: torch.device) -> dict[str, Tensor]:
    """Return rows as a batch. Collators may need labels: a row without one gets some label of the source, or 0."""
    column = label_column(context.train)
    label: Any = 0 if column is None else context.train[0][column]
    column = column or LABEL_COLUMNS[0]
    return make_batch(dataset, rows, lambda some: context.collate([{column: label, **row} for row in some]), device)


def unmixed(target: dict[str, Any], *, start: int) -> dict[str, Any]:
    """Return a batch of target rows alone, which get `IGNORE_INDEX` without labels."""
    rows, device = _rows(target)
    ignored = torch.full((rows,), IGNORE_INDEX, device=device)
    places = torch.arange(start, start + rows, device=device)
    return {"labels": ignored, **target, DOMAIN: torch.full_like(places, TARGET), UPDATE_ROW: places}


def _rows(batch: Mapping[str, Any]) -> tuple[int, torch.device]:
    """Return the number of rows of a batch of texts or images, and their device."""
    inputs: Tensor = batch["input_ids"] if "input_ids" in batch else batch["pixel_values"]
    return len(inputs), inputs.device


def mixed(source: dict[str, Any], target: dict[str, Any], *, padding: int, start: int) -> dict[str, Any]:
    """Return one batch of source rows and, after them, target rows, which get `IGNORE_INDEX` without labels."""
    (rows, device), (others, _) = _rows(source), _rows(target)
    made: dict[str, Any] = dict(source)
    domains = made.pop(SOURCE_DOMAINS, torch.zeros(rows, dtype=torch.long, device=device))
    source = {name: value for name, value in source.items() if name != SOURCE_DOMAINS}
    if MASKED_LABELS in target:
        source = {**source, MASKED_LABELS: torch.full_like(source["input_ids"], IGNORE_INDEX)}
    if TEACHER_LOGITS in target:
        source = {**source, TEACHER_LOGITS: torch.zeros_like(target[TEACHER_LOGITS][:1]).expand(rows, -1)}
    for name, value in source.items():
        if not isinstance(value, Tensor) or value.ndim == 0 or len(value) != rows:
            continue
        if name == "decoder_input_ids":  # nothing is learned of what would be written of target rows
            added = value[:1].expand(others, -1)
        elif name == "labels" and name not in target:
            added = value.new_full((others, *value.shape[1:]), IGNORE_INDEX)
        else:
            added = target[name].to(value)
        if value.ndim == 2:
            width = max(value.shape[1], added.shape[1])
            fill = {"input_ids": padding, "labels": IGNORE_INDEX, MASKED_LABELS: IGNORE_INDEX}.get(name, 0)
            parts = [functional.pad(part, (0, width - part.shape[1]), value=fill) for part in (value, added)]
        else:
            parts = [value, added]
        made[name] = torch.cat(parts)
    made[DOMAIN] = torch.cat([domains, domains.new_full((others,), TARGET)])
    made[UPDATE_ROW] = torch.arange(start, start + rows + others, device=device)
    return made


def uncounted(batch: dict[str, Any]) -> dict[str, Any]:
    """Return a mixed batch that goes through the model and is in no term of the loss."""
    made = {name: value for name, value in batch.items() if name != REPEATED}
    made[DOMAIN] = torch.full_like(batch[DOMAIN], NEITHER)
    if MASKED_LABELS in made:
        made[MASKED_LABELS] = torch.full_like(batch[MASKED_LABELS], IGNORE_INDEX)
    return made
