"""A new extension is one class and one line of `default_extensions`: loop, log, checkpoints and report know it from there."""

from nlp_transfer.methods.extension import Extension
from nlp_transfer.training import seams
from nlp_transfer.training.extensions import default_extensions
from tests.training.faulty import trainer


class CountSteps(Extension):
    def __init__(self):
        self.steps = 0

    def prepare_step(self, batches):
        self.steps += 1
        return batches

    def log(self, logs):
        return {**logs, "counted": float(self.steps)}

    def state_dict(self):
        return {"steps": self.steps}

    def load_state_dict(self, state):
        self.steps = state["steps"]

    def summary(self):
        return {"counted steps": self.steps}


def test_a_dummy_extension_takes_part(tmp_path, monkeypatch):
    def with_dummy(*args, **options):
        return (*default_extensions(*args, **options), CountSteps())

    monkeypatch.setattr(seams, "default_extensions", with_dummy)
    whole = trainer(tmp_path)
    whole.train()
    assert [entry["counted"] for entry in whole.state.log_history if "loss" in entry] == [1.0, 2.0, 3.0, 4.0]
    assert whole.summary()["counted steps"] == 4

    resumed = trainer(tmp_path)
    resumed.train(resume_from_checkpoint=str(tmp_path / "checkpoint-3"))
    assert resumed.summary()["counted steps"] == 4
