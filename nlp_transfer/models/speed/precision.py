"""Compute in bf16 where that is fast."""

from contextlib import AbstractContextManager

import torch


def has_native_bf16(device_type: str) -> bool:
    """Return whether bf16 matrix products are native on this machine's `cpu` or `cuda` device; else they are slow."""
    if device_type == "cuda":
        return torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)
    if device_type == "cpu":
        return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    return False


def native_bf16(device_type: str, *, enabled: bool = True) -> AbstractContextManager[None]:
    """Return a block in which products are computed in bf16, where that is native.

    Example:
        >>> with native_bf16("cpu", enabled=False):
        ...     (torch.ones(1, 1) @ torch.ones(1, 1)).dtype
        torch.float32
    """
    return torch.autocast(device_type, torch.bfloat16, enabled=enabled and has_native_bf16(device_type))
