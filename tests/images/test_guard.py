"""The guard lets fundus photographs through, and stops what is none or cannot be graded."""

from __future__ import annotations

import io
import math
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import sklearn.datasets
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont
from pydantic import ValidationError

from service.images.frame import Frame
from service.images.guard import FUNDUS_GUARD, MEASURES, Guard, Limit
from service.images.measures import measure
from service.training import fundus
from tests.images.making import RETINA

FRAME = Frame(field_of_view=True, resize=224)
SIDE = 256
DOWN, ACROSS = np.mgrid[:SIDE, :SIDE]


def reasons(pixels: np.ndarray | Image.Image) -> tuple[str, ...]:
    array = np.asarray(pixels.convert("RGB") if isinstance(pixels, Image.Image) else pixels)
    x, _ = FRAME.apply(np.ascontiguousarray(array), array.shape[1], array.shape[0])
    return FUNDUS_GUARD.reasons(measure(x))


def retina() -> Image.Image:
    with Image.open(RETINA) as picture:
        return picture.convert("RGB").resize((705, 705))


def recompressed(picture: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return Image.open(file)


USABLE = {
    "as it is": lambda p: p,
    "quality 10": lambda p: recompressed(p, 10),
    "quality 40": lambda p: recompressed(p, 40),
    "500 px": lambda p: p.resize((500, 500)),
    "128 px": lambda p: p.resize((128, 128)),
    "mild blur": lambda p: p.filter(ImageFilter.GaussianBlur(2)),
    "darker": lambda p: ImageEnhance.Brightness(p).enhance(0.7),
    "half as bright": lambda p: ImageEnhance.Brightness(p).enhance(0.5),
    "brighter": lambda p: ImageEnhance.Brightness(p).enhance(1.3),
    "paler": lambda p: ImageEnhance.Color(p).enhance(0.6),
    "turned": lambda p: p.rotate(90),
    "on a wide black ground": lambda p: p.crop((-200, 0, 905, 705)),
}


@pytest.mark.parametrize("change", USABLE)
def test_a_real_photograph_passes(change: str) -> None:
    assert reasons(USABLE[change](retina())) == ()


def test_the_real_photograph_passes_with_margin() -> None:
    """Every limit could be a tenth tighter, in its own units, and still let it through."""
    pixels = np.asarray(retina())
    measures = measure(FRAME.apply(pixels, 705, 705)[0])
    for limit in FUNDUS_GUARD.limits:
        value = measures[limit.measure]
        assert limit.minimum is None or value >= 1.1 * limit.minimum
        assert limit.maximum is None or value <= 0.9 * limit.maximum


SPOILT = {
    "too dark": lambda p: ImageEnhance.Brightness(p).enhance(0.1),
    "too bright": lambda p: ImageEnhance.Brightness(p).enhance(4),
    "out of focus": lambda p: p.filter(ImageFilter.GaussianBlur(12)),
}


@pytest.mark.parametrize("change", SPOILT)
def test_a_spoilt_photograph_is_ungradable(change: str) -> None:
    assert "ungradable" in reasons(SPOILT[change](retina()))


@pytest.mark.heavy
@pytest.mark.heavy
def test_procedural_photographs_pass() -> None:
    """Under one refusal in a hundred, over every class and camera."""
    pictures = [fundus.generate(400_000 + seed).pixels for seed in range(60)]
    pictures += [fundus.binary(500_000 + seed).pixels for seed in range(40)]
    assert sum(reasons(pixels) != () for pixels in pictures) <= 1


def page(rng: np.random.Generator, ground: tuple[int, int, int]) -> Image.Image:
    picture = Image.new("RGB", (2 * SIDE, 2 * SIDE), ground)
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(14)
    for line in range(24):
        pen.text((20, 20 + 20 * line), "".join(rng.choice(list("abcdefgh ijklm opqrst vw"), 50)), (20, 20, 20), font)
    return picture


def radiograph(rng: np.random.Generator) -> np.ndarray:
    grey = np.zeros((SIDE, SIDE))
    for _ in range(12):
        (cy, cx), (ry, rx) = rng.uniform(0.2, 0.8, 2) * SIDE, rng.uniform(0.05, 0.4, 2) * SIDE
        grey += rng.uniform(20, 80) * (((DOWN - cy) / ry) ** 2 + ((ACROSS - cx) / rx) ** 2 < 1)
    soft = Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(3))
    return np.asarray(soft.convert("RGB"))


def gradient(rng: np.random.Generator) -> np.ndarray:
    one, other = rng.uniform(0, 255, (2, 3))
    share = np.linspace(0, 1, SIDE)[:, None, None]
    return np.tile(one * (1 - share) + other * share, (1, SIDE, 1)).astype(np.uint8)


def heat(rng: np.random.Generator) -> np.ndarray:
    rough = Image.fromarray(rng.random((7, 7)).astype(np.float32)).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    return (matplotlib.colormaps["inferno"](np.asarray(rough))[..., :3] * 255).astype(np.uint8)


