"""The experiments of configs/smoke run from end to end."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.parametrize("file", sorted((ROOT / "configs/smoke").glob("*.yaml")), ids=lambda path: path.stem)
def test_smoke(file, tmp_path):
    command = [sys.executable, str(ROOT / "scripts/train.py"), "--config", str(file)]
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    metrics = json.loads((tmp_path / "runs/smoke" / file.stem / "metrics.json").read_text())
    scores = metrics["source"]["test"]
    assert scores["rows"] > 0
    (found,) = (scores[name] for name in ("accuracy", "entity_f1", "r2") if name in scores)
    assert found <= 1
