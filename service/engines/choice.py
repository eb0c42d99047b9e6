"""The choice of the engine that computes feature maps on this machine."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Callable
from pathlib import Path

import torch

from service.engines.engine import Engine, Plan
from service.engines.torch import TorchEngine
from service.errors import RegistryError

log = logging.getLogger(__name__)

BF16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}
"""Names of the instructions in /proc/cpuinfo, on x86-64 and on ARM."""


def _torch(plan: Plan, precision: str) -> Engine:
    return TorchEngine(plan, "cuda" if torch.cuda.is_available() else "cpu", precision)


def _openvino(plan: Plan, precision: str) -> Engine:
    from service.engines.openvino import OpenVinoEngine  # noqa: PLC0415  it may not be installed

    return OpenVinoEngine(plan, precision)


BUILDERS: dict[str, Callable[[Plan, str], Engine]] = {"torch": _torch, "openvino": _openvino}


def choose(engine: str) -> str:
    """The engine to use. `auto`: torch if there is CUDA, else OpenVINO if it is installed, else torch.

    Raises RegistryError if the engine asked for is not installed.
    """
    installed = importlib.util.find_spec("openvino") is not None
    if engine == "openvino" and not installed:
        raise RegistryError("the engine openvino is not installed; `pip install openvino`, or choose torch or auto")
    if engine != "auto":
        return engine
    return "torch" if torch.cuda.is_available() or not installed else "openvino"


def build(engine: str, plan: Plan, precision: str) -> tuple[Engine, str]:
    """The engine that `choose` names, and "". For a network that OpenVINO cannot run: torch, and the reason."""
    kind = choose(engine)
    try:
        return BUILDERS[kind](plan, precision), ""
    except RuntimeError as error:
        if kind == "torch":
            raise
        first = str(error).strip().splitlines()[-1][:300]
        log.warning("OpenVINO cannot run this network, so torch does: %s", first)
        return BUILDERS["torch"](plan, precision), "OpenVINO cannot run this network, so torch does; the log says more"


def has_bf16() -> bool:
    """Whether this machine has instructions for bfloat16, rather than an emulation."""
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return False
    return any(BF16_FLAGS & set(line.split()) for line in lines if line.startswith(("flags", "Features")))
