"""How much of each cell of a coarse grid a finer mask covers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def cell_shares(
    mask: NDArray[np.bool_] | NDArray[np.float16] | NDArray[np.float32], shape: tuple[int, int]
) -> NDArray[np.float32]:
    """The share of every cell [h, w] of a grid that a mask [s, s], bool or 0 to 1, covers."""
    down, across = (_overlaps(count, side) for count, side in zip(shape, mask.shape, strict=True))
    return np.asarray(down @ mask @ across.T, np.float32)


def _overlaps(count: int, side: int) -> NDArray[np.float64]:
    """[count, side], the share of each cell that each pixel covers, along one side; Pillow's BOX is not exact."""
    edges, pixels = np.linspace(0, side, count + 1), np.arange(side)
    ends = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return np.asarray(np.maximum(ends, 0) * count / side)
