"""One eye's anatomy, sampled: disc, cup, fovea, nerve fibres and vessels, healthy or with glaucoma."""

import math
from dataclasses import dataclass, replace

import numpy as np

from service.training.retina.outline import Cup, Disc, Notch, vertical_ratio

INFERIOR = math.pi / 2
# Vertical cup-to-disc ratio of healthy eyes by disc height (mm): median, and spread so that 97.5 % lie below the limit
HEIGHTS = (1.2, 1.5, 1.8)
MEDIANS = (0.33, 0.42, 0.52)
LIMITS = (0.60, 0.68, 0.74)
GLAUCOMA_RANGE = (0.63, 0.96)
HARD_RANGE = (0.55, 0.75)


@dataclass(frozen=True)
class Wedge:
    """A nerve-fibre-layer defect: a dark band of angular half-width `width` leaving the disc at `angle` (radians)."""

    angle: float
    width: float
    strength: float


@dataclass(frozen=True)
class Eye:
    """The anatomy of one eye. Lengths in mm, angles in radians (0 temporal, pi/2 inferior).

    `fovea_distance` is in disc diameters (mean of height and width), `cup_to_disc` the measured vertical ratio,
    `hard_negative` marks a healthy large cup in a large disc; `nasalisation` moves the vessels' root towards the nose
    (disc radii), `bayonet` is the kink of vessels at the cup's edge in mm, `crescent` the width of peripapillary
    atrophy, `crescent_pigment` its dark edge in [0, 1], `fibres` the brightness of the nerve-fibre layer.
    """

    label: str
    side: str
    hard_negative: bool
    disc: Disc
    cup: Cup
    cup_to_disc: float
    fovea_distance: float
    fovea_drop: float
    wedges: tuple[Wedge, ...]
    nasalisation: float
    bayonet: float
    crescent: float
    crescent_angle: float
    crescent_pigment: float
    fibres: float
    tortuosity: float
    vein_width: float
    artery_ratio: float
    arcade: float
    swelling: float = 0.0

    @property
    def disc_height(self) -> float:
        return self.disc.height

    @property
    def disc_diameter(self) -> float:
        return (self.disc.height + self.disc.width) / 2

    @property
    def fovea_x(self) -> float:
        return self.fovea_distance * self.disc_diameter * math.cos(self.fovea_drop)

    @property
    def fovea_y(self) -> float:
        return self.fovea_distance * self.disc_diameter * math.sin(self.fovea_drop)


def sample_eye(rng: np.random.Generator, label: str, hard_share: float) -> Eye:
    """Draw an eye of the class `label`; a share `hard_share` of normal eyes gets a large cup in a large disc."""
    hard = bool(rng.random() < hard_share) and label == "normal"
    disc = _disc(rng, hard)
    wedges: tuple[Wedge, ...] = ()
    if label == "glaucoma":
        disc, cup, wedges = _glaucoma(rng, disc)
    elif hard:
        cup = _large_cup(rng, disc)
    else:
        cup = _healthy_cup(rng, disc, 0.55 if label == "disc_swelling" else 1.0)
    eye = _around(rng, label, disc, cup, wedges, hard)
    if label == "disc_swelling":
        return _swollen(rng, eye)
    return eye


def _disc(rng: np.random.Generator, large: bool) -> Disc:
    height = rng.uniform(1.6, 1.9) if large else np.clip(rng.normal(1.5, 0.16), 1.2, 1.9)
    return Disc(
        height=float(height),
        width=float(height * rng.uniform(0.86, 0.99)),
        tilt=float(rng.normal(0, 0.12)),
        wobble=float(rng.uniform(0.0, 0.016)),
        phase=float(rng.uniform(0, 2 * math.pi)),
        softness=float(rng.uniform(0.018, 0.05)),
    )


def _cup(rng: np.random.Generator, vertical: float, horizontal: float, notches: tuple[Notch, ...] = ()) -> Cup:
    """Place a cup so that the rim usually obeys inferior >= superior >= nasal >= temporal, and sometimes does not."""
    room = min(1 - vertical, 1 - horizontal, vertical, horizontal)
    violates = rng.random() < 0.25
    return Cup(
        vertical=vertical,
        horizontal=horizontal,
        offset_x=float(room * rng.uniform(0.05, 0.45)),
        offset_y=float(room * rng.uniform(0.0, 0.3) * (0.8 if violates else -1.0)),
        softness=float(rng.uniform(0.02, 0.07)),
        contrast=float(rng.uniform(0.45, 1.0)),
        lamina=float(rng.uniform(0.0, 1.0) * np.clip(2.5 * vertical - 0.9, 0, 1)),
        notches=notches,
    )


def _healthy_cup(rng: np.random.Generator, disc: Disc, share: float) -> Cup:
    median = np.interp(disc.height, (*HEIGHTS, 1.9), (*MEDIANS, 0.55))
    limit = np.interp(disc.height, (*HEIGHTS, 1.9), (*LIMITS, 0.76))
    vertical = float(np.clip(rng.normal(median, (limit - median) / 1.96), 0.1, limit + 0.02)) * share
    return _cup(rng, vertical, float(min(vertical * rng.uniform(0.9, 1.18), 0.8)))


