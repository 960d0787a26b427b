"""Each room's README is short, and the examples in that of the data run."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from nlp_transfer import CorpusConfig, SplitConfig, load_corpus

ROOT = Path(__file__).parents[2]
READMES = sorted((ROOT / "nlp_transfer").rglob("README.md"))


@pytest.mark.parametrize("path", READMES, ids=lambda path: path.parent.name)
def test_a_rooms_readme_has_120_lines_at_most(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= 120


def blocks(room: str, kind: str) -> list[str]:
    return re.findall(
        rf"```{kind}\n(.*?)```", (ROOT / "nlp_transfer" / room / "README.md").read_text("utf-8"), re.DOTALL
    )


def test_the_corpus_of_the_data_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (example,) = blocks("data", "yaml")
    settings = YAML(typ="safe").load(example)["source"]
    config = CorpusConfig(**{**settings, "split": SplitConfig(**settings["split"])})
    assert config.problems("source") == []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NLP_TRANSFER_CACHE", str(tmp_path / "cache"))
    Path("data").mkdir()
    rows = "".join(f"clause number {row},{'ab'[row % 2]}\n" for row in range(40))
    Path(config.place).write_text(f"clause,kind\n{rows}")
    corpus = load_corpus(config)
    assert corpus.label_names == ["a", "b"]
    assert {name: len(split) for name, split in corpus.splits.items()} == {"train": 24, "validation": 6, "test": 10}


def test_the_commands_of_the_data_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NLP_TRANSFER_CACHE", str(tmp_path))
    (commands,) = blocks("data", "bash")
    for command in commands.splitlines():
        python, *arguments = shlex.split(command)
        assert python == "python"
        done = subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
