"""From bytes to the numbers that a network was trained on."""

from __future__ import annotations

from dataclasses import dataclass

Triple = tuple[float, float, float]

RGB = (0, 1, 2)
"""All channels of x, in order."""


@dataclass(frozen=True)
class Normalisation:
    """What an engine does to x, uint8 [h, w, 3], RGB: (x / 255 - mean) / std, then the channels in this order.

    mean, std: of red, green and blue, as fractions of 255. channels: for each of the network's channels, the one of x
    that it gets; (2, 1, 0) for BGR, (0,) for a network of one channel, whose x has three equal ones.
    """

    mean: Triple
    std: Triple
    channels: tuple[int, ...] = RGB


def normalisation(
    mean: tuple[float, ...], std: tuple[float, ...], value_range: tuple[float, float], bgr: bool
) -> Normalisation:
    """mean, std: of the network's own channels, one or three, in the units of value_range."""
    low, high = value_range
    shares = tuple((value - low) / (high - low) for value in mean)
    widths = tuple(value / (high - low) for value in std)
    if len(mean) == 1:
        return Normalisation((shares[0],) * 3, (widths[0],) * 3, (0,))
    if bgr:
        return Normalisation(_triple(shares[::-1]), _triple(widths[::-1]), (2, 1, 0))
    return Normalisation(_triple(shares), _triple(widths))


def _triple(values: tuple[float, ...]) -> Triple:
    first, second, third = values
    return first, second, third
