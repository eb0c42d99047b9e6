"""The retina without vessels: pigment, choroid, nerve-fibre layer with its defects, macula."""

import math

import numpy as np

from service.training.retina.anatomy import Eye
from service.training.retina.noise import Field, Mask, bell, clouds
from service.training.retina.outline import angle_between, cup_radius, disc_radius, look_up
from service.training.retina.palette import Palette
from service.training.retina.view import View

FIBRE_COLOUR = np.array([0.12, 0.42, 0.5], dtype=np.float32)
FIBRE_LENGTH = 3.0  # mm over which the bundles fade
ARCHING = 0.085  # share per mm by which the bundles bend towards the raphe


def paint_ground(rng: np.random.Generator, view: View, eye: Eye, palette: Palette) -> Field:
    """The ground's colours, float32 [size, size, 3] in [0, 255] (bright spots may exceed it)."""
    texture = 1 + _pigment(rng, view, eye, palette)
    macula, pit = _macula_depth(view, eye)
    taken = np.array(palette.macula, dtype=np.float32)
    picture = texture[..., None] * np.array(palette.ground, dtype=np.float32)
    picture *= 1 - (0.75 * macula + 0.55 * pit)[..., None] * taken
    fibres = fibre_density(rng, view, eye) * np.float32(0.95 * eye.fibres)
    picture *= 1 + fibres[..., None] * FIBRE_COLOUR
    if palette.foveal_reflex:
        ring = bell(_fovea_distance(view, eye) - np.float32(0.95), 0.12)
        spot = bell(_fovea_distance(view, eye), 0.045)
        picture += ((0.1 * ring + 0.7 * spot) * np.float32(90 * palette.foveal_reflex))[..., None]
    return picture


def fovea_mask(view: View, eye: Eye) -> Mask:
    """The fovea, a circle of 0.75 mm radius (half a disc diameter), bool [size, size]."""
    return np.asarray(np.hypot(view.x - eye.fovea_x, view.y - eye.fovea_y) <= 0.75)


def wedge_mask(view: View, eye: Eye) -> Mask:
    """Where nerve fibres are missing, bool [size, size]."""
    loss = _wedge_loss(view, eye)
    return np.asarray((loss > 0.3) & (view.rho > look_up(disc_radius(eye.disc), view.theta)))


def _fovea_distance(view: View, eye: Eye) -> Field:
    return np.asarray(np.hypot(view.x - np.float32(eye.fovea_x), view.y - np.float32(eye.fovea_y)), dtype=np.float32)


def _macula_depth(view: View, eye: Eye) -> tuple[Field, Field]:
    oval = np.hypot((view.x - np.float32(eye.fovea_x)) * np.float32(0.85), view.y - np.float32(eye.fovea_y))
    return bell(np.asarray(oval, dtype=np.float32), 0.75), bell(_fovea_distance(view, eye), 0.3)


def _pigment(rng: np.random.Generator, view: View, eye: Eye, palette: Palette) -> Field:
    size = view.size
    texture = clouds(rng, 5, size) * np.float32(palette.pigment)
    texture += clouds(rng, 22, size) * np.float32(0.6 * palette.pigment)
    texture += clouds(rng, 90, size) * np.float32(0.6 * palette.grain)
    texture += clouds(rng, 210, size) * np.float32(0.7 * palette.grain)
    warped = clouds(rng, 16, size, 0.55) + 0.35 * clouds(rng, 34, size)
    strands = np.exp(-np.square(warped * np.float32(1.7)))
    away = np.clip(1 - bell(_fovea_distance(view, eye), 1.8), 0.25, 1.0)
    return np.asarray(texture + (strands - 0.4) * away * np.float32(palette.choroid), dtype=np.float32)


def _bundle(view: View) -> Field:
    """The angle at which the fibre through each point enters the disc, radians, wrapped to [-pi, pi)."""
    temporal = np.clip(view.rho - np.float32(0.7), 0, 6) * np.float32(ARCHING)
    return np.asarray(np.clip(view.theta * (1 + temporal), -math.pi, math.pi), dtype=np.float32)


def fibre_density(rng: np.random.Generator, view: View, eye: Eye) -> Field:
    """Nerve-fibre-layer density in about [0, 1]: two striated bundles above and below, thinned by rim loss and wedges.

    float32 [size, size].
    """
    bundle = _bundle(view)
    lower = bell(angle_between(bundle, 1.2).astype(np.float32), 0.55)
    upper = bell(angle_between(bundle, -1.15).astype(np.float32), 0.55)
    stripes = rng.standard_normal(240)
    stripes = stripes + 1.2 * np.interp(np.arange(240) / 240, np.arange(31) / 30, rng.standard_normal(31))
    striation = np.interp(bundle.ravel(), np.linspace(-math.pi, math.pi, 240), stripes).reshape(bundle.shape)
    thinning = 1 - look_up(cup_radius(eye.disc, eye.cup) / disc_radius(eye.disc), bundle)
    remaining = np.clip(0.35 + 1.6 * thinning, 0.3, 1.0)
    fade = np.exp(-np.maximum(view.rho - np.float32(0.7), 0) / np.float32(FIBRE_LENGTH))
    density = (lower + 0.9 * upper) * fade * remaining * (1 + 0.16 * striation)
    return np.asarray(density * (1 - _wedge_loss(view, eye)), dtype=np.float32)


def _wedge_loss(view: View, eye: Eye) -> Field:
    loss = np.zeros(view.x.shape, dtype=np.float32)
    if not eye.wedges:
        return loss
    bundle = _bundle(view)
    fade = np.clip((np.float32(6.0) - view.rho) / np.float32(2.0), 0, 1)
    for wedge in eye.wedges:
        off = np.abs(angle_between(bundle, wedge.angle)) / np.float32(wedge.width)
        band = np.clip((np.float32(1.25) - off) / np.float32(0.45), 0, 1) * fade
        loss = np.maximum(loss, band * np.float32(wedge.strength))
    return loss
