"""The colours of one photograph, sampled so widely that a real camera's lie inside."""

from dataclasses import dataclass

import numpy as np

Colour = tuple[float, float, float]

# Mean ground colours seen in fundus photographs, red green blue: orange-red, pale orange, brown, dark red, pink, ochre
GROUNDS: tuple[Colour, ...] = (
    (214, 86, 60),
    (206, 112, 66),
    (150, 76, 42),
    (178, 60, 34),
    (204, 96, 88),
    (176, 104, 52),
)
GROUND_SHARES = (0.34, 0.16, 0.14, 0.14, 0.12, 0.10)


@dataclass(frozen=True)
class Palette:
    """Colours in [0, 255] and the strengths of the ground's textures, relative to its brightness.

    `vein` and `artery` are the shares of red, green and blue light that a thick vessel lets through; `macula` the
    shares that the yellow spot takes away; `reflex` the brightness of the arteries' central line; `sheen` that of the
    reflections of young retinas; `choroid` the contrast of the vessels below the retina.
    """

    ground: Colour
    rim: Colour
    cup: Colour
    vein: Colour
    artery: Colour
    macula: Colour
    pigment: float
    choroid: float
    grain: float
    reflex: float
    sheen: float
    foveal_reflex: float


def sample_palette(rng: np.random.Generator) -> Palette:
    """Draw the colours of one photograph."""
    first, second = rng.choice(len(GROUNDS), size=2, p=GROUND_SHARES)
    mix = rng.uniform(0, 0.5)
    ground = np.array(GROUNDS[first]) * (1 - mix) + np.array(GROUNDS[second]) * mix
    ground *= rng.uniform(0.85, 1.15) * rng.uniform(0.92, 1.08, 3)
    rim = np.array([rng.uniform(228, 262), rng.uniform(124, 168), rng.uniform(76, 130)])
    rim = np.maximum(rim * (0.55 + 0.45 * ground[0] / 214), ground * [1.1, 1.32, 1.25])
    rim = np.minimum(rim, [255.0, 180.0, 160.0])
    pale = np.array([rng.uniform(250, 262), rng.uniform(212, 240), rng.uniform(150, 212)])
    through = rng.uniform(0.42, 0.66)
    vein = np.array([rng.uniform(0.68, 0.86), through, through * rng.uniform(0.95, 1.2)])
    tessellated = rng.random() < 0.17
    return Palette(
        ground=_colour(ground),
        rim=_colour(rim),
        cup=_colour(pale * (0.6 + 0.4 * rim[0] / 240)),
        vein=_colour(vein),
        artery=_colour(vein + np.array([0.13, 0.13, 0.11]) * rng.uniform(0.7, 1.2)),
        macula=_colour(rng.uniform(0.55, 1.25) * np.array([0.17, 0.3, 0.38])),
        pigment=float(rng.uniform(0.01, 0.05)),
        choroid=float(rng.uniform(0.06, 0.13) if tessellated else rng.uniform(0.0, 0.05)),
        grain=float(rng.uniform(0.008, 0.03)),
        reflex=float(rng.uniform(0.1, 0.4)) if rng.random() < 0.6 else 0.0,
        sheen=float(rng.uniform(0.1, 0.4)) if rng.random() < 0.22 else 0.0,
        foveal_reflex=float(rng.uniform(0.1, 0.5)) if rng.random() < 0.45 else 0.0,
    )


def _colour(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Colour:
    red, green, blue = (float(value) for value in values)
    return red, green, blue
