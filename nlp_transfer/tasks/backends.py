"""What computes a saved model, PyTorch or ONNX Runtime, and on which device."""

import re
from typing import Any, TypeVar

import torch

from nlp_transfer.errors import ConfigError, did_you_mean
from nlp_transfer.tasks import onnx_backend, saved_models
from nlp_transfer.tasks.trained import TrainedAbstractiveSummarizer, TrainedClassifier, TrainedSummarizer

PYTORCH, ONNX = BACKENDS = ("pytorch", "onnx")
"""What computes a model."""

Loaded = TypeVar("Loaded", bound=TrainedClassifier | TrainedSummarizer | TrainedAbstractiveSummarizer)


def load_classifier_on(
    model: str, device: str = "auto", *, backend: str = PYTORCH, precision: str | None = None
) -> TrainedClassifier:
    """A saved classifier on a device.

    Args:
        model: a run's output folder, a model folder, or a Hub id; or an exported model.
        device: where it computes.
        backend: one of `BACKENDS`.
        precision: of an exported model.

    Raises:
        ConfigError: there is no such device or backend.
        CheckpointError: the model cannot be loaded.
    """
    if uses_onnx(device, backend, precision):
        return onnx_backend.load_classifier(model, precision)
    return to_device(saved_models.load_classifier(model), device)


def load_summarizer_on(
    model: str, device: str = "auto", *, backend: str = PYTORCH, precision: str | None = None
) -> TrainedSummarizer | TrainedAbstractiveSummarizer:
    """A saved summariser on a device, as `load_classifier_on`; exported ones are extractive."""
    if uses_onnx(device, backend, precision):
        return onnx_backend.load_summarizer(model, precision)
    return to_device(saved_models.load_summarizer(model), device)


def uses_onnx(device: str, backend: str, precision: str | None) -> bool:
    """Whether an exported model is meant; raises ConfigError for what does not go together."""
    if backend not in BACKENDS:
        raise ConfigError(f"--backend: {did_you_mean('backend', backend, BACKENDS)}")
    kind = choose_device(device).type
    if backend == ONNX and device != "auto" and kind != "cpu":
        raise ConfigError(f"--device {device}: exported models are computed on the CPU. Leave it out.")
    if backend != ONNX and precision is not None:
        raise ConfigError(f"--precision is that of an exported model: add --backend {ONNX}, or leave it out.")
    return backend == ONNX


def to_device(loaded: Loaded, device: str) -> Loaded:
    """A saved model, its networks on a device."""
    extractor = getattr(loaded, "extractor", None)
    for one in (loaded, extractor):
        if one is not None:
            network: Any = one.model
            network.to(choose_device(device))
    return loaded


def choose_device(name: str = "auto") -> torch.device:
    """The device of that name (`cpu`, `cuda`, `cuda:1`, `mps`); `auto` is the GPU where there is one, else the CPU.

    Raises:
        ConfigError: there is no such device here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        if not re.fullmatch(r"(cpu|cuda|mps|xpu)(:\d+)?", name):
            raise RuntimeError
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ConfigError(
            f"--device {name}: there is no such device here. Expected auto, cpu"
            + "".join(f", cuda:{index}" for index in range(torch.cuda.device_count()))
            + "."
        ) from error
    return torch.device(name)
