"""Checks of the checkpoint that a run goes on from."""

import json

import pytest
import torch

from nlp_transfer.errors import CheckpointError
from nlp_transfer.methods import FullFineTuning
from nlp_transfer.training.checkpoints import TRANSFER_STATE
from nlp_transfer.training.resume_checks import read_transfer_state
from tests.training.stand_in import stand_in

FILES = ("trainer_state.json", "optimizer.pt", "scheduler.pt", "rng_state.pth")


@pytest.fixture
def checkpoint(tmp_path):
    for name in FILES:
        (tmp_path / name).write_text("{}")
    state = {"processes": 1, "threads": torch.get_num_threads(), "ended": False, "methods": []}
    (tmp_path / TRANSFER_STATE).write_text(json.dumps(state))
    return tmp_path


def test_the_state_of_a_checkpoint_with_all_its_files_is_read(checkpoint):
    assert read_transfer_state(stand_in(train_dataset=[1]), checkpoint)["processes"] == 1


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_missing_is_named(checkpoint, name):
    (checkpoint / name).unlink()
    with pytest.raises(CheckpointError, match=f"has no {name}"):
        read_transfer_state(stand_in(train_dataset=[1]), checkpoint)


def test_other_methods_and_processes_are_refused(checkpoint):
    methods = (FullFineTuning(),)
    with pytest.raises(CheckpointError, match=r"with methods=\[\], and the trainer has methods="):
        read_transfer_state(stand_in(train_dataset=[1], methods=methods), checkpoint)
    with pytest.raises(CheckpointError, match="saved by 1 processes, and there are 2 now"):
        read_transfer_state(stand_in(train_dataset=[1], args={"world_size": 2}), checkpoint)
