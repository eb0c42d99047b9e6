"""Images on which a network is tried when it is loaded: the entry's golden ones and four that are drawn from a seed."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from service.engines.torch import normalised
from service.models.entry import Entry
from service.models.parity import GoldenImages


def probes(entry: Entry, golden: GoldenImages) -> Tensor:
    """Normalised images [N, C, H, W]: noise, a dark and a bright one, a golden one mirrored, and the golden ones."""
    x = np.concatenate([seeded(golden.x[0]), golden.x])
    normal = entry.frame.normalisation
    return normalised(torch.from_numpy(x), normal.mean, normal.std, normal.channels)


def seeded(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """uint8 [4, H, W, C] from one image [H, W, C]: noise, dark, bright, and the image mirrored; the same every time."""
    generator = np.random.default_rng(13)
    noise = generator.integers(0, 256, image.shape, np.uint8)
    dark = generator.integers(0, 12, image.shape, np.uint8)
    bright = generator.integers(244, 256, image.shape, np.uint8)
    return np.stack([noise, dark, bright, image[:, ::-1]])
