"""The order of training rows: shuffled, grouped by length or drawn as sources weigh, by (seed, epoch) only.

Unlike transformers' own, they do not draw from the global random state, so that a resumed run sees the same batches;
and no rows are repeated to fill the last batches of several processes (`EvenBatches`), as accelerate does.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from accelerate.data_loader import BatchSamplerShard
from torch.utils.data import BatchSampler, Sampler

from nlp_transfer.data.corpus import DOMAIN_COLUMN
from nlp_transfer.data.encoding.images import PIXELS
from nlp_transfer.errors import ConfigError
from nlp_transfer.training.optimizer_step import ID_COLUMN, REPEATED, ROW_IDS, SOURCE_DOMAINS, overrides, row_origins
from nlp_transfer.training.signals import start_worker
from nlp_transfer.training.source_weights import SIZE, SourceDraws, sources_of

Draws = Callable[[int], np.ndarray]
"""Gives the rows of an epoch, as many as there are."""

BATCHES_PER_POOL = 16
"""Larger pools pad less and shuffle less."""


class ShuffledSampler(Sampler[int]):
    """Shuffle the rows of each epoch; without `draws` every row comes once."""

    def __init__(self, count: int, seed: int, draws: Draws | None = None) -> None:
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
        """Return the epoch's rows in random order."""
        order = random.permutation(self.count)
        return order if self.draws is None else self.draws(self.epoch)[order]


class LengthGroupedSampler(ShuffledSampler):
    """Shuffle the rows, sort each pool of `BATCHES_PER_POOL` batches by length, and shuffle the batches.

    The longest row comes in the first batch, so that running out of memory shows at once. `batch_size` counts the rows
    of all processes and accumulation steps.
    """

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int, draws: Draws | None = None) -> None:
        super().__init__(len(lengths), seed, draws)
        self.lengths = np.asarray(lengths)
        self.batch_size = batch_size

    def __iter__(self) -> Iterator[int]:
        random = np.random.default_rng((self.seed, self.epoch))
        order = self.shuffled(random)
        pool_size = self.batch_size * BATCHES_PER_POOL
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


def train_sampler(trainer: Any, dataset: Any) -> ShuffledSampler | None:
    """Return the sampler of a trainer's rows; None where the stock one is as good."""
    arguments = trainer.args
    seed = arguments.data_seed if arguments.data_seed is not None else arguments.seed
    draws = _source_draws(trainer, seed)
    if arguments.train_sampling_strategy == "group_by_length" and hasattr(dataset, "__len__"):
        rows = trainer._train_batch_size * arguments.gradient_accumulation_steps * arguments.world_size
        return LengthGroupedSampler(_lengths(trainer, dataset), batch_size=rows, seed=seed, draws=draws)
    return None if draws is None else ShuffledSampler(len(dataset), seed, draws)


def add_collator_columns(trainer: Any) -> None:
    """Keep the columns that a trainer's collator asks for, as those that its model reads."""
    read = trainer._signature_columns
    wanted = [name for name in getattr(trainer.data_collator, "columns", ()) if name not in read]
    trainer._signature_columns = [*read, *wanted]


def _lengths(trainer: Any, dataset: Any) -> list[int]:
    """Read or compute the length of each row, from the input that stock `Trainer` groups by."""
    column = trainer.args.length_column_name
    if column in (getattr(dataset, "column_names", None) or ()):
        return list(dataset[column])
    if PIXELS in (getattr(dataset, "column_names", None) or ()):  # images have one size
        return [1] * len(dataset)
    names = getattr(trainer.processing_class, "model_input_names", None)
    name = names[0] if names else getattr(trainer.model, "main_input_name", "input_ids")
    if not isinstance(dataset[0], Mapping) or name not in dataset[0]:
        raise ConfigError(
            f"train_sampling_strategy is group_by_length, and the training rows have no {name!r} to be grouped "
            f"by, nor their lengths in a column {column!r} (length_column_name)."
        )
    return [len(row[name]) for row in dataset]


def _source_draws(trainer: Any, seed: int) -> SourceDraws | None:
    """Return what decides which of the rows an epoch has; None where each comes once."""
    weights = getattr(trainer.args, "source_weights", SIZE)
    sources = None if weights == SIZE else sources_of(trainer.train_dataset)  # a loader's rows have no such column
    if sources is None:
        return None
    target = trainer.context.target if trainer.context is not None else trainer.target_dataset
    shares = sources.shares(weights, trainer.train_dataset, target)
    trainer.source_rows = sources.facts(shares)
    return SourceDraws(sources.domains, shares, seed)


class EvenBatches(BatchSampler):
    """Make as many batches of an epoch for each process, and no row twice in a batch that counts.

    Where processes would have no batch left in the last round, each gets one row again, which must not count
    (`repeats_last`): without a batch it would not take part in what all processes compute together.
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
        """Return whether the last batch of a process is a row that another has in this round, too."""
        return process >= self.processes - (-super().__len__() % self.processes)


def share_evenly(loader: Any) -> Callable[[], bool] | None:
    """Let a training loader of several processes repeat no row that counts.

    Return whether this process's last batch of an epoch must not count; None where the loader stays as it is.
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


def train_loader(trainer: Any, make: Callable[[], Any]) -> tuple[Any, Callable[[], bool] | None]:
    """Make a trainer's loader of training rows with their origins, and return it with what `share_evenly` returns."""
    sources = {DOMAIN_COLUMN: SOURCE_DOMAINS} if trainer.adapts and trainer.sources is not None else {}
    with row_origins(trainer, {ID_COLUMN: ROW_IDS, **sources}):
        loader = make()
    own = overrides(trainer, "compute_loss", "training_step")
    repeats_last = None if own else share_evenly(loader)
    if trainer.stop_signals is not None and trainer.args.dataloader_num_workers > 0:
        loader.worker_init_fn = partial(start_worker, loader.worker_init_fn)
    return loader, repeats_last


def with_repeated_marked(trainer: Any, batches: list[Any]) -> list[Any]:
    """Return the batches of an update, the last marked where its row takes the place of a batch that is missing."""
    mapping = trainer._fetches and bool(batches) and isinstance(batches[-1], Mapping)
    at_end = mapping and trainer.accelerator.gradient_state.end_of_dataloader
    if at_end and trainer._repeats_last is not None and trainer._repeats_last():
        return [*batches[:-1], {**batches[-1], REPEATED: True}]
    return batches
