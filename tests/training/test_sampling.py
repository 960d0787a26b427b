"""Length-grouped order: every row once, alike lengths together, a function of (seed, epoch)."""

import numpy as np
import torch

from nlp_transfer.training.sampling import LengthGroupedSampler

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
