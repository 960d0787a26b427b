"""Which number format a machine computes in natively.

bf16 autocast pays where the processor or GPU multiplies bf16 matrices itself; elsewhere it is emulated and slower than
float32. `auto` takes bf16 exactly where it is native.
"""

from typing import Literal

import torch

Precision = Literal["auto", "fp32", "bf16"]


def has_native_bf16(device_type: str) -> bool:
    """Whether bf16 matrix products are native on this machine's `cpu` or `cuda` device."""
    if device_type == "cuda":
        return torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)
    if device_type == "cpu":
        return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    return False


def uses_bf16(precision: Precision, device_type: str) -> bool:
    """Whether training under `precision` runs in bf16 autocast on that device."""
    return precision == "bf16" or (precision == "auto" and has_native_bf16(device_type))
