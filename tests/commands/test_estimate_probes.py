"""What an estimate is made of: probes, and the lines through them."""

from types import SimpleNamespace

import numpy as np
import pytest
from datasets import Dataset

from nlp_transfer.commands.estimate_probes import UpdateTimer, interpolate, spread_rows, update_seconds


def test_what_grows_grows_along_a_line_and_never_falls():
    assert interpolate([(10, 3.0), (20, 4.0)], 100) == 12.0
    assert interpolate([(10, 3.0), (20, 2.0)], 100) == 2.0
    assert interpolate([(10, 3.0), (10, 2.0)], 100) == 2.0


def test_later_epochs_cost_what_the_second_does_and_warming_up_is_left_out():
    timed = [[99.0, 4.0, 6.0], [1.0, 1.0, 1.0]]
    assert update_seconds(timed, epochs=1) == pytest.approx(5.0)
    assert update_seconds(timed, epochs=4) == pytest.approx(5.0 + 3 * 1.0)
    assert update_seconds(timed, epochs=0.5) == pytest.approx(2.5)


def test_a_sample_has_the_lengths_of_the_whole():
    lengths = np.random.default_rng(0).lognormal(4, 1, 5000).astype(int) + 1
    rows = Dataset.from_dict({"length": lengths})
    some = spread_rows(rows, 64)
    assert len(some) == 64
    assert np.mean(some["length"]) == pytest.approx(lengths.mean(), rel=0.05)
    assert some["length"] != sorted(some["length"])
    assert len(spread_rows(rows.select(range(3)), 64)) == 3


def test_what_methods_do_before_an_epoch_is_no_part_of_an_updates_time(monkeypatch):
    clock = [1.0]

    def takes(seconds: float) -> None:
        clock[0] += seconds

    monkeypatch.setattr("nlp_transfer.commands.estimate_probes.time", SimpleNamespace(perf_counter=lambda: clock[0]))
    timed = UpdateTimer()
    for _ in range(2):
        timed.on_epoch_begin()
        takes(50)
        for _ in range(2):
            takes(1)
            timed.on_step_begin()
            takes(2)
            timed.on_step_end()
    # The first update is timed from its first forward pass on, a later one from the end of the update before.
    assert timed.epochs == [[2.0, 3.0], [2.0, 3.0]]
    assert timed.first == 52.0
