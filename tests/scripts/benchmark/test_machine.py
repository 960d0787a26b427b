"""Rates, memory and the machine's name."""

import time

import pytest
import torch

from scripts.benchmark import machine
from scripts.benchmark.machine import Meter, environment, matrix_product_rate, peak_resident_bytes

CPU = torch.device("cpu")


@pytest.mark.parametrize(("precision", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16)])
def test_the_rate_is_two_n_cubed_over_the_median_time(monkeypatch, precision, dtype):
    moments = iter(
        [t for start, length in enumerate((100, 1, 2, 2, 4, 9, 1, 2)) for t in (1000 * start, 1000 * start + length)]
    )
    seen = []
    multiply = torch.mm
    monkeypatch.setattr(machine.time, "perf_counter", lambda: next(moments))
    monkeypatch.setattr(machine.torch, "mm", lambda a, b: seen.append((a.dtype, a.shape)) or multiply(a, b))
    assert matrix_product_rate(CPU, precision, size=10) == 2 * 10**3 / 2  # the first product does not count
    assert seen == [(dtype, (10, 10))] * (machine.PRODUCTS + 1)


def test_a_meter_sees_time_and_memory():
    with Meter(CPU) as meter:
        held = torch.ones(40 << 20)  # 160 MiB
        time.sleep(0.05)
    assert 0.05 <= meter.seconds < 5
    assert meter.peak_bytes >= meter.before_bytes + held.nbytes * 0.9
    assert meter.before_bytes > 50 << 20  # Python with torch


def test_linux_says_the_peak_of_this_process(tmp_path):
    status = tmp_path / "status"
    status.write_text("Name:\tpython\nVmPeak:\t  900 kB\nVmHWM:\t  700 kB\nVmRSS:\t  600 kB\n")
    assert peak_resident_bytes(status) == 700 * 1024


def test_other_systems_are_asked_another_way(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "peak_memory_bytes", lambda: 123)
    assert peak_resident_bytes(tmp_path / "none") == 123


def test_what_a_time_depends_on(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    found = environment(CPU)
    assert (found["device"], found["omp_num_threads"]) == ("cpu", "3")
    assert found["cores"] >= 1 and found["device_name"]
    assert found["versions"]["torch"] == torch.__version__
    assert len(found["code"]) == 64


def test_changed_code_has_another_fingerprint(tmp_path):
    (tmp_path / "a.py").write_text("1")
    (tmp_path / "notes.txt").write_text("1")
    first = machine.code_fingerprint(tmp_path)
    (tmp_path / "notes.txt").write_text("2")
    assert machine.code_fingerprint(tmp_path) == first
    (tmp_path / "a.py").write_text("2")
    changed = machine.code_fingerprint(tmp_path)
    (tmp_path / "a.py").rename(tmp_path / "b.py")
    assert len({first, changed, machine.code_fingerprint(tmp_path)}) == 3


def test_the_peak_is_never_below_what_was_held_before(monkeypatch):
    monkeypatch.setattr(machine, "peak_resident_bytes", lambda: 1)
    with Meter(CPU) as meter:
        pass
    assert meter.peak_bytes == meter.before_bytes > 1
