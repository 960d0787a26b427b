"""The command of scripts/cache.py as a user types it. What it lists and clears: tests/commands/test_cache.py."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from nlp_transfer.models.activation_cache.digests import DIGEST
from nlp_transfer.models.activation_cache.store import ActivationStore

ROOT = Path(__file__).parents[2]


def command(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NLP_TRANSFER_CACHE": str(folder)}
    script = [sys.executable, str(ROOT / "scripts" / "cache.py")]
    return subprocess.run([*script, *words], env=environment, capture_output=True, text=True, check=False)


def test_list_clear_and_help(tmp_path: Path) -> None:
    store = ActivationStore(10**6, tmp_path / "activations")
    with store.writing("ab" * 32, np.array([b"a" * 16], dtype=DIGEST), [1], 4, "float32") as writer:
        writer.put(0, np.zeros((1, 4), np.float32))
    listed = command(tmp_path, "list", "--room", "activations")
    assert (listed.returncode, listed.stderr) == (0, "")
    assert listed.stdout.splitlines()[0] == f"{tmp_path}: 1 file, 4.1 kB"
    assert listed.stdout.rstrip().endswith(f"  {'ab' * 32}.act")
    cleared = command(tmp_path, "clear")
    assert (cleared.returncode, cleared.stdout) == (0, f"Deleted 1 file, 4.1 kB, from {tmp_path}.\n")
    assert store.read("ab" * 32) is None
    shown = command(tmp_path, "--help")
    assert shown.returncode == 0
    assert "--older_than_days OLDER_THAN_DAYS" in shown.stdout
