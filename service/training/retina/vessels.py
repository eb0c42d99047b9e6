"""The retinal vessel trees: four arcades bent around the macula, nasal branches, twigs that spare the fovea."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.training.retina.anatomy import Eye
from service.training.retina.canvas import Canvas
from service.training.retina.nervehead import NerveHead
from service.training.retina.noise import Field, Mask
from service.training.retina.outline import ANGLES, cup_radius
from service.training.retina.palette import Palette
from service.training.retina.view import View

STEP = 0.14  # mm between two points of a vessel
AVASCULAR = 0.42  # mm around the fovea without vessels
THINNEST = 0.022  # mm
Points = NDArray[np.float64]


@dataclass(frozen=True)
class Vessel:
    """One unbranched vessel: its middle line [n, 2] and local widths [n], mm."""

    points: Points
    widths: Points


class Tree:
    """All vessels of one kind (arteries or veins) of an eye, grown from the disc."""

    def __init__(self, rng: np.random.Generator, eye: Eye, width: float) -> None:
        self._rng = rng
        self._eye = eye
        self._fovea = np.array([eye.fovea_x, eye.fovea_y])
        self._cup = cup_radius(eye.disc, eye.cup)
        self.vessels: list[Vessel] = []
        spread = rng.normal(0, 0.05)
        self._hub = np.array([-eye.nasalisation * eye.disc.width / 2 + spread, rng.normal(0, 0.05)])
        for sign in (-1.0, 1.0):
            self._arcade(sign, width * rng.uniform(0.9, 1.1))
            self._nasal(sign, width * rng.uniform(0.6, 0.8))
        self._twigs(width)

    def _arcade(self, sign: float, width: float) -> None:
        """A main vessel that leaves the disc up- or downwards and bends around the macula."""
        rng = self._rng
        height = self._eye.arcade * rng.uniform(0.85, 1.12)
        heading = sign * rng.uniform(1.35, 1.8)
        goal = sign * rng.uniform(-0.22, 0.08)
        self._grow(self._hub, heading, goal, height / 1.35, 12.0, width, (0.26, 0.75), 0)

    def _nasal(self, sign: float, width: float) -> None:
        rng = self._rng
        heading = sign * rng.uniform(1.6, 2.0)
        self._grow(self._hub, heading, sign * rng.uniform(2.2, 2.75), 1.4, 6.5, width, (0.4, 1.0), 1)

    def _twigs(self, width: float) -> None:
        """Thin vessels that cross the disc's edge towards the macula and the nose."""
        rng = self._rng
        for _ in range(int(rng.integers(1, 3))):
            heading = rng.uniform(-0.7, 0.7)
            goal = math.atan2(self._fovea[1], self._fovea[0]) + rng.normal(0, 0.12)
            self._grow(self._hub * 0.5, heading, goal, 1.2, rng.uniform(2.2, 3.6), width * 0.32, (0.7, 1.2), 2)
        for _ in range(int(rng.integers(1, 4))):
            goal, length = math.pi + rng.normal(0, 0.5), rng.uniform(2.5, 5)
            self._grow(self._hub, goal + rng.normal(0, 0.4), goal, 1.5, length, width * 0.36, (0.7, 1.2), 2)

    def _grow(
        self,
        start: Points,
        heading: float,
        goal: float,
        relax: float,
        length: float,
        width: float,
        spacing: tuple[float, float],
        level: int,
    ) -> None:
        """Grow a vessel whose direction turns from `heading` to `goal` over `relax` mm, and then its branches."""
        rng = self._rng
        along = np.arange(0.0, length, STEP)
        if len(along) < 3 or width < THINNEST:
            return
        slow, fast = 2 * math.pi / rng.uniform(1.0, 3.4, 2) * [1, 2]
        phase = rng.uniform(0, 2 * math.pi, 2)
        sway = np.sin(along * slow + phase[0]) + 0.7 * np.sin(along * fast + phase[1])
        sway *= self._eye.tortuosity * (1.0 if level < 2 else 1.5) * np.minimum(along / 0.6, 1.0)
        direction = goal + (heading - goal) * np.exp(-along / relax) + sway
        steps = STEP * np.stack([np.cos(direction), np.sin(direction)], axis=1)
        points = np.concatenate([start[None], start + np.cumsum(steps[:-1], axis=0)])
        points, direction = self._spare_fovea(points, direction, width)
        if len(points) < 3:
            return
        share = along[: len(points)] / along[len(points) - 1]
        widths = width * (1 - 0.3 * share) * np.minimum(1.0, 0.25 + 4 * (1 - share))
        children = self._branch(points, direction, widths, spacing, level)
        self.vessels.append(Vessel(self._kink(points) if level < 3 else points, widths))
        for child in children:
            self._grow(*child)

    def _spare_fovea(self, points: Points, direction: Points, width: float) -> tuple[Points, Points]:
        near = np.hypot(*(points - self._fovea).T) < (AVASCULAR if width < 0.05 else 2.5 * AVASCULAR)
        if near.any():
            end = int(np.argmax(near))
            return points[:end], direction[:end]
        return points, direction

    def _branch(
        self, points: Points, direction: Points, widths: Points, spacing: tuple[float, float], level: int
    ) -> list[tuple[Points, float, float, float, float, float, tuple[float, float], int]]:
        """Choose branching points and shrink `widths` after each: the cubes of the widths add up (Murray's law)."""
        rng = self._rng
        children: list[tuple[Points, float, float, float, float, float, tuple[float, float], int]] = []
        if level >= 4:
            return children
        place = int((0.75 if level < 3 else 0.35) / STEP)
        side = float(rng.choice((-1.0, 1.0)))
        while True:
            place += int(rng.uniform(*spacing) * (1.35 if level == 0 else 1.2) / STEP) + 1
            if place >= len(points) - 2:
                return children
            side = -side if rng.random() < 0.75 else side
            share = rng.uniform(0.3, 0.8) ** 1.2 if level < 2 else rng.uniform(0.45, 0.8)
            heading = direction[place] + side * rng.uniform(0.45, 1.0)
            children.append(self._child(points[place], heading, widths[place] * share, level + 1))
            widths[place:] *= (1 - share**3) ** (1 / 3)

    def _child(
        self, start: Points, heading: float, width: float, level: int
    ) -> tuple[Points, float, float, float, float, float, tuple[float, float], int]:
        """A branch: a thick one inside the arcade runs beside it, a thin one seeks the fovea, others the periphery."""
        rng = self._rng
        gap = self._fovea - start
        inwards = math.atan2(gap[1], gap[0])
        off = (heading - inwards + math.pi) % (2 * math.pi) - math.pi
        thin = width < 0.05
        if abs(off) < 1.5 and width > 0.055 and level < 2:
            goal, relax, length = rng.normal(0.0, 0.3), 1.6, rng.uniform(3.0, 7.0)
        elif abs(off) < 1.35:
            goal, relax = heading - off * rng.uniform(0.6, 0.95), 1.2
            length = max(0.6, float(np.hypot(*gap)) * rng.uniform(0.7, 1.15))
            width *= 0.65
        else:
            goal, relax = heading + rng.normal(0, 0.35), 1.6
            length = rng.uniform(0.8, 2.6) if thin else rng.uniform(3.0, 6.5)
        return start, heading, goal, relax, length, width, (0.55, 1.3), level

    def _kink(self, points: Points) -> Points:
        """Shift what lies inside the cup sideways: the vessel bends where it climbs the cup's wall."""
        if not self._eye.bayonet:
            return points
        angle = np.arctan2(points[:, 1], points[:, 0])
        wall = self._cup[(angle * (ANGLES / (2 * math.pi))).astype(int) % ANGLES]
        inside = np.clip((wall - np.hypot(*points.T)) / 0.08 + 0.5, 0, 1)
        return np.asarray(points - inside[:, None] * [self._eye.bayonet, 0.0])


