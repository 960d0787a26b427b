"""One update while it is made: where it began, and which rows are in it.

What guards an update (training/extensions/nonfinite_guard.py, training/extensions/oom_guard.py) must be able to name
its rows and to go back to its start.
"""

from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import Trainer

from nlp_transfer.training import checkpoints

ROW_IDS = "row_ids"
"""The key under which a batch carries its rows' ids out of the loader; `get_batch_samples` takes it off."""

SOURCE_DOMAINS = "source_domains"
"""The key under which a batch of several sources carries where its rows are from; int64, shape (rows,)."""

ID_COLUMN = "id"

REPEATED = "repeated"
"""The key of a batch whose one row counts on another process: true. Its loss is 0, and its row is in no count."""

COUNTERS = ("micro_batch_parts", "skipped_updates", "shown")
"""The attributes of `UpdateMixin` that a checkpoint keeps."""


class ProvenanceCollator:
    """A collator around another one, which keeps the rows' ids and source domains beside the tensors.

    Args:
        collate: the collator; it sees rows without the origins' columns, unless it or the model reads them.
        origins: columns that batches bring along, and the keys under which they do.
        read: columns that the model reads.
    """

    def __init__(
        self, collate: Callable[[list[dict[str, Any]]], Any], origins: Mapping[str, str], read: Sequence[str] = ()
    ) -> None:
        self.collate, self.origins, self.read = collate, origins, read

    def __call__(self, rows: list[dict[str, Any]]) -> Any:
        """Collate rows; a batch that is a mapping gets their origins, such as their ids under `ROW_IDS`."""
        asked = [*getattr(self.collate, "columns", ()), *self.read]
        hidden = [column for column in self.origins if column not in asked]
        batch = self.collate([{key: value for key, value in row.items() if key not in hidden} for row in rows])
        if isinstance(batch, MutableMapping):
            for column, key in self.origins.items():
                values = [row[column] for row in rows]
                batch[key] = torch.tensor(values) if key == SOURCE_DOMAINS else values
        return batch


_KNOWN = ("nlp_transfer.", "transformers.")
"""The packages whose methods are no user's own."""


@dataclass
class OptimizerStep:
    """One update while it is made: what is needed to make it again from its start.

    Args:
        batches: its micro-batches.
        row_ids: the ids of each one's rows, as far as they are known.
        loss: the loss counted since the last logged step, before this update.
        random_state: PyTorch's, before the first micro-batch.
        done: how many micro-batches are through.
        ruined: (loss, ids) of micro-batches whose loss is not finite.
        in_backward: whether the forward pass of the part that is made has come to its end.
        items: how many terms its mean loss has, on all processes; None before they are counted.
    """

    batches: list[Any]
    row_ids: list[list[Any]]
    loss: Tensor
    random_state: tuple[Tensor, Any] | None = None
    done: int = 0
    ruined: list[tuple[float, list[Any]]] = field(default_factory=list)
    in_backward: bool = False
    items: Tensor | None = None

    def ids_of(self, number: int) -> list[Any]:
        """Return the row ids of a micro-batch; a subclass may have made more of them than the loader gave."""
        return self.row_ids[number] if number < len(self.row_ids) else []


class UpdateMixin(Trainer):
    """Keeps the update that is being made. A part of `TransferMixin`."""

    micro_batch_parts = 1
    """Into how many parts each micro-batch is cut, since it did not fit into memory whole."""

    skipped_updates = 0
    """How many updates were left out because they were not finite."""

    _update: OptimizerStep | None = None

    def get_train_dataloader(self) -> Any:
        """As in `Trainer`; in training, batches bring the origins of their rows along (`_origin_columns`)."""
        columns = getattr(self.train_dataset, "column_names", None)
        origins = {
            column: key
            for column, key in self._origin_columns().items()
            if isinstance(columns, list) and column in columns
        }
        if not origins or not self.args.remove_unused_columns or not self.is_in_train:
            return super().get_train_dataloader()
        self._set_signature_columns_if_needed()
        kept: tuple[Any, Any] = (self.data_collator, self._signature_columns)
        columns_read: Any = [*kept[1], *(column for column in origins if column not in kept[1])]
        self.data_collator, self._signature_columns = ProvenanceCollator(kept[0], origins, kept[1]), columns_read
        try:
            return super().get_train_dataloader()
        finally:
            self.data_collator, self._signature_columns = kept

    def _origin_columns(self) -> dict[str, str]:
        """Return the columns that batches bring along, and the keys under which they do."""
        return {ID_COLUMN: ROW_IDS}

    def _set_signature_columns_if_needed(self) -> None:
        """As in `Trainer`; columns that the collator asks for are left to it, too."""
        super()._set_signature_columns_if_needed()
        read: Any = self._signature_columns
        wanted = getattr(self.data_collator, "columns", ())
        columns: Any = [*read, *(column for column in wanted if column not in read)]
        self._signature_columns = columns

    def get_batch_samples(self, *args: Any, **kwargs: Any) -> Any:
        """As in `Trainer`; notes where the update begins, and takes the rows' ids off the batches."""
        batches, items = super().get_batch_samples(*args, **kwargs)
        ids = [batch.pop(ROW_IDS, []) if isinstance(batch, MutableMapping) else [] for batch in batches]
        self._update = OptimizerStep(batches, ids, self._tr_loss.clone())
        return batches, items

    def _drop_update(self) -> None:
        """Forget what an update that begins again, or is left out, has put beside the model's gradients."""

    def overrides(self, *names: str, after: type | None = None) -> bool:
        """Whether one of these methods is a user's own: neither this package's nor that of transformers.

        Args:
            names: of methods.
            after: look only at what this class inherits from, or comes next to.
        """
        order = type(self).__mro__
        places = [self, *order] if after is None else order[order.index(after) + 1 :]
        own = (place for place in places if not getattr(place, "__module__", "").startswith(_KNOWN) or place is self)
        return any(name in vars(place) for place in own for name in names)

    def needs_collective_forward(self) -> bool:
        """Whether the processes need one another within the forward passes of an update."""
        return False

    def step_statistics(self) -> dict[str, Any]:
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


def tensors_of(batch: Any) -> Iterator[Tensor]:
    """Iterate over the tensors of a batch, which may be a mapping, a sequence, or nested."""
    if isinstance(batch, Tensor):
        yield batch
    elif isinstance(batch, Mapping | list | tuple):
        for part in batch.values() if isinstance(batch, Mapping) else batch:
            yield from tensors_of(part)


def row_count(batch: Any) -> int:
    """Return the number of rows of a batch: the length of its first tensor that is no scalar."""
    return next((len(tensor) for tensor in tensors_of(batch) if tensor.ndim), 1)
