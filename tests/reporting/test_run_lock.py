"""One run at a time in a folder."""

import os
import socket
from multiprocessing import get_context

import pytest

from nlp_transfer.errors import CheckpointError
from nlp_transfer.reporting import run_lock
from nlp_transfer.reporting.run_lock import LOCK, RunLock, this_process


def hold(folder, ready, done):
    lock = RunLock(folder)
    lock.acquire({})
    ready.set()
    done.wait(60)


def test_a_lock_in_use_names_its_holder(tmp_path):
    processes = get_context("spawn")
    ready, done = processes.Event(), processes.Event()
    other = processes.Process(target=hold, args=(tmp_path, ready, done))
    other.start()
    try:
        assert ready.wait(60)
        with pytest.raises(CheckpointError) as caught:
            RunLock(tmp_path).acquire({"pid": 1, "host": "elsewhere"})
    finally:
        done.set()
        other.join()
    assert str(caught.value) == (
        f"{tmp_path} is in use: process 1 on elsewhere runs there now. Wait for its end, or choose another "
        "training.output_dir."
    )


def test_a_released_lock_leaves_no_file(tmp_path):
    lock = RunLock(tmp_path)
    lock.acquire({})
    assert (tmp_path / LOCK).exists()
    lock.release()
    assert not list(tmp_path.iterdir())
    lock.release()  # once more is fine


def test_a_process_is_known_by_id_and_host():
    assert this_process() == {"pid": os.getpid(), "host": socket.gethostname()}
    assert run_lock._lives(os.getpid()) and not run_lock._lives(0)
