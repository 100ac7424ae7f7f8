"""In what precision a device multiplies best, and the context that does it."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch

from timbre.errors import TimbreError


def resolve_precision(precision: str, device: torch.device) -> str:
    """``auto`` → ``bf16`` where the processor has instructions for it, else ``fp32``."""
    if precision == "fp16" and device.type != "cuda":
        raise TimbreError("precision fp16 is for GPUs only; take bf16, fp32 or auto")
    if precision != "auto":
        return precision
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    return "bf16" if torch.ops.mkldnn._is_mkldnn_bf16_supported() and _native_bf16() else "fp32"


def _native_bf16() -> bool:
    """oneDNN also emulates bf16 where the processor cannot multiply it: there it is slower than fp32."""
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def autocast(precision: str, device: torch.device) -> AbstractContextManager:
    """The autocast context of a resolved precision."""
    if precision == "fp32":
        return nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16 if precision == "bf16" else torch.float16)
