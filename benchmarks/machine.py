"""What the figures were measured on, and how fast it can multiply at all."""

from __future__ import annotations

import importlib.metadata
import platform
import time
from pathlib import Path

import torch

from service.settings import available_cores

PACKAGES = ("torch", "openvino", "torchcam", "grad-cam", "captum", "litserve", "fastapi")
SIDE = 2048


def machine() -> dict[str, object]:
    """Cores, instructions, versions, and the peak of a large matrix product in GFLOP/s."""
    cpu = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    flags = [flag for flag in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if flag in cpu]
    return {
        "architecture": platform.machine(),
        "cores": available_cores(),
        "instructions": flags,
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
        "gemm_gflops": {"f32": peak(torch.float32), "bf16": peak(torch.bfloat16)},
    }


def peak(kind: torch.dtype) -> float:
    """The best of ten products of two 2048² matrices, in GFLOP/s."""
    a = torch.randn(SIDE, SIDE).to(kind)
    best = min(_seconds(a) for _ in range(10))
    return round(2 * SIDE**3 / best / 1e9)


def _seconds(a: torch.Tensor) -> float:
    begun = time.perf_counter()
    a @ a
    return time.perf_counter() - begun
