"""One optimizer step while it is made: its batches, the ids of their rows, and the state that it began with.

The guards (`extensions/nonfinite_guard.py`, `extensions/oom_guard.py`) name its rows and go back to its start.
"""

from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

ROW_IDS = "row_ids"
"""The key under which a batch carries its rows' ids out of the loader; `get_batch_samples` takes it off."""

SOURCE_DOMAINS = "source_domains"
"""The key for the source domains of a batch's rows, where there are several; int64, shape (rows,)."""

ID_COLUMN = "id"

REPEATED = "repeated"
"""The key of a batch whose one row counts on another process. Its loss is 0, and its row is in no count."""


class ProvenanceCollator:
    """Collate rows and keep their `origins` (ids, source domains) with the tensors.

    The collator sees rows without these columns, unless it or the model reads them.
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


@dataclass
class OptimizerStep:
    """Hold an optimizer step while it is made, with all that is needed to begin it again.

    Args:
        batches: its micro-batches.
        row_ids: the ids of each one's rows, as far as they are known.
        loss: the loss counted since the last logged step, before this update.
        random_state: PyTorch's, before the first micro-batch.
        done: how many micro-batches are through.
        number: of the micro-batch that is made.
        in_backward: whether the forward pass of the part that is made has come to its end.
        items: how many terms its mean loss has, on all processes; None before they are counted.
    """

    batches: list[Any]
    row_ids: list[list[Any]]
    loss: Tensor
    random_state: tuple[Tensor, Any] | None = None
    done: int = 0
    number: int = 0
    in_backward: bool = False
    items: Tensor | None = None

    def ids_of(self, number: int) -> list[Any]:
        """Return the row ids of a micro-batch; a subclass may have made more of them than the loader gave."""
        return self.row_ids[number] if number < len(self.row_ids) else []


@contextmanager
def row_origins(trainer: Any, origins: Mapping[str, str]) -> Iterator[None]:
    """Let the training batches of a loader that is made inside keep the origins of their rows."""
    columns = getattr(trainer.train_dataset, "column_names", None)
    present = {column: key for column, key in origins.items() if isinstance(columns, list) and column in columns}
    if not present or not trainer.args.remove_unused_columns or not trainer.is_in_train:
        yield
        return
    trainer._set_signature_columns_if_needed()
    kept = trainer.data_collator, trainer._signature_columns
    trainer.data_collator = ProvenanceCollator(kept[0], present, kept[1])
    trainer._signature_columns = [*kept[1], *(column for column in present if column not in kept[1])]
    try:
        yield
    finally:
        trainer.data_collator, trainer._signature_columns = kept


def overrides(trainer: Any, *names: str, inherited: bool = False) -> bool:
    """Return whether one of a trainer's methods is a user's own: neither this package's nor that of transformers.

    `inherited` looks only at the classes that this package's classes inherit from.

    Example:
        >>> Own = type("Own", (), {"compute_loss": None, "__module__": "mine"})
        >>> overrides(Own(), "compute_loss"), overrides(Own(), "training_step")
        (True, False)
    """
    order = type(trainer).__mro__
    ours = [place for place, cls in enumerate(order) if cls.__module__.startswith("nlp_transfer.")]
    places = order[max(ours, default=-1) + 1 :] if inherited else (trainer, *order)
    libraries = ("nlp_transfer.", "transformers.")
    own = (place for place in places if place is trainer or not place.__module__.startswith(libraries))
    return any(name in vars(place) for place in own for name in names)


def _tensors_of(batch: Any) -> Iterator[Tensor]:
    """Iterate over the tensors of a batch, which may be a mapping, a sequence, or nested."""
    if isinstance(batch, Tensor):
        yield batch
    elif isinstance(batch, Mapping | list | tuple):
        for part in batch.values() if isinstance(batch, Mapping) else batch:
            yield from _tensors_of(part)


def row_count(batch: Any) -> int:
    """Return the number of rows of a batch: the length of its first tensor that is no scalar."""
    return next((len(tensor) for tensor in _tensors_of(batch) if tensor.ndim), 1)
