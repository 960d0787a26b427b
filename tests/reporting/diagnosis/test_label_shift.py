"""The class frequencies of a target, without its labels."""

from pathlib import Path
from typing import Any

from nlp_transfer.config.experiment import load_config
from nlp_transfer.reporting.diagnosis.label_shift import label_shift
from nlp_transfer.reporting.diagnosis.rows import DiagnosisData
from nlp_transfer.reporting.prepared_run import prepare
from nlp_transfer.tasks.blocks import Table
from tests.reporting.diagnosis.conftest import write
from tests.tiny_runs import rows


def test_a_class_that_is_rare_in_the_target(planted: dict[str, Any], tmp_path: Path) -> None:
    drawn = rows(240, seed=11)
    few = [row for i, row in enumerate(drawn) if row["label"] != "public" or i % 9 == 2]
    target = write(tmp_path / "target", {"test": few})
    experiment = load_config(tree={**planted, "target": {"path": str(target)}})
    section = label_shift(DiagnosisData(experiment, prepare(experiment)))
    assert section is not None
    (table,) = [block for block in section.blocks if isinstance(block, Table)]
    assert table.columns == ["class", "source", "target, estimated", "95 %", "by its labels"]
    shares = {row[0]: [float(row[place].rstrip("%")) for place in (1, 2, 4)] for row in table.rows}
    source, estimated, true = shares["public"]
    assert source > 25 > true
    assert abs(estimated - true) < abs(source - true) / 2


def test_without_a_target_there_is_no_section(planted: dict[str, Any]) -> None:
    experiment = load_config(tree={name: value for name, value in planted.items() if name != "target"})
    assert label_shift(DiagnosisData(experiment, prepare(experiment))) is None
