"""More than eight bits a channel to eight, scaled by the range the numbers use, never clipped.

A 16-bit file often holds 10, 12 or 14-bit numbers, which its own full range would turn almost black. White is therefore
the largest number of the smallest usual depth that holds the picture: 65535 for one that uses its 16 bits, 4095 for
12-bit numbers in a 16-bit file. Each such scaling is noted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from service.errors import DamagedImage

Samples = npt.NDArray[np.generic]

WHITES = (1.0, *(2.0**bits - 1 for bits in (8, 10, 12, 14, 16)))
"""The whites of the usual depths; 1 is for fractions only."""

FULL_32 = 2.0**32 - 1
"""White of unsigned 32-bit numbers that use the upper half of their range."""

ROWS = 256


@dataclass(frozen=True)
class Scale:
    """The numbers that black and white stand for; natural: whether that is how a file means them, not a guess."""

    black: float
    white: float
    natural: bool

    def apply(self, values: Samples, steps: int) -> npt.NDArray[np.uint8] | npt.NDArray[np.uint16]:
        """Numbers of any type and shape to 0 to `steps`, as uint8 for 255 and uint16 above, of the same shape."""
        factor = steps / (self.white - self.black) if self.white > self.black else 0.0
        scaled = np.empty(values.shape, np.uint8 if steps == 255 else np.uint16)
        for top in range(0, len(values), ROWS):  # a few rows at a time: doubles of a whole picture are many bytes
            scaled[top : top + ROWS] = np.rint((values[top : top + ROWS].astype(np.float64) - self.black) * factor)
        return scaled


def find_scale(values: Samples, notes: list[str], as_declared: bool = False) -> Scale:
    """Black is 0, and white as this module's docstring says; noted, unless the numbers are unsigned bytes.

    Negative numbers, or numbers above 65535, are scaled from their own least to their own greatest; unsigned 32-bit
    numbers that use the upper half of their range, from 0 to 2³² − 1. as_declared: white is the largest number of an
    unsigned type, or 1, wherever the numbers allow; for a file with a colour profile, which says what they mean.
    Raises DamagedImage for numbers that are not finite.
    """
    if values.dtype == np.uint8:
        return Scale(0, 255, natural=True)
    least, greatest = float(values.min()), float(values.max())
    if not np.isfinite(greatest - least):
        raise DamagedImage("The image holds numbers that are not finite (NaN or infinity).")
    scale = _declared(values.dtype, least, greatest) if as_declared else None
    scale = scale or _usual(values.dtype, least, greatest)
    notes.append(
        f"Numbers from {least:g} to {greatest:g} scaled to 8 bits: {scale.black:g} is black, {scale.white:g} is white."
    )
    return scale


def _declared(kind: np.dtype[np.generic], least: float, greatest: float) -> Scale | None:
    if np.issubdtype(kind, np.unsignedinteger):
        return Scale(0, 2.0 ** (8 * kind.itemsize) - 1, natural=True)
    if np.issubdtype(kind, np.floating) and least >= 0 and greatest <= 1:
        return Scale(0, 1, natural=True)
    return None


def _usual(kind: np.dtype[np.generic], least: float, greatest: float) -> Scale:
    whole = np.issubdtype(kind, np.integer)
    white = next((w for w in WHITES[whole:] if greatest <= w), None)
    if kind == np.uint32 and greatest > FULL_32 / 2:
        white = FULL_32
    if white is None or least < 0:
        return Scale(least, greatest, natural=False)
    return Scale(0, white, natural=white in (1.0, FULL_32, WHITES[-1]))
