"""Versions and memory."""

import platform
from types import SimpleNamespace

import pytest
import sklearn
import torch

from nlp_transfer.reporting import environment
from nlp_transfer.reporting.environment import (
    hardware,
    library_versions,
    peak_gpu_bytes,
    peak_memory_bytes,
    processor_name,
)


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


def test_the_processor_by_its_name(tmp_path):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor\t: 0\nmodel name\t: AMD EPYC 9R14\nprocessor\t: 1\nmodel name\t: another\n")
    assert processor_name(cpuinfo) == "AMD EPYC 9R14"
    assert processor_name(tmp_path / "none") == (platform.processor() or platform.machine())


@pytest.mark.parametrize(
    ("bf16", "fp16", "numbers"), [(True, False, "bf16"), (False, True, "fp16"), (False, False, "float32")]
)
def test_hardware_and_its_arithmetic(bf16, fp16, numbers):
    arguments = SimpleNamespace(bf16=bf16, fp16=fp16, device=torch.device("cpu"), world_size=1)
    assert hardware(arguments) == f"{processor_name()}, {numbers}"
    arguments.world_size = 4
    assert hardware(arguments) == f"4 x {processor_name()}, {numbers}"


def test_no_gpu_in_use():
    assert peak_gpu_bytes() is None