def ball(rng: np.random.Generator) -> np.ndarray:
    """Orange and round, on black, and nothing on it."""
    reach = np.hypot(DOWN - SIDE / 2, ACROSS - SIDE / 2) / (0.47 * SIDE)
    shade = np.sqrt(np.clip(1 - reach**2, 0, 1))[..., None] ** rng.uniform(0.2, 1)
    return (shade * np.array([220, 110, 50])).astype(np.uint8)


OTHERS = {
    "noise": lambda rng: rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8),
    "reddish noise": lambda rng: np.clip(rng.normal((180, 80, 40), 30, (SIDE, SIDE, 3)), 0, 255).astype(np.uint8),
    "one colour": lambda rng: np.tile(rng.integers(0, 256, 3, dtype=np.uint8), (SIDE, SIDE, 1)),
    "gradient": gradient,
    "page": lambda rng: page(rng, (250, 250, 245)),
    "yellowed page": lambda rng: page(rng, (240, 225, 190)),
    "radiograph": radiograph,
    "heatmap": heat,
    "ball": ball,
}


@pytest.mark.parametrize("kind", OTHERS)
def test_what_is_no_photograph_of_an_eye_is_stopped(kind: str) -> None:
    rng = np.random.default_rng(5)
    assert all(reasons(OTHERS[kind](rng)) for _ in range(12))


def photographs() -> list[np.ndarray]:
    scenes = list(sklearn.datasets.load_sample_images().images)
    portrait = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    with Image.open(portrait) as picture:
        return [*scenes, np.asarray(picture.convert("RGB"))]


@pytest.mark.parametrize("inspection", ["colour", "sepia", "grey"])
def test_other_photographs_are_out_of_distribution(inspection: str) -> None:
    rng = np.random.default_rng(9)
    sepia = np.array([[0.393, 0.349, 0.272], [0.769, 0.686, 0.534], [0.189, 0.168, 0.131]])
    verdicts = []
    for pixels in photographs():
        for _ in range(20):
            side = int(rng.uniform(0.5, 1) * min(pixels.shape[:2]))
            top, left = (int(rng.integers(0, whole - side + 1)) for whole in pixels.shape[:2])
            part = pixels[top : top + side, left : left + side].astype(float)
            part = {"colour": part, "sepia": part @ sepia, "grey": part.mean(2, keepdims=True).repeat(3, 2)}[inspection]
            verdicts.append("out_of_distribution" in reasons(np.clip(part, 0, 255).astype(np.uint8)))
    assert np.mean(verdicts) > 0.95


def test_a_grey_fundus_is_out_of_distribution() -> None:
    assert reasons(retina().convert("L")) == ("out_of_distribution",)


def test_black_and_white_and_tiny() -> None:
    assert reasons(np.zeros((50, 50, 3), np.uint8)) == ("out_of_distribution", "ungradable")
    assert "out_of_distribution" in reasons(np.full((50, 50, 3), 255, np.uint8))
    assert reasons(np.full((1, 1, 3), 128, np.uint8)) != ()


@pytest.mark.parametrize("size", [1, 2, 4, 5, 56, 224])
@pytest.mark.parametrize("level", [0, 16, 17, 255])
def test_measures_are_always_finite_numbers(size: int, level: int) -> None:
    measures = measure(np.full((size, size, 3), level, np.uint8))
    assert set(measures) == set(MEASURES)
    assert all(math.isfinite(value) for value in measures.values())


def test_measures_by_hand() -> None:
    x = np.zeros((32, 32, 3), np.uint8)
    x[8:24, 8:16] = 200, 100, 50
    x[8:24, 16:24] = 100, 50, 40
    measures = measure(x)
    expected = {
        "coverage": 0.25, "surround": 0, "brightness": 112.5, "red": 150, "green": 75, "blue": 45, "warm": 1,
        "overexposed": 0, "contrast": 25 / 76, "red_over_green": 150 / 76,
        "texture": 50 / 15 / 26,  # one step of 50 among 15 neighbours in each row
        "sharpness": 50 * 4 / 12 / 76,  # four of the twelve inner columns look across the edge
        "hue_spread": abs(math.log(201 / 101) - math.log(101 / 51)) / 2,
    }  # fmt: skip
    assert measures == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_limits_and_reasons() -> None:
    guard = Guard(
        limits=(
            Limit(measure="red", minimum=10, maximum=20, reason="ungradable"),
            Limit(measure="blue", maximum=5, reason="out_of_distribution"),
            Limit(measure="green", minimum=1, reason="ungradable"),
        )
    )
    assert guard.reasons({"red": 10, "blue": 5, "green": 1}) == ()
    assert guard.reasons({"red": 20.1, "blue": 5, "green": 0}) == ("ungradable",)
    assert guard.reasons({"red": 9, "blue": 6, "green": 1}) == ("ungradable", "out_of_distribution")
    assert [limit.measure for limit in guard.violations({"red": math.nan, "blue": 0, "green": 1})] == ["red"]


@pytest.mark.parametrize("wrong", [
    {"measure": "redness", "minimum": 1, "reason": "ungradable"}, {"measure": "red", "reason": "ungradable"},
    {"measure": "red", "minimum": 2, "maximum": 1, "reason": "ungradable"},
    {"measure": "red", "minimum": 2, "reason": "ugly"},
])  # fmt: skip
def test_a_limit_that_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Limit.model_validate(wrong)
