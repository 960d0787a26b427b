"""The device and the backend that compute a model: PyTorch or ONNX Runtime."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nlp_transfer.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    import torch

PYTORCH, ONNX = BACKENDS = ("pytorch", "onnx")
"""The backends by name."""


@dataclass(frozen=True)
class Compute:
    """The device and backend that compute a saved model.

    Args:
        device: cpu, cuda, cuda:1; auto is a GPU, if there is one.
        backend: pytorch, or onnx for an exported model.
        precision: of an exported model, float32 or int8; null is the first that exists.
        max_tokens: tokens of a batch, padding counted; null suits the device, fewer need less memory.

    Raises:
        ConfigError: there is no such device or backend, or they do not go together.

    Example:
        >>> Compute(device="cpu", max_tokens=512).uses_onnx
        False
    """

    device: str = "auto"
    backend: str = PYTORCH
    precision: str | None = None
    max_tokens: int | None = None

    def __post_init__(self) -> None:
        """Check the values."""
        if self.max_tokens is not None and self.max_tokens < 1:
            raise ConfigError(f"--max_tokens is {self.max_tokens}; expected at least 1.")
        if self.backend not in BACKENDS:
            raise ConfigError(f"--backend: {did_you_mean('backend', self.backend, BACKENDS)}")
        kind = choose_device(self.device).type
        if self.uses_onnx and self.device != "auto" and kind != "cpu":
            raise ConfigError(f"--device {self.device}: exported models are computed on the CPU. Leave it out.")
        if not self.uses_onnx and self.precision is not None:
            raise ConfigError(f"--precision is that of an exported model: add --backend {ONNX}, or leave it out.")

    @property
    def uses_onnx(self) -> bool:
        """Return True for an exported model."""
        return self.backend == ONNX


def choose_device(name: str = "auto") -> "torch.device":
    """Return the device of a name (`cpu`, `cuda`, `cuda:1`, `mps`); `auto` is a GPU if there is one, else the CPU.

    Example:
        >>> choose_device("cpu")
        device(type='cpu')
    """
    import torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        if not re.fullmatch(r"(cpu|cuda|mps|xpu)(:\d+)?", name):
            raise RuntimeError
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        gpus = "".join(f", cuda:{index}" for index in range(torch.cuda.device_count()))
        raise ConfigError(f"--device {name}: there is no such device here. Expected auto, cpu{gpus}.") from error
    return torch.device(name)
