"""What starts at once: the package's import, and `--help` of every script, load none of the libraries that take seconds.

Not timed: which modules are imported is the same on a loaded machine.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nlp_transfer.commands import COMMANDS

ROOT = Path(__file__).parents[2]
HEAVY = {
    "accelerate",
    "datasets",
    "evaluate",
    "matplotlib",
    "onnx",
    "onnxruntime",
    "pandas",
    "peft",
    "scipy",
    "sklearn",
    "torch",
    "transformers",
}


def start(*words):
    """A Python process's standard output and the names of all modules that it imported."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *words],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = (line for line in done.stderr.splitlines() if line.startswith("import time:"))
    return done.stdout, {line.rpartition("|")[2].strip() for line in lines}


def test_importing_the_package():
    _, imported = start("-c", "import nlp_transfer")
    assert "nlp_transfer" in imported
    assert imported & HEAVY == set()


@pytest.mark.parametrize("verb", ["", *COMMANDS])
def test_help_of_the_console_command(verb):
    shown, imported = start("-m", "nlp_transfer", *verb.split(), "--help")
    assert shown.startswith(f"usage: nlp-transfer {verb or 'COMMAND'} ")
    assert imported & HEAVY == set()


@pytest.mark.parametrize("script", sorted((ROOT / "scripts").glob("[a-z]*.py")), ids=lambda path: path.stem)
def test_help(script):
    shown, imported = start(str(script), "--help")
    assert shown.startswith("usage: ")
    assert "nlp_transfer.config.command_ending" in imported
    assert imported & HEAVY == set()
