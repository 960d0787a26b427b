"""A diagnosis of a tiny encoder and corpus with planted faults, and a target of other words."""

import json
from pathlib import Path
from typing import Any

import pytest

from nlp_transfer.config.experiment import load_config
from nlp_transfer.reporting.diagnosis.rows import DiagnosisData
from nlp_transfer.reporting.prepared_run import prepare
from tests.tiny_runs import rows, run_tree, tiny_encoder

FLIPPED = ["row0-3", "row0-10", "row0-20"]
"""Rows of training with another label."""


def write(folder: Path, splits: dict[str, list[dict[str, Any]]]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, lines in splits.items():
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return folder


def faulty_splits() -> dict[str, list[dict[str, Any]]]:
    """Three flipped labels, a damaged text, a copy of a training text with another label in the test split."""
    train, dev, test = rows(90, seed=0), rows(18, seed=1), rows(24, seed=2)
    for row in train:
        if row["id"] in FLIPPED:
            row["label"] = "public" if row["label"] != "public" else "copyleft"
    train[5]["text"] += " \ufffd"
    copied = next(row for row in train if row["label"] == "permissive" and row["id"] not in FLIPPED)
    test[0] |= {"text": copied["text"] + " the", "label": "public"}
    return {"train": train, "dev": dev, "test": test}


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The tree of an experiment on these."""
    place = tmp_path_factory.mktemp("diagnosis")
    target = [{**row, "text": row["text"] + " patient fever fever"} for row in rows(60, seed=5)]
    corpus = write(place / "corpus", faulty_splits())
    tree = run_tree(tiny_encoder(place / "encoder"), corpus, place / "run")
    return {**tree, "target": {"path": str(write(place / "target", {"test": target}))}}


@pytest.fixture(scope="session")
def data(planted: dict[str, Any]) -> DiagnosisData:
    """What the sections of its diagnosis are made from."""
    experiment = load_config(tree=planted)
    return DiagnosisData(experiment, prepare(experiment))
