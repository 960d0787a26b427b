"""The options of a push become its settings; what is pushed: tests/commands/test_push_run.py."""

from pathlib import Path

import pytest

from nlp_transfer.commands import push_run
from nlp_transfer.commands.push import push
from nlp_transfer.commands.push_settings import PushSettings
from nlp_transfer.config.command_line import call_command
from nlp_transfer.errors import ConfigError


def test_options_become_settings(monkeypatch, capsys):
    given = []

    class Done:
        repo_url, oid = "https://hub/me/it", "abc"

    monkeypatch.setattr(push_run, "push", lambda *words: given.append(words) or Done)
    settings = PushSettings(revision="dev", license="mit", language=["en"], run="runs/b", skip_overlap_check=True)
    words = ["--revision", "dev", "--license", "mit", "--language", "en", "--run", "runs/b", "--skip_overlap_check"]
    call_command(push, ["runs/a", "me/it", *words])
    assert given == [(Path("runs/a"), "me/it", settings)]
    assert capsys.readouterr().out == "https://hub/me/it/tree/dev\nrevision abc\n"


def test_a_card_is_written_once(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(push_run, "read_source", lambda folder, settings: folder)
    monkeypatch.setattr(push_run, "card_text", lambda run, repo_id, settings: f"# {repo_id}\n")
    place = tmp_path / "card.md"
    push("runs/a", "me/it", write_card=str(place))
    assert place.read_text() == "# me/it\n"
    assert capsys.readouterr().out == f"The card is in {place}. Edit it, and push it with --card {place}.\n"
    with pytest.raises(ConfigError, match=r"card\.md cannot be written: File exists\. Name a new file\.$"):
        push("runs/a", "me/it", write_card=str(place))
    with pytest.raises(ConfigError, match=r"cannot be written: No such file or directory"):
        push("runs/a", "me/it", write_card=str(tmp_path / "none" / "card.md"))
