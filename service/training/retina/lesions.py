"""What disease leaves on the retina: how much of each lesion an eye has, and how it is painted."""

import math
from dataclasses import dataclass, replace

import numpy as np

from service.training.retina.anatomy import Eye
from service.training.retina.canvas import Canvas, Points
from service.training.retina.noise import Field, Mask
from service.training.retina.outline import disc_radius
from service.training.retina.view import View

BLOOD = (0.72, 0.42, 0.48)
VISIBLE = 0.25  # coverage from which a pixel belongs to a lesion's mask


@dataclass(frozen=True)
class Lesions:
    """Counts of lesions; `atrophy` is the radius in mm of a pale patch at the fovea, `bleed` that of a dark one."""

    microaneurysms: int = 0
    haemorrhages: int = 0
    flames: int = 0
    exudate_clusters: int = 0
    cotton_spots: int = 0
    drusen: int = 0
    pigment_clumps: int = 0
    atrophy: float = 0.0
    bleed: float = 0.0
    disc_haemorrhages: int = 0
    peripapillary_flames: int = 0


def sample_lesions(rng: np.random.Generator, label: str, distractor_share: float) -> Lesions:
    """Draw the lesions of the class `label`; normal and glaucomatous eyes get a few harmless distractors alike."""
    if label == "retinopathy":
        severity = rng.uniform(0.25, 1.0)
        return Lesions(
            microaneurysms=int(rng.integers(8, 14) + 26 * severity * rng.random()),
            haemorrhages=int(rng.integers(4, 8) + 18 * severity * rng.random()),
            flames=int(rng.integers(0, 5) * severity),
            exudate_clusters=int(rng.integers(1, 3) + 3 * severity * rng.random()),
            cotton_spots=int(rng.integers(0, 5) * severity),
        )
    if label == "macular_degeneration":
        advanced = rng.random()
        return Lesions(
            drusen=int(rng.integers(22, 90)),
            pigment_clumps=int(rng.integers(1, 9)),
            atrophy=float(rng.uniform(0.3, 0.9)) if advanced < 0.25 else 0.0,
            bleed=float(rng.uniform(0.3, 0.8)) if advanced > 0.85 else 0.0,
        )
    if label == "disc_swelling":
        return Lesions(
            peripapillary_flames=int(rng.integers(2, 9)),
            cotton_spots=int(rng.integers(0, 3)),
            exudate_clusters=int(rng.random() < 0.15),
        )
    return _distractors(rng, distractor_share)


def with_glaucoma(rng: np.random.Generator, lesions: Lesions, eye: Eye) -> Lesions:
    """Add a disc haemorrhage, most often where a small disc's notch is the only other sign."""
    small = eye.disc.height < 1.4 and bool(eye.cup.notches)
    return replace(lesions, disc_haemorrhages=int(rng.random() < (0.75 if small else 0.22)))


def _distractors(rng: np.random.Generator, share: float) -> Lesions:
    if rng.random() >= share:
        return Lesions()
    kinds = rng.random(3) < 0.45
    return Lesions(
        microaneurysms=int(rng.integers(1, 4)) if kinds[0] else 0,
        drusen=int(rng.integers(1, 8)) if kinds[1] else 0,
        exudate_clusters=1 if kinds[2] and share > 0.3 else 0,
    )


