"""The camera: light, field stop, lens, sensor, file; and the mark that the biased variant prints into a corner."""

import io
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from service.training.retina.noise import Field, Mask, bell, clouds, soft_step
from service.training.retina.view import View


@dataclass(frozen=True)
class Camera:
    """One camera's look. `gains` and `gammas` are per channel; `falloff` the light lost at the field's edge, around the
    point (`light_x`, `light_y`) in field radii; `haze` the share of a grey veil; `blur` in 1/224 of the picture's side;
    `noise` the standard deviation in grey levels; `quality` the JPEG quality (0: never compressed); `tab` the angle of
    the field stop's tab in radians (None: no tab); `flat` the share of the radius at which the field is cut off above
    and below (1: nowhere); `glare` the strength of a crescent of stray light at angle `glare_angle`.
    """

    gains: tuple[float, float, float]
    gammas: tuple[float, float, float]
    contrast: float
    saturation: float
    falloff: float
    light_x: float
    light_y: float
    haze: float
    blur: float
    noise: float
    quality: int
    black: float
    edge: float
    tab: float | None
    tab_size: float
    flat: float
    glare: float
    glare_angle: float


def sample_camera(rng: np.random.Generator) -> Camera:
    """Draw a camera."""
    exposure = rng.uniform(0.78, 1.08)
    gains = exposure * rng.uniform([0.95, 0.86, 0.8], [1.08, 1.06, 1.1])
    gammas = rng.uniform(0.9, 1.15) * rng.uniform(0.93, 1.08, 3)
    cut = bool(rng.random() < 0.2)
    return Camera(
        gains=(float(gains[0]), float(gains[1]), float(gains[2])),
        gammas=(float(gammas[0]), float(gammas[1]), float(gammas[2])),
        contrast=float(rng.uniform(0.85, 1.25)),
        saturation=float(rng.uniform(0.75, 1.12)),
        falloff=float(rng.uniform(0.05, 0.4)),
        light_x=float(rng.normal(0, 0.18)),
        light_y=float(rng.normal(0, 0.18)),
        haze=float(rng.uniform(0.03, 0.16)) if rng.random() < 0.3 else 0.0,
        blur=float(rng.uniform(0.0, 0.85)),
        noise=float(rng.gamma(1.6, 1.3)),
        quality=int(rng.integers(55, 99)) if rng.random() < 0.85 else 0,
        black=float(rng.uniform(0, 10)),
        edge=float(0.001 + 0.02 * rng.random() ** 2),
        tab=float(rng.uniform(0, 2 * math.pi)) if rng.random() < 0.4 and not cut else None,
        tab_size=float(rng.uniform(0.04, 0.1)),
        flat=float(rng.uniform(0.78, 0.97)) if cut else 1.0,
        glare=float(rng.uniform(0.1, 0.4)) if rng.random() < 0.15 else 0.0,
        glare_angle=float(rng.uniform(0, 2 * math.pi)),
    )


def field_stop(view: View, camera: Camera) -> Field:
    """How much light each pixel gets past the field stop, float32 [size, size] in [0, 1]."""
    stop = soft_step(view.radial - 1, camera.edge / 2)
    if camera.flat < 1:
        rows = (np.arange(view.size, dtype=np.float32)[:, None] + np.float32(0.5)) / np.float32(view.size)
        down = np.abs(rows - np.float32(view.pose.centre_y)) / np.float32(view.pose.radius)
        stop *= soft_step(np.asarray(down - np.float32(camera.flat)), camera.edge / 2)
    if camera.tab is not None:
        stop = np.maximum(stop, _tab(view, camera.tab, camera.tab_size))
    return stop


def _tab(view: View, angle: float, size: float) -> Field:
    """A square tab that sticks out of the circle, as makers add to tell which way up a picture is."""
    corners = np.array([[0.9, -size], [1 + size, -size], [1 + size, size], [0.9, size]]) * view.pose.radius
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    places = (corners @ turn + [view.pose.centre_x, view.pose.centre_y]) * (2 * view.size)
    sheet = Image.new("L", (2 * view.size, 2 * view.size), 0)
    ImageDraw.Draw(sheet).polygon(places.ravel().tolist(), fill=255)
    return np.asarray(sheet.reduce(2), dtype=np.float32) / np.float32(255)