@dataclass(frozen=True)
class Vasculature:
    """How much of each pixel arteries and veins cover, float32 [size, size] in [0, 1], and the arteries' reflex."""

    arteries: Field
    veins: Field
    reflex: Field

    def masks(self) -> dict[str, Mask]:
        """Bool masks [size, size]: `arteries`, `veins` and both together, `vessels`."""
        arteries, veins = np.asarray(self.arteries > 0.4), np.asarray(self.veins > 0.4)
        return {"arteries": arteries, "veins": veins, "vessels": arteries | veins}


def draw_vessels(rng: np.random.Generator, view: View, eye: Eye) -> Vasculature:
    """Grow both trees and draw them."""
    veins, arteries, reflex = Canvas(view), Canvas(view), Canvas(view)
    for vessel in Tree(rng, eye, eye.vein_width).vessels:
        veins.stroke(vessel.points, vessel.widths)
    for vessel in Tree(rng, eye, eye.vein_width * eye.artery_ratio).vessels:
        arteries.stroke(vessel.points, vessel.widths)
        if vessel.widths[0] > 0.06:
            reflex.stroke(vessel.points, vessel.widths * 0.3)
    return Vasculature(arteries.coverage(0.012), veins.coverage(0.012), reflex.coverage())


def paint_vessels(
    rng: np.random.Generator, picture: Field, vessels: Vasculature, head: NerveHead, palette: Palette
) -> None:
    """Let the vessels absorb light in `picture`, float32 [size, size, 3], in place; arteries lie above veins."""
    contrast = head.vessel_contrast(rng)
    veins, arteries = vessels.veins * contrast, vessels.arteries * contrast
    shine = vessels.reflex * np.float32(palette.reflex)
    for channel in range(3):
        under = 1 - veins * np.float32(1 - palette.vein[channel])
        over = np.float32(palette.artery[channel]) * (1 + shine * np.float32((0.25, 0.6, 0.5)[channel]))
        picture[..., channel] *= under + arteries * (over - under)
