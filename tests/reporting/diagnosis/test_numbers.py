"""The numbers of a diagnosis are those of its sections."""

from dataclasses import replace
from typing import Any

from nlp_transfer.config.experiment import load_config
from nlp_transfer.reporting.diagnosis.layers import layers
from nlp_transfer.reporting.diagnosis.numbers import diagnosis_numbers
from nlp_transfer.reporting.diagnosis.rows import DiagnosisData
from nlp_transfer.reporting.prepared_run import prepare
from nlp_transfer.tasks.blocks import Table


def test_they_are_those_of_the_sections(data: DiagnosisData) -> None:
    numbers = diagnosis_numbers(data)
    table = next(block for block in layers(data).blocks if isinstance(block, Table))
    assert [[str(layer), f"{score:.3f}"] for layer, score in numbers.macro_f1.items()] == [
        row[:2] for row in table.rows
    ]
    assert numbers.doubtful_labels == data.label_errors.count > 0
    assert data.curve is not None
    assert numbers.gain == data.curve.gain
    assert numbers.target_accuracy is not None
    assert 0 < numbers.target_accuracy.estimate.low <= numbers.target_accuracy.estimate.accuracy
    assert numbers.a_distance is not None
    assert numbers.a_distance > 1  # the target has words of its own


def test_a_sample_tells_no_gain(planted: dict[str, Any]) -> None:
    experiment = load_config(tree=planted)
    few = DiagnosisData(experiment, prepare(experiment), most_rows=130)
    few.__dict__["target"] = None
    numbers = diagnosis_numbers(few)
    assert (numbers.gain, numbers.target_accuracy, numbers.a_distance) == (None, None, None)
    assert diagnosis_numbers(replace(few, most_rows=None)).gain is not None
