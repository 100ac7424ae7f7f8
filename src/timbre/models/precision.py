"""In what precision a device multiplies, decided once before it works, and the context that does it."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext

import torch

from timbre.errors import TimbreError


def resolve_precision(precision: str, device: torch.device) -> str:
    """``auto`` → ``bf16`` where the device multiplies it natively, else ``fp32``.

    Raises:
        TimbreError: for a precision that the device lacks. A CPU would emulate bf16, up to a hundred times slower
            than fp32, and below AVX-512 has no LSTM for it.
    """
    best = "bf16" if native_bf16(device) else "fp32"
    if precision == "fp16" and device.type != "cuda":
        raise TimbreError(f"precision fp16 is for GPUs only; take auto, which is {best} here")
    if precision == "bf16" and best != "bf16":
        needed = "AVX512-BF16" if device.type == "cpu" else "compute capability 8.0"
        raise TimbreError(
            f"precision bf16 needs {needed}; here it would be emulated, slower than fp32: take auto or fp32"
        )
    return best if precision == "auto" else precision


def native_bf16(device: torch.device) -> bool:
    """Whether the device has instructions for bf16 that torch uses.

    On a CPU these are oneDNN's. It emulates bf16 with plain AVX-512, too, and its variable ONEDNN_MAX_CPU_ISA (once
    DNNL_MAX_CPU_ISA) hides instructions that the processor has.
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    limit = os.environ.get("ONEDNN_MAX_CPU_ISA") or os.environ.get("DNNL_MAX_CPU_ISA", "")
    return (
        torch.cpu._is_avx512_bf16_supported()
        and torch.ops.mkldnn._is_mkldnn_bf16_supported()  # false where the limit is below AVX-512
        and limit.lower() not in ("avx512_core", "avx512_core_vnni")
    )


def autocast(precision: str, device: torch.device) -> AbstractContextManager:
    """The autocast context of a resolved precision."""
    if precision == "fp32":
        return nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16 if precision == "bf16" else torch.float16)