def _large_cup(rng: np.random.Generator, disc: Disc) -> Cup:
    vertical = float(rng.uniform(*HARD_RANGE))
    cup = _cup(rng, vertical, vertical * float(rng.uniform(0.93, 1.06)))
    ratio = vertical_ratio(disc, cup)
    shrink = min(1.0, HARD_RANGE[1] / ratio)
    return replace(cup, vertical=cup.vertical * shrink, horizontal=cup.horizontal * shrink)


def _glaucoma(rng: np.random.Generator, disc: Disc) -> tuple[Disc, Cup, tuple[Wedge, ...]]:
    """A diffuse loss of rim, a focal one, or a small disc whose moderate cup is betrayed by its notch."""
    kind = rng.choice(("diffuse", "focal", "small"), p=(0.45, 0.35, 0.2))
    if kind == "small":
        height = float(rng.uniform(1.2, 1.38))
        disc = replace(disc, height=height, width=height * float(rng.uniform(0.86, 0.99)))
    for _ in range(40):
        if kind == "diffuse":
            vertical, narrow = rng.uniform(0.66, 0.93), rng.uniform(0.8, 1.02)
            inferior, superior = rng.random() < 0.75, rng.random() < 0.5
        else:
            vertical, narrow = rng.uniform(*((0.5, 0.68) if kind == "small" else (0.56, 0.76))), rng.uniform(0.82, 1.05)
            inferior = rng.random() < 0.75
            superior = not inferior or rng.random() < 0.2
        if vertical < 0.8 and not inferior and not superior:
            inferior = True
        notches = _notches(rng, bool(inferior), bool(superior), 0.45 if kind == "diffuse" else 0.8)
        cup = _cup(rng, float(vertical), float(vertical * narrow), notches)
        if GLAUCOMA_RANGE[0] <= vertical_ratio(disc, cup) <= GLAUCOMA_RANGE[1]:
            break
    share = 0.65 if kind == "diffuse" else 0.92
    wedges = tuple(
        Wedge(notch.angle + float(rng.normal(0, 0.08)), float(rng.uniform(0.1, 0.24)), float(rng.uniform(0.5, 1.0)))
        for notch in notches
        if rng.random() < share
    )
    return disc, cup, wedges


def _notches(rng: np.random.Generator, inferior: bool, superior: bool, least: float) -> tuple[Notch, ...]:
    signs = [1.0] * inferior + [-1.0] * superior
    return tuple(
        Notch(
            angle=sign * float(rng.uniform(0.9, 1.4)),
            width=float(rng.uniform(0.24, 0.5)),
            depth=float(rng.uniform(least, 1.0)),
        )
        for sign in signs
    )


def _around(rng: np.random.Generator, label: str, disc: Disc, cup: Cup, wedges: tuple[Wedge, ...], hard: bool) -> Eye:
    ill = label == "glaucoma"
    reach = cup.horizontal * (0.65 if ill else 0.45)
    crescent = rng.random() < (0.46 if ill else 0.4)
    return Eye(
        label=label,
        side=str(rng.choice(("left", "right"))),
        hard_negative=hard,
        disc=disc,
        cup=cup,
        cup_to_disc=vertical_ratio(disc, cup),
        fovea_distance=float(np.clip(rng.normal(2.65, 0.15), 2.35, 2.95)),
        fovea_drop=math.radians(float(np.clip(rng.normal(6.5, 2.0), 1.0, 12.0))),
        wedges=wedges,
        nasalisation=float(reach * rng.uniform(0.6, 1.0)),
        bayonet=float(rng.uniform(0.02, 0.11) if ill else rng.uniform(0.0, 0.07) * cup.vertical),
        crescent=float(rng.uniform(0.05, 0.3)) if crescent else 0.0,
        crescent_angle=float(rng.normal(0.2, 0.5)),
        crescent_pigment=float(max(0.0, rng.uniform(-0.6, 1.0))),
        fibres=float(rng.uniform(0.15, 1.0) * (0.85 if ill else 1.0)),
        tortuosity=float(rng.uniform(0.1, 0.34)),
        vein_width=float(rng.uniform(0.125, 0.175)),
        artery_ratio=float(rng.normal(0.67, 0.04)),
        arcade=float(rng.uniform(2.6, 3.6)),
    )


def _swollen(rng: np.random.Generator, eye: Eye) -> Eye:
    swelling = float(rng.uniform(0.4, 1.0))
    disc = replace(eye.disc, softness=0.06 + 0.12 * swelling, wobble=eye.disc.wobble + 0.01)
    return replace(
        eye,
        disc=disc,
        swelling=swelling,
        crescent=0.0,
        tortuosity=eye.tortuosity + 0.1 * swelling,
        vein_width=eye.vein_width * (1 + 0.3 * swelling),
    )
