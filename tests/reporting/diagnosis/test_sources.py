"""Several sources are ranked for a target."""

from pathlib import Path
from typing import Any

from nlp_transfer.config.experiment import load_config
from nlp_transfer.reporting.diagnosis.rows import DiagnosisData
from nlp_transfer.reporting.diagnosis.sources import sources
from nlp_transfer.reporting.prepared_run import prepare
from nlp_transfer.tasks.blocks import Table, Text
from tests.reporting.diagnosis.conftest import write
from tests.tiny_runs import rows


def test_the_source_with_wrong_labels_comes_last(planted: dict[str, Any], tmp_path: Path) -> None:
    wrong = [{**row, "label": ["copyleft", "permissive", "public"][i % 2]} for i, row in enumerate(rows(90, seed=7))]
    splits = {"train": wrong[:60], "dev": wrong[60:70], "test": wrong[70:]}
    other = write(tmp_path / "wrong", splits)
    tree = {**planted, "source": [{"path": str(other)}, planted["source"]]}
    experiment = load_config(tree=tree)
    section = sources(DiagnosisData(experiment, prepare(experiment)))
    assert section is not None
    (table,) = [block for block in section.blocks if isinstance(block, Table)]
    assert [Path(row[0]).name for row in table.rows] == ["corpus", "wrong"]
    assert table.columns[-1] == "by its labels"
    (text,) = [block.markdown for block in section.blocks if isinstance(block, Text)]
    chosen = text.partition("Take ")[2].partition(". Several")[0].partition(" (")[0]
    assert Path(chosen).name == "corpus"
    assert float(table.rows[0][-1]) > float(table.rows[1][-1])


def test_one_source_is_not_ranked(data: DiagnosisData) -> None:
    assert sources(data) is None
