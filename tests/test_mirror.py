"""The tests mirror the package: a test file for each module, and a module for each test file."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE, TESTS = ROOT / "nlp_transfer", ROOT / "tests"
WITHOUT_MIRROR = ("contracts", "reliability", "scripts")
"""Folders of tests of several modules at once, or of what is not in the package."""

WHOLE = {
    "test_limits.py",
    "commands/test_readme.py",
    "hub/test_upload_by_xet.py",
    "test_documented_examples.py",
    "test_documents.py",
    "test_domain_pretraining.py",
    "test_launching.py",
    "test_mirror.py",
    "test_plain_transformers.py",
    "test_quickstart.py",
    "test_public_names.py",
    "test_renamed.py",
    "test_pushing_extractors.py",
    "test_security.py",
    "test_source_free.py",
    "training/test_one_update.py",
    "training/test_other_heads.py",
    "training/test_stock_order.py",
}
"""Tests of several modules at once, or of the project as a whole."""


def mirrored() -> set[str]:
    modules = (path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py") if path.name != "__init__.py")
    return {str(path.with_name(f"test_{path.name}")) for path in modules}


def written() -> set[str]:
    files = (path.relative_to(TESTS) for path in TESTS.rglob("test_*.py"))
    return {str(path) for path in files if path.parts[0] not in WITHOUT_MIRROR} - WHOLE


def test_each_module_has_its_tests():
    assert sorted(mirrored() - written()) == []


def test_each_test_file_has_its_module():
    assert sorted(written() - mirrored()) == []
