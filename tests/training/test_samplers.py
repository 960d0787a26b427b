"""Length-grouped order: every row once, alike lengths together, a function of (seed, epoch); rows shared out evenly."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from accelerate.data_loader import BatchSamplerShard
from torch.utils.data import BatchSampler, SequentialSampler

from nlp_transfer.training.samplers import LengthGroupedSampler, share_evenly

LENGTHS = np.random.default_rng(0).integers(5, 500, size=203)


def order(epoch=0, seed=1):
    sampler = LengthGroupedSampler(LENGTHS, batch_size=8, seed=seed)
    sampler.set_epoch(epoch)
    return list(sampler)


def test_every_row_comes_once():
    assert sorted(order()) == list(range(203))
    assert len(LengthGroupedSampler(LENGTHS, 8, 1)) == 203


def test_the_order_depends_on_seed_and_epoch_only():
    first = order(epoch=3)
    torch.manual_seed(99)
    np.random.seed(99)
    assert order(epoch=3) == first
    assert order(epoch=4) != first
    assert order(epoch=3, seed=2) != first


def test_batches_pad_far_less_than_random_ones():
    def padded(rows):
        return sum(8 * max(LENGTHS[rows[i : i + 8]]) for i in range(0, 200, 8))

    assert padded(order()) < 0.75 * padded(list(np.random.default_rng(0).permutation(203)))


def test_the_longest_row_comes_in_the_first_batch_and_the_short_batch_last():
    for epoch in range(20):
        rows = order(epoch)
        assert LENGTHS[rows[:8]].max() == LENGTHS.max()
        last_pool = LENGTHS[np.random.default_rng((1, epoch)).permutation(203)[128:]]  # a pool is 16 batches of 8
        assert LENGTHS[rows[-3:]].tolist() == sorted(last_pool.tolist(), reverse=True)[-3:]


def test_fewer_rows_than_a_batch():
    sampler = LengthGroupedSampler([3, 1, 2], batch_size=8, seed=0)
    assert sorted(sampler) == [0, 1, 2]
    assert list(LengthGroupedSampler([], batch_size=8, seed=0)) == []


def shared_out(rows: int, size: int, processes: int) -> tuple[list[list[list[int]]], list[bool]]:
    """The batches of each process, and whether its last one must not count."""
    made, repeats = [], []
    for process in range(processes):
        batches = BatchSampler(SequentialSampler(range(rows)), size, drop_last=False)
        shard = BatchSamplerShard(batches, num_processes=processes, process_index=process)
        repeats_last = share_evenly(SimpleNamespace(batch_sampler=shard))
        made.append(list(shard))
        assert len(shard) == len(made[-1])
        repeats.append(repeats_last())
    return made, repeats


@pytest.mark.parametrize("processes", [2, 3])
@pytest.mark.parametrize("size", [1, 2, 4])
def test_each_row_counts_once_on_several_processes(size, processes):
    for rows in range(1, 4 * size * processes):
        batches, repeats = shared_out(rows, size, processes)
        assert len({len(own) for own in batches}) == 1
        counted = [own[:-1] if repeated else own for own, repeated in zip(batches, repeats, strict=True)]
        rounds = itertools.zip_longest(*counted, fillvalue=[])
        assert [row for one in rounds for batch in one for row in batch] == list(range(rows))
        assert all(len(own[-1]) == 1 for own, repeated in zip(batches, repeats, strict=True) if repeated)


def test_rows_are_shared_out_as_accelerate_does_where_they_come_otherwise():
    batches = BatchSampler(SequentialSampler(range(5)), 2, drop_last=False)
    dropping = BatchSampler(SequentialSampler(range(5)), 2, drop_last=True)
    split = BatchSamplerShard(batches, num_processes=2, process_index=1, split_batches=True)
    for sampler in (batches, split, BatchSamplerShard(dropping, 2, 1), BatchSamplerShard(batches, 1, 0), None):
        loader = SimpleNamespace(batch_sampler=sampler)
        assert share_evenly(loader) is None
        assert loader.batch_sampler is sampler
    assert split.even_batches
