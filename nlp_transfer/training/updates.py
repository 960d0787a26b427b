"""One update while it is made: where it began, and which rows are in it.

What guards an update (finite.py, memory.py) must be able to name its rows and to go back to its start.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import Trainer

from nlp_transfer.data.corpus import DOMAIN_COLUMN
from nlp_transfer.training import checkpoints

ROW_IDS = "row_ids"
"""The key under which a batch carries its rows' ids to the training step; models never see it."""

SOURCE_DOMAINS = "source_domains"
"""The key under which a batch of several sources carries where its rows are from; int64, shape (rows,)."""

ID_COLUMN = "id"

REPEATED = "repeated"
"""The key of a batch whose one row counts on another process: true. Its loss is 0, and its row is in no count."""

BESIDE = {ID_COLUMN: ROW_IDS, DOMAIN_COLUMN: SOURCE_DOMAINS}
"""Columns that batches bring along, and the keys under which they do."""

COUNTERS = ("micro_batch_parts", "skipped_updates", "shown")
"""The attributes of `UpdateMixin` that a checkpoint keeps."""


class RowOrigins:
    """A collator around another one, which keeps the rows' ids and source domains beside the tensors.

    Args:
        collate: the collator; it sees rows without either, unless its `columns` name them.
    """

    def __init__(self, collate: Callable[[list[dict[str, Any]]], dict[str, Any]]) -> None:
        self.collate = collate

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
        """A batch of rows, with their ids under `ROW_IDS` and their domains under `SOURCE_DOMAINS`."""
        asked = getattr(self.collate, "columns", ())
        hidden = [column for column in BESIDE if column not in asked]
        batch = self.collate([{key: value for key, value in row.items() if key not in hidden} for row in rows])
        if ID_COLUMN in rows[0]:
            batch = {**batch, ROW_IDS: [row[ID_COLUMN] for row in rows]}
        if DOMAIN_COLUMN in rows[0]:
            batch = {**batch, SOURCE_DOMAINS: torch.tensor([row[DOMAIN_COLUMN] for row in rows])}
        return batch


@dataclass
class Update:
    """One update while it is made: what is needed to make it again from its start.

    Args:
        batches: its micro-batches.
        loss: the loss counted since the last logged step, before this update.
        random_state: PyTorch's, before the first micro-batch.
        done: how many micro-batches are through.
        ruined: (loss, ids) of micro-batches whose loss is not finite.
        in_backward: whether the forward pass of the part that is made has come to its end.
    """

    batches: list[dict[str, Any]]
    loss: Tensor
    random_state: tuple[Tensor, Any] | None = None
    done: int = 0
    ruined: list[tuple[float, list[Any]]] = field(default_factory=list)
    in_backward: bool = False


class UpdateMixin(Trainer):
    """Keeps the update that is being made. A part of `TransferMixin`."""

    micro_batch_parts = 1
    """Into how many parts each micro-batch is cut, since it did not fit into memory whole."""

    skipped_updates = 0
    """How many updates were left out because they were not finite."""

    _update: Update | None = None

    def get_train_dataloader(self) -> Any:
        """As in `Trainer`; where the rows have an id or a domain, batches bring it along."""
        columns = getattr(self.train_dataset, "column_names", None)
        beside = [column for column in BESIDE if isinstance(columns, list) and column in columns]
        if not beside or not self.args.remove_unused_columns:
            return super().get_train_dataloader()
        self._set_signature_columns_if_needed()
        kept: tuple[Any, Any] = (self.data_collator, self._signature_columns)
        columns_read: Any = [*kept[1], *beside]
        self.data_collator, self._signature_columns = RowOrigins(kept[0]), columns_read
        try:
            return super().get_train_dataloader()
        finally:
            self.data_collator, self._signature_columns = kept

    def _set_signature_columns_if_needed(self) -> None:
        """As in `Trainer`; columns that the collator asks for are left to it, too."""
        super()._set_signature_columns_if_needed()
        read: Any = self._signature_columns
        wanted = getattr(self.data_collator, "columns", ())
        columns: Any = [*read, *(column for column in wanted if column not in read)]
        self._signature_columns = columns

    def get_batch_samples(self, *args: Any, **kwargs: Any) -> Any:
        """As in `Trainer`; notes where the update begins."""
        batches, items = super().get_batch_samples(*args, **kwargs)
        self._update = Update(batches, self._tr_loss.clone())
        return batches, items

    def _drop_update(self) -> None:
        """Forget what an update that begins again, or is left out, has put beside the model's gradients."""

    def loss_is_ours(self) -> bool:
        """Whether no subclass outside of this package computes the loss, so that all of its terms are known."""
        return type(self).compute_loss.__module__.partition(".")[0] == __name__.partition(".")[0]

    def computes_together(self) -> bool:
        """Whether the processes need one another within the forward passes of an update."""
        return False

    def guarded(self) -> dict[str, Any]:
        """What was done about updates, as facts for the report; nothing where nothing was."""
        facts: dict[str, Any] = {}
        if self.skipped_updates:
            facts["updates left out, not finite"] = self.skipped_updates
        if self.micro_batch_parts > 1:
            facts["parts of a micro-batch, to fit into memory"] = self.micro_batch_parts
        return facts

    def _last_checkpoint(self) -> str:
        saved = checkpoints.checkpoints(Path(str(self.args.output_dir)))
        return f"The last good checkpoint is {saved[-1]}." if saved else "No checkpoint was saved before it."


def without_origins(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The batch as the model takes it."""
    return {key: value for key, value in inputs.items() if key not in BESIDE.values()}


def row_count(inputs: Mapping[str, Any]) -> int:
    """Rows of a batch."""
    return next((len(value) for value in inputs.values() if isinstance(value, Tensor) and value.ndim > 0), 1)
