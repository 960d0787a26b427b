"""What computes a saved model, and where."""

import re

import pytest
import torch

from nlp_transfer.errors import ConfigError
from nlp_transfer.tasks.backends import Compute, choose_device


def test_devices() -> None:
    assert choose_device("cpu") == torch.device("cpu")
    assert choose_device().type == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.parametrize("name", ["gpu", "cuda:99", "meta"])
def test_a_device_that_is_not_there(name: str) -> None:
    for choose in (choose_device, Compute):
        with pytest.raises(ConfigError, match=f"--device {name}: there is no such device here. Expected auto, cpu"):
            choose(name)


def test_an_exported_model_is_computed_on_the_cpu_and_alone_has_a_precision() -> None:
    assert Compute("auto", "onnx", "int8").uses_onnx
    assert not Compute("cpu", "pytorch", None).uses_onnx
    for given, message in (
        (("cpu", "onyx", None), "--backend: Unknown backend 'onyx'. Did you mean 'onnx'?"),
        (("cpu", "pytorch", "int8"), "--precision is that of an exported model: add --backend onnx, or leave it out."),
    ):
        with pytest.raises(ConfigError, match=re.escape(message)):
            Compute(*given)
