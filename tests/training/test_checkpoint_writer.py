"""States of extensions in a checkpoint."""

import torch
from safetensors.torch import save_file

from nlp_transfer.methods.extension import Extension
from nlp_transfer.training import checkpoint_writer
from nlp_transfer.training.checkpoint_writer import restore_extensions
from nlp_transfer.training.checkpoints import EXTENSIONS
from tests.training.stand_in import stand_in


class Keeps(Extension):
    def __init__(self, state):
        self.state = state

    def state_dict(self):
        return self.state

    def load_state_dict(self, state):
        self.state = dict(state)


class Other(Keeps):
    pass


def test_tensors_and_values_come_back_to_the_extension_that_they_are_of(tmp_path):
    tensor = torch.arange(3)
    trainer = stand_in(extensions=(Keeps({"labels": tensor, "epoch": 2}), Other({"epoch": 5}), Extension()))
    values, tensors = checkpoint_writer._states(trainer)
    assert values == {"Keeps": {"epoch": 2}, "Other": {"epoch": 5}}
    assert list(tensors) == ["Keeps.labels"]
    save_file(tensors, tmp_path / EXTENSIONS)
    again = stand_in(extensions=(Other({}), Keeps({})))
    restore_extensions(again, tmp_path, values)
    other, keeps = again.extensions
    assert other.state == {"epoch": 5}
    assert keeps.state["epoch"] == 2
    assert torch.equal(keeps.state["labels"], tensor)