class Painter:
    """Places lesions in one picture and paints them; remembers each kind's coverage for the masks."""

    def __init__(self, rng: np.random.Generator, picture: Field, view: View, eye: Eye) -> None:
        self._rng = rng
        self._picture = picture
        self._view = view
        self._eye = eye
        self._nothing = np.zeros(view.x.shape, dtype=np.bool_)
        self.masks: dict[str, Mask] = {}

    def below_vessels(self, lesions: Lesions) -> None:
        """Paint what lies deep: drusen, pigment, atrophy, bleeding under the retina."""
        atrophy = self._canvas([self._blob(self._near_fovea(1, 0.15)[0], lesions.atrophy)] if lesions.atrophy else [])
        self._blend(atrophy, (228, 170, 122), 0.55, 0.03)
        bleed = self._canvas([self._blob(self._near_fovea(1, 0.3)[0], lesions.bleed)] if lesions.bleed else [])
        self._absorb(bleed, (0.55, 0.42, 0.5), 0.06)
        radii = self._rng.uniform(0.035, 0.115, lesions.drusen)
        drusen = self._canvas(
            [self._blob(p, r) for p, r in zip(self._near_fovea(lesions.drusen, 0.95), radii, strict=True)]
        )
        self.masks["drusen"] = self._blend(drusen, (250, 206, 132), 0.62, 0.03)
        places = self._near_fovea(lesions.pigment_clumps, 0.6)
        pigment = self._canvas([self._blob(p, self._rng.uniform(0.04, 0.14), 0.4) for p in places])
        self._absorb(pigment, (0.6, 0.55, 0.6), 0.02)

    def above_vessels(self, lesions: Lesions) -> None:
        """Paint what lies in or on the retina: exudates, cotton-wool spots, microaneurysms, haemorrhages."""
        rng = self._rng
        exudates = [blob for _ in range(lesions.exudate_clusters) for blob in self._exudates()]
        self.masks["exudates"] = self._blend(self._canvas(exudates), (255, 236, 158), 0.85, 0.008)
        cotton = [self._blob(p, rng.uniform(0.14, 0.32), 0.3) for p in self._anywhere(lesions.cotton_spots, 0.9, 4.0)]
        self._blend(self._canvas(cotton), (246, 222, 190), 0.7, 0.08)
        dots = [self._blob(p, rng.uniform(0.032, 0.062)) for p in self._anywhere(lesions.microaneurysms, 0.3, 4.2)]
        self.masks["microaneurysms"] = self._absorb(self._canvas(dots), BLOOD, 0.0)
        places = self._anywhere(lesions.haemorrhages, 0.7, 4.5)
        blots = [self._blob(p, 0.07 + rng.gamma(1.6, 0.04), 0.2) for p in places]
        blots += [self._flame(p) for p in self._anywhere(lesions.flames, 1.0, 4.5)]
        blots += [self._flame(p) for p in self._beside_disc(lesions.peripapillary_flames)]
        self.masks["haemorrhages"] = self._absorb(self._canvas(blots), BLOOD, 0.02)
        splinters = [self._splinter() for _ in range(lesions.disc_haemorrhages)]
        self.masks["haemorrhage_disc"] = self._absorb(self._canvas(splinters), (0.8, 0.4, 0.42), 0.008)

    def _canvas(self, outlines: list[Points]) -> Canvas | None:
        if not outlines:
            return None
        canvas = Canvas(self._view)
        for outline in outlines:
            canvas.polygon(outline)
        return canvas

    def _blend(self, canvas: Canvas | None, colour: tuple[int, int, int], strength: float, blur: float) -> Mask:
        if canvas is None:
            return self._nothing
        alpha = canvas.coverage(blur)
        picture, tint = self._picture, np.array(colour, dtype=np.float32)
        picture += (alpha * np.float32(strength))[..., None] * (np.maximum(tint, picture) - picture)
        return np.asarray(alpha > VISIBLE)

    def _absorb(self, canvas: Canvas | None, passes: tuple[float, float, float], blur: float) -> Mask:
        if canvas is None:
            return self._nothing
        alpha = canvas.coverage(blur)
        self._picture *= 1 - alpha[..., None] * (1 - np.array(passes, dtype=np.float32))
        return np.asarray(alpha > VISIBLE)

    def _blob(self, place: Points, radius: float, ragged: float = 0.12) -> Points:
        """An irregular round outline, float64 [20, 2] in mm."""
        angles = np.arange(20) * (math.pi / 10)
        phase = self._rng.uniform(0, 2 * math.pi, 3)
        ripple = sum(np.cos(k * angles + phase[k - 2]) / k for k in (2, 3, 4))
        reach = radius * (1 + 1.4 * ragged * ripple)
        return np.asarray(place + reach[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1))

    def _flame(self, place: Points) -> Points:
        """A haemorrhage drawn out along the nerve fibres, frayed at its ends."""
        along = math.atan2(place[1], place[0]) + self._rng.normal(0, 0.15)
        shape = self._blob(np.zeros(2), self._rng.uniform(0.05, 0.15), 0.4) * [2.6, self._rng.uniform(0.5, 1.0)]
        turn = np.array([[math.cos(along), math.sin(along)], [-math.sin(along), math.cos(along)]])
        return np.asarray(place + shape @ turn)

    def _splinter(self) -> Points:
        """A disc haemorrhage: a radial splinter across the disc's edge, beside the notch where there is one."""
        notches = self._eye.cup.notches
        angle = notches[0].angle if notches else self._rng.choice((1.2, -1.2))
        angle += self._rng.choice((-1, 1)) * self._rng.uniform(0.1, 0.4)
        edge = float(np.interp(angle % (2 * math.pi), np.linspace(0, 2 * math.pi, 720), disc_radius(self._eye.disc)))
        way = np.array([math.cos(angle), math.sin(angle)])
        shape = self._blob(np.zeros(2), self._rng.uniform(0.07, 0.1), 0.25) * [2.3, 0.55]
        return np.asarray(way * (edge + 0.06) + shape @ np.array([way, [-way[1], way[0]]]))

    def _exudates(self) -> list[Points]:
        """A cluster of hard exudates, sometimes a ring (circinate)."""
        rng = self._rng
        centre = self._anywhere(1, 0.5, 2.6)
        count = int(rng.integers(6, 20))
        angles = rng.uniform(0, 2 * math.pi, count)
        reach = rng.uniform(0.3, 0.7) + rng.normal(0, 0.05, count) if rng.random() < 0.4 else rng.gamma(2, 0.12, count)
        places = centre + reach[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        return [self._blob(p, rng.uniform(0.025, 0.08), 0.3) for p in self._off_disc(places)]

    def _near_fovea(self, count: int, spread: float) -> Points:
        fovea = np.array([self._eye.fovea_x, self._eye.fovea_y])
        return self._off_disc(self._rng.normal(0, spread, (count, 2)) + fovea)

    def _anywhere(self, count: int, nearest: float, farthest: float) -> Points:
        """Places [count, 2] at a distance from the fovea between two limits in mm, in the picture and off the disc."""
        angles = self._rng.uniform(0, 2 * math.pi, (count, 12))
        reach = nearest + (farthest - nearest) * np.sqrt(self._rng.random((count, 12)))
        offered = np.stack([np.cos(angles) * reach + self._eye.fovea_x, np.sin(angles) * reach + self._eye.fovea_y], 2)
        places = self._view.to_pixels(offered.reshape(-1, 2)) / self._view.size
        pose = self._view.pose
        seen = (np.abs(places - 0.5).max(1) < 0.47) & (
            np.hypot(*(places - [pose.centre_x, pose.centre_y]).T) < 0.94 * pose.radius
        )
        good = seen.reshape(count, 12) & (np.hypot(offered[..., 0], offered[..., 1]) > 1.25 * self._eye.disc.height / 2)
        return np.asarray(offered[np.arange(count), good.argmax(axis=1)])

    def _beside_disc(self, count: int) -> Points:
        angles = self._rng.uniform(0, 2 * math.pi, count)
        reach = self._eye.disc.height / 2 * self._rng.uniform(0.95, 1.6, count)
        return np.asarray(reach[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1))

    def _off_disc(self, places: Points) -> Points:
        """Push places that fall onto the disc outwards."""
        distance = np.maximum(np.hypot(places[:, 0], places[:, 1]), 1e-6)
        least = 1.15 * self._eye.disc.height / 2
        return places * np.maximum(1.0, least / distance)[:, None]
