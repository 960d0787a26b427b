"""The parts of an experiment that training reads, all of which a configuration has."""

from nlp_transfer.config.experiment import Experiment
from nlp_transfer.training.experiment_parts import ExperimentParts


def test_an_experiment_has_every_part() -> None:
    parts = {name for name, value in vars(ExperimentParts).items() if isinstance(value, property)}
    assert {"sources", "target", "task", "methods", "training", "model"} <= parts
    fields = set(Experiment.__dataclass_fields__) | {
        name for name, value in vars(Experiment).items() if isinstance(value, property)
    }
    assert parts <= fields
