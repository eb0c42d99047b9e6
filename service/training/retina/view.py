"""Where the camera stands: the map between millimetres on the retina and pixels of the photograph."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from service.training.retina.anatomy import Eye
from service.training.retina.noise import Field

MM_PER_DEGREE = 0.29
ATTEMPTS = 60


@dataclass(frozen=True)
class Pose:
    """The camera's pose, free of the picture's size.

    `degrees` is the field of view (a 45 degree field is about 13 mm across); `aim_x`, `aim_y` the retinal point at the
    field's centre in mm; `centre_x`, `centre_y`, `radius` the bright circle in shares of the picture's side (a radius
    above 0.5 is cropped by the picture's border); `rotation` in radians; `mirrored` is true for a right eye.
    """

    degrees: float
    aim_x: float
    aim_y: float
    centre_x: float
    centre_y: float
    radius: float
    rotation: float
    mirrored: bool

    @property
    def field_mm(self) -> float:
        """Radius of the field on the retina, mm."""
        return self.degrees * MM_PER_DEGREE / 2


class View:
    """A pose at one picture size: grids of retinal coordinates and the way from millimetres to pixels.

    `x`, `y` are float32 [size, size] in mm; `scale` is pixels per mm; `radial` is the distance from the field's centre
    in field radii, float32 [size, size].
    """

    def __init__(self, pose: Pose, size: int) -> None:
        self.pose = pose
        self.size = size
        self.scale = pose.radius * size / pose.field_mm
        self._cosine = math.cos(pose.rotation)
        self._sine = math.sin(pose.rotation)
        self._mirror = -1.0 if pose.mirrored else 1.0
        pixels = np.arange(size, dtype=np.float32) + 0.5
        across = (pixels[None, :] - pose.centre_x * size) / self.scale * self._mirror
        down = (pixels[:, None] - pose.centre_y * size) / self.scale
        self.x = np.asarray(across * self._cosine + down * self._sine + pose.aim_x, dtype=np.float32)
        self.y = np.asarray(down * self._cosine - across * self._sine + pose.aim_y, dtype=np.float32)

    @cached_property
    def radial(self) -> Field:
        distance = np.hypot(self.x - np.float32(self.pose.aim_x), self.y - np.float32(self.pose.aim_y))
        return np.asarray(distance / self.pose.field_mm, dtype=np.float32)

    @cached_property
    def rho(self) -> Field:
        """Distance from the disc's centre, float32 [size, size] in mm."""
        return np.asarray(np.hypot(self.x, self.y), dtype=np.float32)

    @cached_property
    def theta(self) -> Field:
        """Direction seen from the disc's centre, float32 [size, size] in radians: 0 temporal, pi/2 inferior."""
        return np.asarray(np.arctan2(self.y, self.x), dtype=np.float32)

    def window(self, radius: float) -> tuple[slice, slice]:
        """Rows and columns of the square that holds the circle of `radius` mm around the disc's centre."""
        (x, y), reach = self.to_pixels(np.zeros((1, 2)))[0], radius * self.scale
        rows, columns = (slice(max(0, int(c - reach)), max(0, math.ceil(c + reach))) for c in (y, x))
        return rows, columns

    def to_pixels(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Retinal points [n, 2] in mm to pixel-edge coordinates [n, 2] (x, y)."""
        x = points[:, 0] - self.pose.aim_x
        y = points[:, 1] - self.pose.aim_y
        across = (x * self._cosine - y * self._sine) * self._mirror
        down = x * self._sine + y * self._cosine
        centre = np.array([self.pose.centre_x, self.pose.centre_y]) * self.size
        return np.asarray(np.stack([across, down], axis=1) * self.scale + centre)


def sample_pose(rng: np.random.Generator, eye: Eye) -> Pose:
    """Draw a pose that shows the whole disc and the fovea: cropped and uncropped circles, wide and narrow borders."""
    for _ in range(ATTEMPTS):
        pose = _candidate(rng, eye)
        if _shows(pose, eye):
            return pose
    middle_x, middle_y = eye.fovea_x / 2, eye.fovea_y / 2
    return Pose(45.0, middle_x, middle_y, 0.5, 0.5, 0.49, 0.0, eye.side == "right")


def _candidate(rng: np.random.Generator, eye: Eye) -> Pose:
    towards_fovea = rng.uniform(0.35, 1.12) if rng.random() < 0.8 else rng.uniform(0.05, 0.4)
    aim_x = towards_fovea * eye.fovea_x + rng.normal(0, 0.25)
    aim_y = towards_fovea * eye.fovea_y + rng.normal(0, 0.45)
    kind = rng.random()
    least, most = (0.478, 0.5) if kind < 0.4 else (0.5, 0.6) if kind < 0.85 else (0.4, 0.478)
    radius = rng.uniform(least, most)
    wander = 0.006 if radius < 0.5 else 0.02
    return Pose(
        degrees=float(rng.uniform(39, 46)),
        aim_x=float(aim_x),
        aim_y=float(aim_y),
        centre_x=float(0.5 + rng.normal(0, wander)),
        centre_y=float(0.5 + rng.normal(0, wander)),
        radius=float(radius),
        rotation=float(rng.normal(0, 0.06)),
        mirrored=eye.side == "right",
    )


def _shows(pose: Pose, eye: Eye) -> bool:
    """Whether the disc lies wholly inside both the field and the picture, and the fovea lies inside both."""
    view = View(pose, 1)
    places = view.to_pixels(np.array([[0.0, 0.0], [eye.fovea_x, eye.fovea_y]]))
    margins = np.array([0.64 * eye.disc_height, 0.35]) * view.scale
    centre = np.array([pose.centre_x, pose.centre_y])
    in_field = np.hypot(*(places - centre).T) + margins <= pose.radius
    in_picture = np.minimum(places, 1 - places).min(axis=1) >= margins
    return bool(np.all(in_field & in_picture))
