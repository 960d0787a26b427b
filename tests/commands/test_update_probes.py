"""What an estimate is made of: probes, and the lines through them."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from datasets import Dataset

from nlp_transfer.commands.update_probes import Probe, _Timed, interpolate, seconds_a_token, spread_rows
from nlp_transfer.methods import SelfTraining
from nlp_transfer.training.extensions.pseudo_labels import PseudoLabels


def test_what_grows_grows_along_a_line_and_never_falls():
    assert interpolate([(10, 3.0), (20, 4.0)], 100) == 12.0
    assert interpolate([(10, 3.0), (20, 2.0)], 100) == 2.0
    assert interpolate([(10, 3.0), (10, 2.0)], 100) == 2.0


def test_later_epochs_cost_what_the_second_does_and_warming_up_is_left_out():
    first, second = [(10, 99.0), (10, 4.0), (10, 6.0)], [(10, 1.0), (10, 1.0), (10, 1.0)]
    probe = Probe(tokens=60, preparing=0.0, epochs=[first, second], evaluation=(0, 0.0), cache_bytes=0)
    assert seconds_a_token([probe], epochs=1) == pytest.approx(0.5)
    assert seconds_a_token([probe], epochs=4) == pytest.approx(0.5 + 3 * 0.1)
    assert seconds_a_token([probe], epochs=0.5) == pytest.approx(0.25)


def test_a_sample_has_the_lengths_of_the_whole():
    lengths = np.random.default_rng(0).lognormal(4, 1, 5000).astype(int) + 1
    rows = Dataset.from_dict({"length": lengths})
    some = spread_rows(rows, 64)
    assert len(some) == 64
    assert np.mean(some["length"]) == pytest.approx(lengths.mean(), rel=0.05)
    assert some["length"] != sorted(some["length"])
    assert len(spread_rows(rows.select(range(3)), 64)) == 3


def test_labelling_the_target_is_no_part_of_an_updates_time(monkeypatch):
    clock = [0.0]

    def takes(seconds: float) -> None:
        clock[0] += seconds

    def sample() -> Any:
        takes(1)
        return [{"attention_mask": torch.ones(2, 3)}], None

    monkeypatch.setattr("nlp_transfer.commands.update_probes.time", SimpleNamespace(perf_counter=lambda: clock[0]))
    labels = PseudoLabels(SelfTraining())
    monkeypatch.setattr(labels, "begin_epoch", lambda epoch: takes(50))
    trainer: Any = SimpleNamespace(get_batch_samples=sample, extensions=[labels])
    timed = _Timed(trainer)
    for epoch in range(2):
        timed.on_epoch_begin()
        labels.begin_epoch(epoch)
        trainer.get_batch_samples()
        timed.on_step_begin()
        takes(2)
        timed.on_step_end()
    # The first update is timed from its first forward pass on, a later one from the end of the update before.
    assert timed.epochs == [[(6, 2.0)], [(6, 3.0)]]
