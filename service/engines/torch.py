"""Feature maps by PyTorch, on the CPU or on a CUDA device."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn


def normalised(x: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """x uint8 [N, H, W, 3] -> float32 [N, 3, H, W]: scaled to [0, 1], minus mean, divided by std, a channel each."""
    pixels = x.permute(0, 3, 1, 2).float() / 255
    return (pixels - _per_channel(mean, pixels)) / _per_channel(std, pixels)


def _per_channel(values: Sequence[float], like: Tensor) -> Tensor:
    return torch.tensor(values, dtype=like.dtype, device=like.device).view(1, 3, 1, 1)


class TorchEngine:
    """Runs the stages up to a cut as they are.

    features: from a cut's name to the module that computes it. On CUDA the modules are copied there in channels-last
    layout, once for each cut that is asked for, and bf16 runs under autocast.
    """

    name = "torch"

    def __init__(
        self,
        features: Callable[[str], nn.Module],
        mean: Sequence[float],
        std: Sequence[float],
        device: str = "cpu",
        precision: str = "f32",
    ) -> None:
        self.precision = precision
        self._features, self._mean, self._std = features, tuple(mean), tuple(std)
        self._device = torch.device(device)
        self._placed: dict[str, nn.Module] = {}

    @torch.no_grad()
    def features(self, x: Tensor, cut: str) -> Tensor:
        """x uint8 [N, H, W, 3] -> A float32 [N, C, h, w] on the CPU."""
        pixels = normalised(x.to(self._device), self._mean, self._std)
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            A: Tensor = self._module(cut)(pixels.contiguous(memory_format=torch.channels_last))
        return A.float().contiguous().cpu()

    def _module(self, cut: str) -> nn.Module:
        if self._device.type == "cpu":
            return self._features(cut)
        if cut not in self._placed:
            module = copy.deepcopy(self._features(cut)).to(self._device)
            self._placed[cut] = module.to(memory_format=torch.channels_last)
        return self._placed[cut]
