"""The optic nerve head's two outlines, disc and cup, as polar curves around the disc's centre."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.training.retina.noise import Field

ANGLES = 720
THETA = np.arange(ANGLES) * (2 * math.pi / ANGLES)
MAXIMUM_REACH = 0.975


@dataclass(frozen=True)
class Disc:
    """The disc: a slightly vertical, slightly irregular ellipse.

    `height`, `width` in mm, `tilt` in radians, `wobble` the relative amplitude of its third and fourth harmonic,
    `phase` their phase, `softness` the scale of its edge in mm.
    """

    height: float
    width: float
    tilt: float
    wobble: float
    phase: float
    softness: float


@dataclass(frozen=True)
class Notch:
    """A local loss of rim at `angle` (radians; 0 temporal, pi/2 inferior), of angular scale `width`.

    `depth` 1 brings the cup to the disc's edge, 0 changes nothing.
    """

    angle: float
    width: float
    depth: float


@dataclass(frozen=True)
class Cup:
    """The cup: an ellipse inside the disc, of the shares `vertical` and `horizontal` of its diameters.

    `offset_x`, `offset_y` move it in disc radii; `softness` is the scale of its edge in mm; `contrast` in [0, 1] how
    far its colour goes from the rim's to white; `lamina` in [0, 1] how clearly the pores at its bottom show.
    """

    vertical: float
    horizontal: float
    offset_x: float
    offset_y: float
    softness: float
    contrast: float
    lamina: float
    notches: tuple[Notch, ...] = ()


def angle_between(angles: NDArray[np.floating], angle: float) -> NDArray[np.floating]:
    """Signed difference of `angles` and `angle`, wrapped to [-pi, pi)."""
    return (angles - angle + math.pi) % (2 * math.pi) - math.pi


def disc_radius(disc: Disc) -> NDArray[np.float64]:
    """The disc's radius at each of `ANGLES` directions, float64 [720] in mm."""
    turned = THETA - disc.tilt
    ellipse = 0.5 / np.hypot(np.cos(turned) / disc.width, np.sin(turned) / disc.height)
    ripple = np.cos(3 * THETA + disc.phase) + 0.7 * np.cos(4 * THETA - 2.3 * disc.phase)
    return np.asarray(ellipse * (1 + disc.wobble * ripple))


def cup_radius(disc: Disc, cup: Cup) -> NDArray[np.float64]:
    """The cup's radius around the disc's centre at each of `ANGLES` directions, float64 [720] in mm.

    Never above 97.5 % of the disc's radius: the cup stays inside the disc.
    """
    edge = disc_radius(disc)
    # ray from the disc's centre against an ellipse around (offset_x, offset_y), in disc radii
    across, down = np.cos(THETA) / cup.horizontal, np.sin(THETA) / cup.vertical
    shift_x, shift_y = cup.offset_x / cup.horizontal, cup.offset_y / cup.vertical
    square = across**2 + down**2
    middle = across * shift_x + down * shift_y
    reach = (middle + np.sqrt(middle**2 - square * (shift_x**2 + shift_y**2 - 1))) / square
    for notch in cup.notches:
        pull = notch.depth * np.exp(-0.5 * (angle_between(THETA, notch.angle) / notch.width) ** 2)
        reach = reach + np.maximum(MAXIMUM_REACH - reach, 0) * pull
    return np.asarray(edge * np.minimum(reach, MAXIMUM_REACH))


def vertical_ratio(disc: Disc, cup: Cup) -> float:
    """Vertical cup-to-disc ratio as a grader measures it: height of the cup, notches included, over the disc's."""
    heights = [float(np.ptp(radius * np.sin(THETA))) for radius in (cup_radius(disc, cup), disc_radius(disc))]
    return heights[0] / heights[1]


def look_up(table: NDArray[np.float64], theta: Field) -> Field:
    """The value of a polar table [720] at each angle of `theta` (any shape, radians)."""
    index = (theta * np.float32(ANGLES / (2 * math.pi))).astype(np.int32) % ANGLES
    return table.astype(np.float32)[index]
