"""The target beside the source."""

from typing import Any

from nlp_transfer.config.experiment import load_config
from nlp_transfer.reporting.diagnosis.domains import domains
from nlp_transfer.reporting.diagnosis.rows import DiagnosisData
from nlp_transfer.reporting.prepared_run import prepare
from nlp_transfer.tasks.blocks import Table, Text


def test_a_target_of_other_words(data: DiagnosisData) -> None:
    section = domains(data)
    assert section is not None
    table, *texts = section.blocks
    assert isinstance(table, Table)
    facts = {row[0]: row[1] for row in table.rows}
    assert float(facts["domain told right, of texts not trained on"].split()[0]) > 0.6
    assert 0 <= float(facts["accuracy on the target, without its labels"].split()[0]) <= 1
    assert float(facts["accuracy on the target, by its labels"]) > 0.5
    words = [block.markdown for block in texts if isinstance(block, Text)]
    assert any(text.startswith("More frequent in the target: fever, patient") for text in words)


def test_without_a_target_there_is_no_section(planted: dict[str, Any]) -> None:
    experiment = load_config(tree={name: value for name, value in planted.items() if name != "target"})
    assert domains(DiagnosisData(experiment, prepare(experiment))) is None
