"""Compute float32 products of linear layers by oneDNN on a CPU.

PyTorch uses MKL, which is slower than oneDNN on processors that are not Intel's, at the same precision. In bf16 PyTorch
uses oneDNN itself.

    Y = X Wᵀ + b,   dX = dY W,   dW = dYᵀ X,   db = sum over rows of dY
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

MIN_MULTIPLICATIONS = 2**20
"""Minimum number of multiplications of a product; smaller ones are dominated by oneDNN's overhead."""

MIN_COLUMNS = 32
"""Minimum number of output columns."""


@contextmanager
def fast_linear(model: nn.Module) -> Iterator[None]:
    """Let every `nn.Linear` of the model multiply float32 on a CPU by oneDNN, if PyTorch was built with it."""
    available = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    modules = [module for module in model.modules() if type(module) is nn.Linear and available]
    for module in modules:
        module.forward = partial(_forward, module)  # type: ignore[method-assign]  # taken away again below
    try:
        yield
    finally:
        for module in modules:
            del module.forward


def _forward(module: nn.Linear, states: Tensor) -> Tensor:
    small = states.numel() * module.out_features < MIN_MULTIPLICATIONS or module.out_features < MIN_COLUMNS
    plain = states.dtype == module.weight.dtype == torch.float32 and states.device.type == "cpu"
    if small or not plain or torch.is_autocast_enabled("cpu") or torch.compiler.is_compiling():
        return nn.functional.linear(states, module.weight, module.bias)
    output: Tensor = _Linear.apply(states.flatten(0, -2), module.weight, module.bias)
    return output.view(*states.shape[:-1], module.out_features)


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:  # type: ignore[override]
        ctx.save_for_backward(rows, weight)
        return _product(rows, weight, bias)

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        rows, weight = ctx.saved_tensors
        of_rows, of_weight, of_bias = ctx.needs_input_grad
        return (
            _product(gradient, weight.t()) if of_rows else None,
            _product(gradient.t(), rows.t()) if of_weight else None,
            gradient.sum(0) if of_bias else None,
        )


def _product(rows: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return X Wᵀ + b."""
    product: Tensor = torch.ops.mkldnn._linear_pointwise(rows, weight, bias, "none", [], "")
    return product
