"""Several encoders are ranked."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoModel

from nlp_transfer import diagnose
from nlp_transfer.config.experiment import load_config
from nlp_transfer.reporting.diagnosis.encoders import encoders
from nlp_transfer.reporting.diagnosis.rows import DiagnosisData
from nlp_transfer.tasks.blocks import Table, Text
from tests.tiny_runs import tiny_encoder


def blind_encoder(folder: Path) -> Path:
    """An encoder to which all words are the same, and all lengths, which tell the classes of this corpus."""
    tiny_encoder(folder)
    model: Any = AutoModel.from_pretrained(folder)
    with torch.no_grad():
        model.embeddings.word_embeddings.weight.zero_()
        model.embeddings.position_embeddings.weight.zero_()
    model.save_pretrained(folder)
    return folder


def test_the_encoder_that_knows_words_comes_first(planted: dict[str, Any], tmp_path: Path) -> None:
    blind = str(blind_encoder(tmp_path / "blind"))
    found = diagnose(load_config(tree={**planted, "model": blind}), encoders=[planted["model"], blind])
    (section,) = [section for section in found.sections if section.title == "Encoders"]
    (table,) = [block for block in section.blocks if isinstance(block, Table)]
    assert [row[0] for row in table.rows] == [planted["model"], blind]
    assert float(table.rows[0][4]) > float(table.rows[1][4]) + 0.2
    assert float(table.rows[0][3]) > float(table.rows[1][3])  # LogME
    assert table.rows[0][5:] == ["", "100%"]
    (text,) = [block.markdown for block in section.blocks if isinstance(block, Text)]
    assert f"Take {planted['model']}, the best in 100%" in text
    assert "Not clearly worse" not in text


def test_equal_encoders_are_not_told_apart(planted: dict[str, Any], data: DiagnosisData, tmp_path: Path) -> None:
    copy = str(tiny_encoder(tmp_path / "copy"))
    own = DiagnosisData(data.experiment, data.prepared, None, (copy,))
    section = encoders(own)
    assert section is not None
    text, table = section.blocks
    assert isinstance(text, Text)
    assert isinstance(table, Table)
    assert f"Not clearly worse: {copy}." in text.markdown
    assert np.ptp([float(row[4]) for row in table.rows]) == 0
    assert table.rows[1][5] == "+0.0 to +0.0"


def test_one_encoder_is_not_ranked(data: DiagnosisData) -> None:
    assert encoders(data) is None
