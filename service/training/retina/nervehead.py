"""Painting the optic disc: rim, cup, laminar pores, peripapillary atrophy, swelling."""

import math

import numpy as np

from service.training.retina.anatomy import Eye
from service.training.retina.noise import Field, Mask, bell, clouds, soft_step
from service.training.retina.outline import angle_between, cup_radius, disc_radius, look_up
from service.training.retina.palette import Palette
from service.training.retina.view import View

OEDEMA_COLOUR = np.array([236, 176, 128], dtype=np.float32)
BLOOD_TINT = np.array([1.02, 0.8, 0.78], dtype=np.float32)


def disc_mask(view: View, eye: Eye) -> Mask:
    """Inside the disc's edge, bool [size, size]."""
    return np.asarray(view.rho <= look_up(disc_radius(eye.disc), view.theta))


def cup_mask(view: View, eye: Eye) -> Mask:
    """Inside the cup's edge, bool [size, size]."""
    return np.asarray(view.rho <= look_up(cup_radius(eye.disc, eye.cup), view.theta))


def notch_mask(view: View, eye: Eye) -> Mask:
    """Cup within one angular width of a notch, from the middle of its radius outwards, bool [size, size]."""
    inside = cup_mask(view, eye)
    near = np.zeros(inside.shape, dtype=np.bool_)
    for notch in eye.cup.notches:
        near |= np.abs(angle_between(view.theta, notch.angle)) <= notch.width
    return np.asarray(inside & near & (view.rho >= 0.5 * look_up(disc_radius(eye.disc), view.theta)))


def swelling_mask(view: View, eye: Eye) -> Mask:
    """The swollen disc and its halo, bool [size, size]; empty in other eyes."""
    if not eye.swelling:
        return np.zeros(view.x.shape, dtype=np.bool_)
    return np.asarray(view.rho <= _halo_radius(eye))


def _halo_radius(eye: Eye) -> float:
    return eye.disc.height / 2 * (1.25 + 0.35 * eye.swelling)


def paint_disc(rng: np.random.Generator, picture: Field, view: View, eye: Eye, palette: Palette) -> None:
    """Paint the nerve head into `picture`, float32 [size, size, 3] in [0, 255], in place."""
    edge = view.rho - look_up(disc_radius(eye.disc), view.theta)
    if eye.crescent:
        _paint_crescent(rng, picture, view, eye, edge)
    if eye.swelling:
        _paint_halo(rng, picture, view, eye)
    inside = soft_step(edge, eye.disc.softness)
    colour = _rim(rng, view, eye, palette)
    cup = soft_step(view.rho - look_up(cup_radius(eye.disc, eye.cup), view.theta), eye.cup.softness)
    cup *= np.float32(eye.cup.contrast)
    pale = np.array(palette.cup, dtype=np.float32) * _lamina(rng, view, eye)[..., None]
    colour += cup[..., None] * (pale - colour)
    ring = bell(edge, 0.035) * np.float32(0.1 * (1 - eye.swelling))
    colour += ring[..., None] * (np.array([255, 220, 170], dtype=np.float32) - colour)
    picture += inside[..., None] * (colour - picture)


def _rim(rng: np.random.Generator, view: View, eye: Eye, palette: Palette) -> Field:
    """The rim's colour: pinker towards the nose, streaked by nerve fibres, redder when swollen."""
    nasal = np.clip(-view.x / np.float32(eye.disc.width), -0.5, 0.5)
    streaks = clouds(rng, 90, view.size) * np.float32(0.012) + clouds(rng, 30, view.size) * np.float32(0.015)
    colour = np.array(palette.rim, dtype=np.float32) * (1 + streaks[..., None])
    colour *= 1 - nasal[..., None] * np.array([0.02, 0.2, 0.2], dtype=np.float32)
    if eye.swelling:
        colour *= 1 - np.float32(0.75 * eye.swelling) * (1 - BLOOD_TINT)
    return np.asarray(colour, dtype=np.float32)


def _lamina(rng: np.random.Generator, view: View, eye: Eye) -> Field:
    """Greyish pores at the bottom of a deep cup, as shares of its brightness."""
    if eye.cup.lamina < 0.1:
        return np.ones(view.x.shape, dtype=np.float32)
    u, v = view.x / np.float32(0.11), view.y / np.float32(0.09)
    phase = rng.uniform(0, 2 * math.pi, 2)
    pores = np.sin(u * 3.1 + np.sin(v * 1.7 + phase[0])) * np.sin(v * 3.1 + np.sin(u * 1.3 + phase[1]))
    return np.asarray(1 - np.float32(0.1 * eye.cup.lamina) * np.clip(pores, 0, 1), dtype=np.float32)


def _paint_crescent(rng: np.random.Generator, picture: Field, view: View, eye: Eye, edge: Field) -> None:
    """Peripapillary atrophy: a pale crescent of bare sclera and choroid, with clumps of pigment at its border."""
    side = bell(angle_between(view.theta, eye.crescent_angle).astype(np.float32), 0.75)
    width = np.float32(eye.crescent) * side + np.float32(1e-3)
    pale = soft_step(edge - width, 0.02) * side * np.float32(0.55)
    mottled = 1 + 0.12 * clouds(rng, 60, view.size)
    picture += pale[..., None] * (np.array([238, 178, 128], dtype=np.float32) * mottled[..., None] - picture)
    if eye.crescent_pigment > 0:
        clumps = np.clip(clouds(rng, 45, view.size) - 0.2, 0, 1)
        dark = bell(edge - width, 0.04) * np.clip(side - 0.3, 0, 1) * clumps * np.float32(1.1 * eye.crescent_pigment)
        picture *= 1 - np.minimum(dark, 0.6)[..., None] * np.array([0.75, 0.6, 0.5], dtype=np.float32)


def _paint_halo(rng: np.random.Generator, picture: Field, view: View, eye: Eye) -> None:
    """Oedema around a swollen disc: an opaque, radially streaked halo with faint concentric folds."""
    radius = _halo_radius(eye)
    stripes = rng.standard_normal(120)
    streaks = stripes[((view.theta + math.pi) * np.float32(119 / (2 * math.pi))).astype(np.int32)]
    halo = soft_step(view.rho - np.float32(radius) * (1 + 0.06 * streaks.astype(np.float32)), 0.16)
    picture += (halo * np.float32(0.65 * eye.swelling))[..., None] * (OEDEMA_COLOUR * BLOOD_TINT - picture)
    folds = np.sin((view.rho - np.float32(radius)) * np.float32(2 * math.pi / 0.2))
    folds *= bell(view.rho - np.float32(radius), 0.25) * np.clip(np.cos(view.theta), 0, 1)
    picture *= 1 + (folds * np.float32(0.05 * eye.swelling))[..., None]


def obscured(rng: np.random.Generator, view: View, eye: Eye) -> Field:
    """Share of a vessel's contrast that a swollen margin hides, float32 [size, size] in [0, 1]."""
    if not eye.swelling:
        return np.zeros(view.x.shape, dtype=np.float32)
    margin = bell(view.rho - np.float32(eye.disc.height / 2 * 1.02), 0.22)
    patches = np.clip(0.75 + 0.6 * clouds(rng, 26, view.size), 0, 1)
    return np.asarray(margin * patches * np.float32(0.9 * eye.swelling), dtype=np.float32)
