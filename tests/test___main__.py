"""The console command."""

import runpy
import sys

import pytest


def test_the_module_is_the_command(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["nlp_transfer", "tran"])
    with pytest.raises(SystemExit) as caught:
        runpy.run_module("nlp_transfer", run_name="__main__")
    assert caught.value.code == 2
    assert "Unknown command 'tran'. Did you mean 'train'?" in capsys.readouterr().err
