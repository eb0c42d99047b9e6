"""Perceptually uniform colour scales, as tables of 256 colours."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from service.errors import BadParameter

COLORMAPS = ("inferno", "magma", "plasma", "viridis", "cividis")
"""The scales there are, in the order of the rows of colormaps.png, which holds matplotlib's tables (CC0) in 8 bits.

They are kept beside the code because importing matplotlib for five tables takes longer than a hundred overlays.
"""

DEFAULT = "inferno"


def table(name: str) -> npt.NDArray[np.uint8]:
    """uint8[256, 3], from nothing to the maximum. Raises BadParameter."""
    if name not in COLORMAPS:
        raise BadParameter(f"There is no colormap {name!r}; there are {', '.join(COLORMAPS)}.")
    colours: npt.NDArray[np.uint8] = _tables()[COLORMAPS.index(name)]
    return colours


@cache
def _tables() -> npt.NDArray[np.uint8]:
    with Image.open(Path(__file__).with_name("colormaps.png")) as picture:
        return np.asarray(picture.convert("RGB"))  # (scale, level, channel)
