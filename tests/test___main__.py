"""The console command."""

import runpy
import subprocess
import sys
from importlib.metadata import version

import pytest

from nlp_transfer import __version__


def test_the_module_is_the_command(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["nlp_transfer", "tran"])
    with pytest.raises(SystemExit) as caught:
        runpy.run_module("nlp_transfer", run_name="__main__")
    assert caught.value.code == 2
    assert "Unknown command 'tran'. Did you mean 'train'?" in capsys.readouterr().err


def test_the_version_names_the_libraries_and_imports_none():
    program = "import runpy, sys; sys.argv = ['nlp_transfer', '--version']\n"
    program += "try: runpy.run_module('nlp_transfer', run_name='__main__')\n"
    program += "finally: print(sorted({'torch', 'transformers', 'datasets'} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    libraries = f"(transformers {version('transformers')}, torch {version('torch')})"
    assert done.stdout == f"nlp-transfer {__version__} {libraries}\n[]\n"
