"""Deterministic operations are asked for, and those that have no such form are named."""

import warnings

import torch

from nlp_transfer.training.determinism import deterministic


def test_nothing_changes_on_a_cpu():
    with deterministic(torch.device("cpu"), print) as met:
        assert not torch.are_deterministic_algorithms_enabled()
    assert met == []


def test_on_a_gpu_they_are_asked_for_and_the_others_named_once(monkeypatch):
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")
    said, passed = [], []
    monkeypatch.setattr(warnings, "showwarning", lambda message, *_, **__: passed.append(str(message)))
    with deterministic(torch.device("cuda"), said.append) as met:
        assert torch.are_deterministic_algorithms_enabled()
        assert torch.is_deterministic_algorithms_warn_only_enabled()
        for _ in range(2):
            warnings.showwarning("cumsum_cuda does not have a deterministic implementation, but you set", UserWarning)
        warnings.showwarning("something else", UserWarning)
    assert not torch.are_deterministic_algorithms_enabled()
    assert met == ["cumsum_cuda"]
    assert said == ["cumsum_cuda has no deterministic form on this device: another run may differ in the last digits."]
    assert passed == ["something else"]
