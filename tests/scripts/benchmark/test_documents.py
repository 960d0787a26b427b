"""One update on one document is measured for each way of reading."""

from pathlib import Path

import pytest
import torch

from scripts.benchmark.documents import WAYS, WINDOW, document, update


@pytest.mark.parametrize("way", WAYS)
def test_an_update_is_measured(encoder: Path, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scripts.benchmark.documents.WINDOW", 40)
    seconds, peak = update(str(encoder), way, 90)
    assert seconds > 0
    assert peak > 2**20


def test_the_windows_of_a_document() -> None:
    batch = document(WINDOW + 1, 100, in_windows=True)
    assert torch.bincount(batch["window_ids"][0]).tolist() == [0, WINDOW, 1]
    assert "window_ids" not in document(5, 100, in_windows=False)
