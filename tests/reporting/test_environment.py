"""Versions and memory."""

import platform

import sklearn

from nlp_transfer.reporting import environment
from nlp_transfer.reporting.environment import library_versions, peak_gpu_bytes, peak_memory_bytes


def test_versions():
    versions = library_versions()
    assert versions["python"] == platform.python_version()
    assert versions["scikit-learn"] == sklearn.__version__
    assert list(versions)[1:] == list(environment.PACKAGES)


def test_what_is_not_installed_is_none(monkeypatch):
    monkeypatch.setattr(environment, "PACKAGES", ("no-such-distribution",))
    assert library_versions()["no-such-distribution"] is None


def test_peak_memory_is_in_bytes_and_only_grows():
    before = peak_memory_bytes()
    block = bytearray(64 * 2**20)
    after = peak_memory_bytes()
    assert 2**20 < before <= after < 2**40
    assert after >= len(block)


def test_no_gpu_in_use():
    assert peak_gpu_bytes() is None