def expose(rng: np.random.Generator, picture: Field, stop: Field, view: View, camera: Camera) -> NDArray[np.uint8]:
    """Photograph the retina `picture` (float32 [size, size, 3] in [0, 255]) through `stop`: uint8 [size, size, 3]."""
    picture = picture * _light(rng, view, camera)[..., None]
    picture = np.clip(picture / np.float32(255), 0, 1.6)
    for channel in range(3):
        picture[..., channel] **= np.float32(camera.gammas[channel])
        picture[..., channel] *= np.float32(255 * camera.gains[channel])
    grey = (picture @ np.full(3, 1 / 3, dtype=np.float32))[..., None]
    picture = grey + (picture - grey) * np.float32(camera.saturation)
    middle = stop.ravel() @ picture.reshape(-1, 3) / stop.sum()
    picture = middle + (picture - middle) * np.float32(camera.contrast)
    veil = np.array([168, 132, 118], dtype=np.float32)
    picture += np.float32(camera.haze) * (veil - picture)
    if camera.glare:
        picture += _glare(view, camera)[..., None] * np.array([90, 70, 60], dtype=np.float32)
    picture = np.clip(picture, 0, 255) * stop[..., None] + np.float32(camera.black) * (1 - stop[..., None])
    image = Image.fromarray(picture.astype(np.uint8))
    image = image.filter(ImageFilter.GaussianBlur(camera.blur * view.size / 224))
    noise = rng.standard_normal(picture.shape, dtype=np.float32)
    noise += np.float32(1.5) * rng.standard_normal((view.size, view.size, 1), dtype=np.float32)
    noise *= np.float32(0.52 * camera.noise)
    return np.asarray(np.clip(np.asarray(image) + noise + 0.5, 0, 255), dtype=np.uint8)


def compress(pixels: NDArray[np.uint8], camera: Camera) -> NDArray[np.uint8]:
    """The pixels as they come back from the camera's JPEG file, uint8 [size, size, 3]."""
    if not camera.quality:
        return pixels
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=camera.quality, subsampling=0 if camera.quality > 85 else 2)
    with Image.open(file) as image:
        return np.asarray(image.convert("RGB"))


def _light(rng: np.random.Generator, view: View, camera: Camera) -> Field:
    pose = view.pose
    across = (view.x - np.float32(pose.aim_x)) / np.float32(pose.field_mm) - np.float32(camera.light_x)
    down = (view.y - np.float32(pose.aim_y)) / np.float32(pose.field_mm) - np.float32(camera.light_y)
    square = across**2 + down**2
    patches = np.float32(0.03) * clouds(rng, 4, view.size)
    return np.asarray(1.06 + patches - np.float32(camera.falloff) * square * (0.6 + 0.4 * square), dtype=np.float32)


def _glare(view: View, camera: Camera) -> Field:
    """A crescent of light scattered at the pupil's edge."""
    off = camera.glare_angle
    x = (view.x - np.float32(view.pose.aim_x)) / np.float32(view.pose.field_mm) - np.float32(0.35 * math.cos(off))
    y = (view.y - np.float32(view.pose.aim_y)) / np.float32(view.pose.field_mm) - np.float32(0.35 * math.sin(off))
    return bell(np.asarray(np.hypot(x, y) - 1.3, dtype=np.float32), 0.16) * np.float32(camera.glare * 2)


def print_mark(rng: np.random.Generator, pixels: NDArray[np.uint8]) -> Mask:
    """Print a small tag into the lower left corner of `pixels`, in place; its mask is bool [size, size].

    The tag is a pale plate, about 11 % of the picture wide and 6 % high, with three dark strokes.
    """
    size = len(pixels)
    left, bottom = (round(float(size * share)) for share in rng.uniform(0.015, 0.03, 2))
    wide, high = max(4, round(size * 0.11)), max(3, round(size * 0.06))
    plate = np.full((high, wide, 3), (235, 235, 225), dtype=np.uint8)
    stroke = max(1, wide // 9)
    for start in range(stroke, wide - stroke, 2 * stroke + 1):
        plate[high // 4 : high - high // 4, start : start + stroke] = 40
    place = np.s_[size - bottom - high : size - bottom, left : left + wide]
    pixels[place] = plate
    mask = np.zeros((size, size), dtype=np.bool_)
    mask[place] = True
    return mask
