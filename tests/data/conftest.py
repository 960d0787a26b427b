"""Corpora to test with: a cache of its own for every test, files from rows, and real data where it is there."""

import gzip
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("NLP_TRANSFER_CACHE", str(folder))
    return folder


@pytest.fixture
def write_rows(tmp_path: Path) -> Callable[..., Path]:
    """Write JSON Lines, gzipped where the name says so."""

    def write(name: str, rows: Iterable[Any]) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        content = "".join(json.dumps(row) + "\n" for row in rows).encode()
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return path

    return write


def toy_rows(count: int, classes: tuple[Any, ...] = ("a", "b"), start: int = 0) -> list[dict[str, Any]]:
    """Rows with different texts and classes in turn."""
    return [{"text": f"text number {start + row}", "label": classes[row % len(classes)]} for row in range(count)]


def real_data(name: str) -> Path:
    """A real corpus's folder, or a skip."""
    named = os.environ.get("NLP_TRANSFER_DATA")
    folder = (Path(named) if named else Path(__file__).parents[3] / "shared" / "data") / name
    if not folder.is_dir():
        pytest.skip(f"the corpus {name} is not there: set NLP_TRANSFER_DATA to the folder that holds it")
    return folder
