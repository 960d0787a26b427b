"""The encoder of BERTScore is checked before training."""

import importlib.util

import pytest

from nlp_transfer.errors import ConfigError
from nlp_transfer.tasks.summarization.bertscore_model import bertscore_folder


def test_without_a_name_there_is_nothing_to_check():
    assert bertscore_folder(None) is None


def test_a_folder_that_is_missing_is_named_by_its_setting(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    with pytest.raises(ConfigError, match=f"^--bertscore_model: there is no folder {tmp_path / 'nothing'}"):
        bertscore_folder(str(tmp_path / "nothing"), "--")


def test_the_package_must_be_installed(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="bertscore"):
        bertscore_folder("encoder")
