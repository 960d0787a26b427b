"""Read batches of texts with gradients in flat memory, for methods that train an encoder before the trainer does."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from nlp_transfer.methods.context import Context

if TYPE_CHECKING:
    import torch
    from torch import Tensor
    from transformers import PreTrainedModel


class TrainedTexts:
    """The training texts of a context, whose features are computed with a graph.

    Attributes:
        parameters: those of the encoder.
        labels: class ids, shape (texts,), or zeros and ones, shape (texts, classes).
    """

    def __init__(self, model: "PreTrainedModel", context: Context, pooling: str) -> None:
        import torch

        from nlp_transfer.models.activation_cache.features import collated_labels
        from nlp_transfer.models.activation_cache.window_rows import WindowRows, network_rows

        self.model, self.context, self.pooling = model, context, pooling
        self.layer = int(model.config.num_hidden_layers)
        self.parameters = [p for p in model.base_model.parameters() if p.requires_grad]
        rows: Any = network_rows(context.train)
        self._rows, size = rows, len(context.train)
        windows = isinstance(rows, WindowRows)
        self._documents = torch.from_numpy(rows.documents) if windows else torch.arange(size)
        self._counts = torch.from_numpy(rows.counts) if windows else torch.ones(size, dtype=torch.long)
        self.labels = collated_labels(context.train, context.collate)

    def features(self, texts: Sequence[int]) -> "Tensor":
        """Return the pooled states of the last layer, shape (texts, hidden); a text that is named twice is read twice.

        Many texts are read in parts that fit in memory, and again in the backward pass, with the same dropout.
        """
        import torch

        from nlp_transfer.models.activation_cache.features import make_batch
        from nlp_transfer.models.heads.document_pooling import feature_pooling, pool
        from nlp_transfer.models.heads.pooling import pooled_features
        from nlp_transfer.models.speed.batching import default_batch_tokens, token_budget_batches
        from nlp_transfer.models.speed.recomputation import recomputed

        own = [torch.nonzero(self._documents == text).flatten() for text in texts]
        windows = torch.cat(own).tolist()
        device = self.model.device
        lengths = [len(self._rows[window]["input_ids"]) for window in windows]
        most = min(self.context.batch_tokens, default_batch_tokens(device))  # a graph takes several times the memory
        parts = token_budget_batches(lengths, most)

        def read(part: int) -> "tuple[Tensor, ...]":
            rows = [windows[place] for place in parts[part]]
            batch = make_batch(self._rows, rows, self.context.collate, device)
            inputs = {name: value for name, value in batch.items() if name != "labels"}
            states = [self.model.base_model(**inputs).last_hidden_state]  # all layers' states would keep their padding
            return (pooled_features(self.model, states, batch["attention_mask"], self.layer, self.pooling).float(),)

        with torch.autocast(device.type, torch.bfloat16, enabled=self.context.bf16):
            (states,) = read(0) if len(parts) == 1 else recomputed(read, len(parts), self.parameters, device)
        back = torch.tensor([place for part in parts for place in part], device=device).argsort()
        document = torch.repeat_interleave(torch.arange(len(texts)), torch.tensor([len(one) for one in own]))
        counts = self._counts[torch.tensor(windows)]
        return pool(states[back], document.to(device), counts.to(device), feature_pooling(self.model), len(texts))


@contextmanager
def fast_passes(model: "PreTrainedModel") -> Iterator[None]:
    """Make forward and backward passes fast inside the block, as the trainer does by default."""
    from nlp_transfer.models.speed.dropout import cheap_dropout
    from nlp_transfer.models.speed.fast_linear import fast_linear
    from nlp_transfer.models.speed.unpadding import unpadded

    with ExitStack() as stack:
        if model.device.type == "cpu":
            stack.enter_context(cheap_dropout(model))
        stack.enter_context(fast_linear(model))
        stack.enter_context(unpadded(model))
        yield


def balanced_batches(labels: np.ndarray, size: int, seed: int) -> Iterator[list[int]]:
    """Yield batches of different rows without end, in which each class has about as many, as far as it has rows.

    Args:
        labels: class ids, shape (rows,), or zeros and ones, shape (rows, classes), whose rows are drawn alike.
        size: maximum number of rows of a batch.

    Example:
        >>> batch = next(balanced_batches(np.array([0] * 90 + [1] * 10), 20, seed=0))
        >>> sum(row < 90 for row in batch)
        10
    """
    rng, classes = np.random.default_rng(seed), labels if labels.ndim == 1 else np.zeros(len(labels), np.int64)
    groups = [np.flatnonzero(classes == one) for one in np.unique(classes)]
    queues: list[list[int]] = [[] for _ in groups]
    while True:
        batch: list[int] = []
        for turn in range(max(map(len, groups))):
            if len(batch) == size:
                break
            for place in rng.permutation(len(groups)).tolist():
                if turn < len(groups[place]) and len(batch) < size:
                    batch.append(_next_row(queues[place], groups[place], batch, rng))
        yield batch


def _next_row(queue: list[int], group: np.ndarray, batch: Sequence[int], rng: np.random.Generator) -> int:
    """Return the next row of a class that is not in the batch; each row comes once before one comes again."""
    if not queue:
        queue += rng.permutation(group).tolist()
    free = next((row for row in queue if row not in batch), None)
    if free is None:  # those that are due are in the batch: the next round begins
        queue += rng.permutation(group).tolist()
        free = next(row for row in queue if row not in batch)
    queue.remove(free)
    return free


def copy_from_first_process(model: "torch.nn.Module") -> None:
    """Give the first process's weights to all: rounding may have made them differ."""
    import torch.distributed

    if torch.distributed.is_initialized():
        for parameter in model.parameters():
            torch.distributed.broadcast(parameter.data, src=0)
