"""The optic nerve head in one view: its masks, and how it is painted (rim, cup, pores, atrophy, swelling)."""

import math

import numpy as np

from service.training.retina.anatomy import Eye
from service.training.retina.noise import Field, Mask, bell, clouds, soft_step
from service.training.retina.outline import angle_between, cup_radius, disc_radius, look_up
from service.training.retina.palette import Palette
from service.training.retina.view import View

OEDEMA_COLOUR = np.array([236, 176, 128], dtype=np.float32)
ATROPHY_COLOUR = np.array([238, 178, 128], dtype=np.float32)
SCLERA_COLOUR = np.array([255, 220, 170], dtype=np.float32)
BLOOD_TINT = np.array([1.02, 0.8, 0.78], dtype=np.float32)
REACH = 1.5  # disc heights around the disc's centre that are painted


class NerveHead:
    """The nerve head of `eye` seen in `view`, worked out in a window around the disc only.

    `disc_edge` and `cup_edge` are signed distances from the two outlines, float32 [h, w] in mm, negative inside.
    """

    def __init__(self, view: View, eye: Eye) -> None:
        self._view = view
        self._eye = eye
        self.window = view.window(REACH * eye.disc.height)
        self._x, self._y = view.x[self.window], view.y[self.window]
        self._rho, self._theta = view.rho[self.window], view.theta[self.window]
        self._disc_radius = look_up(disc_radius(eye.disc), self._theta)
        self.disc_edge = self._rho - self._disc_radius
        self.cup_edge = self._rho - look_up(cup_radius(eye.disc, eye.cup), self._theta)
        self._halo_radius = np.float32(eye.disc.height / 2 * (1.25 + 0.35 * eye.swelling))

    def masks(self) -> dict[str, Mask]:
        """Bool masks [size, size]: `disc`, `cup`, `notch` (the cup's outer half beside a notch) and `swelling`."""
        disc, cup = self.disc_edge <= 0, self.cup_edge <= 0
        near = np.zeros(disc.shape, dtype=np.bool_)
        for notch in self._eye.cup.notches:
            near |= np.abs(angle_between(self._theta, notch.angle)) <= notch.width
        found = {
            "disc": disc,
            "cup": cup & disc,
            "notch": cup & disc & near & (self._rho >= 0.5 * self._disc_radius),
            "swelling": (self._rho <= self._halo_radius) & (self._eye.swelling > 0),
        }
        return {name: self._whole(np.asarray(mask), np.dtype(np.bool_)) for name, mask in found.items()}

    def vessel_contrast(self, rng: np.random.Generator) -> Field:
        """Share of their contrast that vessels keep, float32 [size, size] in [0, 1].

        Less at the bottom of a deep cup, and in patches of a swollen margin, which covers them.
        """
        kept = 1 - np.float32(0.4 * self._eye.cup.vertical**2) * soft_step(self.cup_edge, 0.05)
        if self._eye.swelling:
            margin = bell(self._rho - np.float32(self._eye.disc.height / 2 * 1.02), 0.22)
            patches = np.clip(0.75 + 0.6 * clouds(rng, 26, self._view.size)[self.window], 0, 1)
            kept = kept * (1 - margin * patches * np.float32(0.9 * self._eye.swelling))
        return 1 - self._whole(np.asarray(1 - kept), np.dtype(np.float32))

    def paint(self, rng: np.random.Generator, picture: Field, palette: Palette) -> None:
        """Paint the nerve head into `picture`, float32 [size, size, 3] in [0, 255], in place."""
        ground = picture[self.window]
        if self._eye.crescent:
            self._paint_crescent(rng, ground)
        if self._eye.swelling:
            self._paint_halo(rng, ground)
        colour = self._rim(rng, palette)
        cup = soft_step(self.cup_edge, self._eye.cup.softness) * np.float32(self._eye.cup.contrast)
        pale = np.array(palette.cup, dtype=np.float32) * self._pores(rng)[..., None]
        colour += cup[..., None] * (pale - colour)
        ring = bell(self.disc_edge, 0.035) * np.float32(0.1 * (1 - self._eye.swelling))
        colour += ring[..., None] * (SCLERA_COLOUR - colour)
        ground += soft_step(self.disc_edge, self._eye.disc.softness)[..., None] * (colour - ground)

    def _whole(self, part: np.ndarray, kind: np.dtype) -> np.ndarray:
        """The window's values in a picture that is zero elsewhere."""
        whole = np.zeros(self._view.x.shape, dtype=kind)
        whole[self.window] = part
        return whole

    def _rim(self, rng: np.random.Generator, palette: Palette) -> Field:
        """The rim's colour: pinker towards the nose, streaked by nerve fibres, redder when swollen."""
        nasal = np.clip(-self._x / np.float32(self._eye.disc.width), -0.5, 0.5)
        size = self._view.size
        streaks = clouds(rng, 90, size)[self.window] * np.float32(0.016)
        colour = np.array(palette.rim, dtype=np.float32) * (1 + streaks[..., None])
        colour *= 1 - nasal[..., None] * np.array([0.02, 0.2, 0.2], dtype=np.float32)
        if self._eye.swelling:
            colour *= 1 - np.float32(0.75 * self._eye.swelling) * (1 - BLOOD_TINT)
        return np.asarray(colour, dtype=np.float32)

    def _pores(self, rng: np.random.Generator) -> Field:
        """Greyish pores at the bottom of a deep cup, as shares of its brightness."""
        if self._eye.cup.lamina < 0.1:
            return np.ones(self._x.shape, dtype=np.float32)
        u, v = self._x / np.float32(0.11), self._y / np.float32(0.09)
        phase = rng.uniform(0, 2 * math.pi, 2).astype(np.float32)
        pores = np.sin(u * 3.1 + np.sin(v * 1.7 + phase[0])) * np.sin(v * 3.1 + np.sin(u * 1.3 + phase[1]))
        return np.asarray(1 - np.float32(0.1 * self._eye.cup.lamina) * np.clip(pores, 0, 1), dtype=np.float32)

    def _paint_crescent(self, rng: np.random.Generator, ground: Field) -> None:
        """Peripapillary atrophy: a pale crescent of bare sclera and choroid, with clumps of pigment at its border."""
        eye, size = self._eye, self._view.size
        side = bell(angle_between(self._theta, eye.crescent_angle).astype(np.float32), 0.75)
        width = np.float32(eye.crescent) * side + np.float32(1e-3)
        pale = soft_step(self.disc_edge - width, 0.02) * side * np.float32(0.55)
        mottled = 1 + 0.12 * clouds(rng, 60, size)[self.window]
        ground += pale[..., None] * (ATROPHY_COLOUR * mottled[..., None] - ground)
        if eye.crescent_pigment > 0:
            clumps = np.clip(clouds(rng, 45, size)[self.window] - 0.2, 0, 1)
            border = bell(self.disc_edge - width, 0.04) * np.clip(side - 0.3, 0, 1)
            dark = np.minimum(border * clumps * np.float32(1.1 * eye.crescent_pigment), 0.6)
            ground *= 1 - dark[..., None] * np.array([0.75, 0.6, 0.5], dtype=np.float32)

    def _paint_halo(self, rng: np.random.Generator, ground: Field) -> None:
        """Oedema around a swollen disc: an opaque, radially streaked halo with faint concentric folds."""
        stripes = rng.standard_normal(120, dtype=np.float32)
        streaks = stripes[((self._theta + math.pi) * np.float32(119 / (2 * math.pi))).astype(np.int32)]
        halo = soft_step(self._rho - self._halo_radius * (1 + np.float32(0.06) * streaks), 0.16)
        strength = np.float32(self._eye.swelling)
        ground += (halo * strength * np.float32(0.65))[..., None] * (OEDEMA_COLOUR * BLOOD_TINT - ground)
        beyond = self._rho - self._halo_radius
        folds = np.sin(beyond * np.float32(2 * math.pi / 0.2)) * bell(beyond, 0.25) * np.clip(np.cos(self._theta), 0, 1)
        ground *= 1 + (folds * strength * np.float32(0.05))[..., None]
