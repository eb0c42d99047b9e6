"""Feature maps by PyTorch, on the CPU or on a CUDA device."""

from __future__ import annotations

import copy
import threading
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from service.engines.engine import Plan
from service.images.normalisation import RGB

MAX_DEVICE_COPIES = 4
"""Copies of the network on a device, one per cut; the least recently used one is dropped."""


def normalised(x: Tensor, mean: Sequence[float], std: Sequence[float], channels: tuple[int, ...] = RGB) -> Tensor:
    """x uint8 [N, H, W, 3] -> float32 [N, channels, H, W]; see `Normalisation`."""
    pixels = x.permute(0, 3, 1, 2).float() / 255
    scaled = (pixels - _per_channel(mean, pixels)) / _per_channel(std, pixels)
    return scaled if channels == RGB else scaled[:, list(channels)]


def _per_channel(values: Sequence[float], like: Tensor) -> Tensor:
    return torch.tensor(values, dtype=like.dtype, device=like.device).view(1, 3, 1, 1)


class TorchEngine:
    """Runs the stages up to a cut without changes.

    On CUDA the modules are copied to the device in channels-last layout, once for each cut that is used. bf16 runs
    under autocast.
    """

    name = "torch"

    def __init__(self, plan: Plan, device: str = "cpu", precision: str = "f32") -> None:
        self.precision, self.device = precision, device
        self._plan, self._device = plan, torch.device(device)
        self._copies: dict[str, nn.Module] = {}
        self._copying = threading.Lock()

    @torch.no_grad()
    def features(self, x: Tensor, cut: str) -> Tensor:
        """x uint8 [N, H, W, 3] -> A float32 [N, C, h, w] on the CPU."""
        return self.forward(normalised(x.to(self._device), self._plan.mean, self._plan.std, self._plan.channels), cut)

    @torch.no_grad()
    def forward(self, x: Tensor, cut: str) -> Tensor:
        """x float32 [N, channels, H, W] -> A float32 [N, C, h, w] on the CPU."""
        pixels = x.to(self._device).contiguous(memory_format=torch.channels_last)
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            A: Tensor = self._module(cut)(pixels)
        return A.float().contiguous().cpu()

    def _module(self, cut: str) -> nn.Module:
        if self._device.type == "cpu":
            return self._plan.features(cut)
        with self._copying:
            module = self._copies.pop(cut, None)
            if module is None:
                module = copy.deepcopy(self._plan.features(cut)).to(self._device)
                module = module.to(memory_format=torch.channels_last)
            self._copies[cut] = module
            if len(self._copies) > MAX_DEVICE_COPIES:
                del self._copies[next(iter(self._copies))]
        return module
