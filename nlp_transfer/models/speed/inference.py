"""Compute the logits of batches by PyTorch without padding in its layers, or by ONNX Runtime."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel

from nlp_transfer.errors import CheckpointError
from nlp_transfer.models.onnx.runtime import OnnxNetwork
from nlp_transfer.models.speed.fast_linear import fast_linear
from nlp_transfer.models.speed.unpadding import unpadded

Network: TypeAlias = PreTrainedModel | OnnxNetwork
"""A network that computes logits."""


@contextmanager
def batch_logits(network: Network, rows: int) -> Iterator[Callable[[Mapping[str, Tensor]], np.ndarray]]:
    """Yield a function that returns the float32 logits of a collated batch, one of `rows` rows in all."""
    if isinstance(network, OnnxNetwork):
        yield network.logits
        return
    model: Any = network
    with torch.inference_mode(), fast_linear(model), unpadded(model) if rows > 1 else nullcontext():

        def logits(inputs: Mapping[str, Tensor]) -> np.ndarray:
            outputs = model(**{name: tensor.to(model.device) for name, tensor in inputs.items()})
            return np.asarray(outputs.logits.float().cpu().numpy())

        yield logits


def check_finite(logits: np.ndarray, origin: str) -> None:
    """Raise `CheckpointError` if an output of the model from `origin` is NaN or infinite."""
    if not np.isfinite(logits).all():
        raise CheckpointError(f"{origin} gives outputs that are not finite: its weights are ruined. Train again.")
