"""Signals as a wish to stop."""

import os
import signal

import pytest

from nlp_transfer.errors import RunInterrupted
from nlp_transfer.training.signals import SIGNALS, StopSignals, start_worker


def test_the_handlers_from_before_come_back():
    before = [signal.getsignal(number) for number in SIGNALS]
    with StopSignals():
        assert [signal.getsignal(number) for number in SIGNALS] != before
    assert [signal.getsignal(number) for number in SIGNALS] == before


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_a_signal_stops_at_once_where_nothing_is_trained(number):
    with StopSignals(), pytest.raises(RunInterrupted, match=f"{number.name}: no step was being made"):
        os.kill(os.getpid(), number)


def test_a_signal_in_training_is_only_noted_until_a_second_sigint():
    with StopSignals() as signals:
        with pytest.raises(RunInterrupted, match="SIGINT came again: stopped at once"), signals.deferred():
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGTERM)
            assert signals.received == signal.SIGTERM
            os.kill(os.getpid(), signal.SIGINT)
        assert str(signals.interrupted("step 3 was saved")) == "SIGTERM: step 3 was saved."


def test_a_signal_after_the_last_step_stops_before_the_scores():
    with StopSignals() as signals, pytest.raises(RunInterrupted, match="training had ended"), signals.deferred():
        os.kill(os.getpid(), signal.SIGUSR1)


def test_no_except_exception_takes_it():
    assert not issubclass(RunInterrupted, Exception)


def test_data_workers_ignore_the_signals():
    started = []
    before = [signal.getsignal(number) for number in SIGNALS]
    try:
        start_worker(started.append, 3)
        assert started == [3]
        assert {signal.getsignal(number) for number in SIGNALS} == {signal.SIG_IGN}
    finally:
        for number, handler in zip(SIGNALS, before, strict=True):
            signal.signal(number, handler)
