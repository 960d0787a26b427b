"""Batches of texts of similar length, in an order that depends on (seed, epoch) only.

transformers' own length-grouped sampler draws from the global random state, so that a resumed run sees other batches
than an uninterrupted one, and it reorders evaluation, so that predictions no longer match their rows. This one does
neither.

Nor are rows repeated to fill the last batches of several processes (`EvenBatches`), as accelerate does.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from accelerate.data_loader import BatchSamplerShard
from torch.utils.data import BatchSampler, Sampler


class ShuffledSampler(Sampler[int]):
    """Shuffles the rows of each epoch.

    Args:
        count: how many rows there are.
        seed: with the epoch, the only source of the order.
        draws: gives the rows of an epoch, as many as there are; None takes every row once.
    """

    def __init__(self, count: int, seed: int, draws: Callable[[int], np.ndarray] | None = None) -> None:
        self.count, self.seed, self.draws = count, seed, draws
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order the next iteration gives."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[int]:
        return iter([int(row) for row in self.shuffled(np.random.default_rng((self.seed, self.epoch)))])

    def shuffled(self, random: np.random.Generator) -> np.ndarray:
        """The epoch's rows in random order."""
        order = random.permutation(self.count)
        return order if self.draws is None else self.draws(self.epoch)[order]


class LengthGroupedSampler(ShuffledSampler):
    """Shuffles the rows, sorts each pool of `batches_per_pool` batches by length, and shuffles the batches.

    Every row comes once an epoch, unless `draws` says otherwise. The longest row comes in the first batch, so that
    running out of memory shows at once.

    Args:
        lengths: tokens of each row.
        batch_size: rows of one batch, over all processes and accumulation steps.
        seed: see `ShuffledSampler`.
        batches_per_pool: larger pools pad less and shuffle less.
        draws: see `ShuffledSampler`.
    """

    def __init__(
        self,
        lengths: Sequence[int],
        batch_size: int,
        seed: int,
        batches_per_pool: int = 16,
        draws: Callable[[int], np.ndarray] | None = None,
    ) -> None:
        super().__init__(len(lengths), seed, draws)
        self.lengths = np.asarray(lengths)
        self.batch_size = batch_size
        self.batches_per_pool = batches_per_pool

    def __iter__(self) -> Iterator[int]:
        random = np.random.default_rng((self.seed, self.epoch))
        order = self.shuffled(random)
        pool_size = self.batch_size * self.batches_per_pool
        batches = []
        for start in range(0, len(order), pool_size):
            pool = order[start : start + pool_size]
            pool = pool[np.argsort(-self.lengths[pool], kind="stable")]
            batches += [pool[i : i + self.batch_size] for i in range(0, len(pool), self.batch_size)]
        # A batch that is not full stays last: elsewhere it would shift the bounds of all that follow.
        partial = [batches.pop()] if batches and len(batches[-1]) < self.batch_size else []
        random.shuffle(batches)
        if batches:
            longest = max(range(len(batches)), key=lambda i: self.lengths[batches[i]].max())
            batches[0], batches[longest] = batches[longest], batches[0]
        return iter([int(row) for batch in batches + partial for row in batch])


class EvenBatches(BatchSampler):
    """The batches of an epoch, as many for each process, and no row twice in a batch that counts.

    Where processes would have no batch left in the last round, each gets one row again, which must not count
    (`repeats_last`): without a batch it would not take part in what all processes compute together.

    Args:
        batches: of all processes, taken in turn.
        processes: how many there are.
    """

    def __init__(self, batches: BatchSampler, processes: int) -> None:
        super().__init__(batches.sampler, batches.batch_size, drop_last=False)
        self.processes = processes

    def __len__(self) -> int:
        return super().__len__() + -super().__len__() % self.processes

    def __iter__(self) -> Iterator[list[int]]:
        made, batch = 0, []
        for batch in super().__iter__():
            yield batch
            made += 1
        for _ in range(-made % self.processes):
            yield batch[:1]

    def repeats_last(self, process: int) -> bool:
        """Whether the last batch of a process is a row that another has in this round, too."""
        return process >= self.processes - (-super().__len__() % self.processes)


def share_evenly(loader: Any) -> Callable[[], bool] | None:
    """Let a training loader of several processes repeat no row that counts.

    Args:
        loader: prepared by accelerate, not yet iterated.

    Returns:
        Whether this process's last batch of an epoch must not count; None where rows are not shared out in batches, or
        left out at the end: the loader stays as it is.
    """
    shard: Any = getattr(loader, "batch_sampler", None)
    if type(shard) is not BatchSamplerShard or shard.split_batches or shard.num_processes == 1:
        return None
    given = shard.batch_sampler
    if type(given) is not BatchSampler or given.drop_last:
        return None
    batches, process = EvenBatches(given, shard.num_processes), shard.process_index
    shard.batch_sampler, shard.even_batches = batches, False
    return lambda: batches.repeats_last(process)
