"""Limits that the linter has no rule for: lines of a function, without its docstring, and of a file; the top level."""

import ast
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted(path for room in ("nlp_transfer", "scripts") for path in (ROOT / room).rglob("*.py"))
MAX_FUNCTION, MAX_FILE = 50, 300
TOP_LEVEL = {
    "README.md",
    "LICENSE",
    "pyproject.toml",
    ".ci",
    ".gitignore",
    "configs",
    "nlp_transfer",
    "scripts",
    "tests",
}


def lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    docstring = ast.get_docstring(function, clean=False)
    return (function.end_lineno or 0) - function.lineno + 1 - (docstring.count("\n") + 1 if docstring else 0)


def test_functions_are_short():
    long = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name} has {lines(node)} lines"
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and lines(node) > MAX_FUNCTION
    ]
    assert long == []


def test_files_are_short():
    counts = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert {name: count for name, count in counts.items() if count > MAX_FILE} == {}


def test_the_top_level_holds_what_the_readme_names():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode or not listed.stdout:
        pytest.skip("this is no git checkout")
    assert {name.partition("/")[0] for name in listed.stdout.splitlines()} <= TOP_LEVEL
