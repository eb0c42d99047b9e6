"""What the model sees, and the way back: a marker at a known pixel returns to it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from typing import get_args

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydantic import ValidationError
from torchvision import transforms

from service.engines.torch import normalised
from service.images import decode as decoding
from service.images.coverage import visible
from service.images.decode import decode
from service.images.field import find_field
from service.images.frame import WITHOUT_ANTIALIAS, Frame, Geometry, Interpolation
from service.images.resampling import KERNELS, RESAMPLING
from tests.images.making import ROOT, encoded, scene
from tests.images.test_decode import stored

SIZES = [(701, 701), (640, 480), (480, 640), (1200, 400), (333, 777), (224, 224), (97, 60)]
GROUND = (90, 60, 40)
"""The colour of `marked`; padding of another would change the means of the cells that it shares with the picture."""

FRAMES = [
    Frame(), Frame(resize=224), Frame(resize=300, crop=120), Frame(field_of_view=True, resize=224),
    Frame(fit="squash"), Frame(fit="squash", size=(160, 320)), Frame(fit="letterbox", fill=GROUND),
    Frame(fit="letterbox", size=(320, 200), fill=GROUND), Frame(resize=200, size=(180, 320), fill=GROUND),
    Frame(field_of_view=True, fit="letterbox", size=(256, 224)), Frame(interpolation="area"),
    Frame(antialias=False, fit="squash"), Frame(interpolation="lanczos", fit="letterbox", size=(224, 256), fill=GROUND),
]  # fmt: skip


def marked(width: int, height: int, at: tuple[float, float], round_field: bool) -> np.ndarray:
    """A dim picture with one bright spot, whose radius is a hundredth of the shorter side."""
    down, across = np.mgrid[:height, :width] + 0.5
    pixels = np.full((height, width, 3), GROUND, np.uint8)
    if round_field:
        radius = 0.46 * min(width, height)
        pixels[np.hypot(across - width / 2, down - height / 2) > radius] = 2
    spot = np.hypot(across - at[0], down - at[1]) <= max(1.5, min(width, height) / 100)
    pixels[spot] = 255
    return pixels


def found(x: np.ndarray, geometry: Geometry, cells: int) -> tuple[tuple[float, float], tuple[float, float]]:
    """Centre, in pixels of the original, of the brightest of cells × cells; and half a cell's size there."""
    down, across = x.shape[0] // cells, x.shape[1] // cells
    level = x[: down * cells, : across * cells].astype(float).sum(axis=2)
    mean = level.reshape(cells, down, cells, across).mean((1, 3))
    row, column = divmod(int(mean.argmax()), cells)
    left, top = geometry.to_original(column * across, row * down)
    right, bottom = geometry.to_original((column + 1) * across, (row + 1) * down)
    return ((left + right) / 2, (top + bottom) / 2), ((right - left) / 2, (bottom - top) / 2)


def marker_returns(size: tuple[int, int], orientation: int, frame: Frame, cells: int, at_least: int | None) -> None:
    width, height = size
    rng = np.random.default_rng(width + 7 * orientation + cells)
    angle = rng.uniform(0, 2 * np.pi)
    shown = min(frame.shape) / frame.resize if frame.fit == "crop" else 1
    reach = rng.uniform(0, 0.3 if frame.field_of_view else 0.42) * min(size) * shown
    at = width / 2 + reach * np.cos(angle), height / 2 + reach * np.sin(angle)
    pixels = marked(width, height, at, frame.field_of_view)
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(stored(pixels, orientation), "JPEG", exif=exif, quality=92)
    upright = decode(data, at_least=at_least)
    assert (upright.width, upright.height) == size
    x, geometry = frame.apply(upright.pixels, upright.width, upright.height)
    place, half = found(x, geometry, cells)
    own = max(1.5, min(size) / 100) + 1  # the marker has a size itself
    assert abs(place[0] - at[0]) <= half[0] + own
    assert abs(place[1] - at[1]) <= half[1] + own


@pytest.mark.parametrize("cells", [7, 14])
@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("size", SIZES)
def test_a_marker_comes_back_within_half_a_grid_cell(size: tuple[int, int], frame: Frame, cells: int) -> None:
    for orientation in range(1, 9):
        if min(size) >= 224 or orientation == 1:
            marker_returns(size, orientation, frame, cells, at_least=None)
    marker_returns(size, 6, frame, cells, at_least=frame.least_side)


@pytest.mark.parametrize("fault", ["orientation", "crop", "scale"])
def test_the_marker_law_can_fail(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if fault == "orientation":
        monkeypatch.setitem(decoding.UPRIGHT, 6, Image.Transpose.ROTATE_90)
    elif fault == "crop":
        monkeypatch.setattr(Geometry, "to_original", lambda self, x, y: (x * self.width / 224, y * self.height / 224))
    else:
        whole = Frame.apply
        monkeypatch.setattr(Frame, "apply", lambda self, pixels, w, h: whole(self, pixels, *pixels.shape[1::-1]))
    broken = 0
    for orientation in range(1, 9):
        try:
            marker_returns((1200, 400), orientation, Frame(), 14, at_least=200)
        except AssertionError:
            broken += 1
    assert broken


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "nearest"])
@pytest.mark.parametrize(("resize", "crop"), [(256, 224), (224, 224), (232, 224), (100, 99)])
@pytest.mark.parametrize("size", [(300, 200), (200, 300), (777, 513), (64, 64), (31, 240), (1000, 257)])
def test_x_equals_torchvisions_own_transforms(
    size: tuple[int, int], resize: int, crop: int, interpolation: str
) -> None:
    pixels = scene(*size)
    mode = transforms.InterpolationMode(interpolation)
    theirs = transforms.Compose([transforms.Resize(resize, mode, antialias=True), transforms.CenterCrop(crop)])
    x, _ = Frame(resize=resize, crop=crop, interpolation=interpolation).apply(pixels, *size)
    assert np.array_equal(x, np.asarray(theirs(Image.fromarray(pixels))))


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic", "lanczos", "box"])
@pytest.mark.parametrize("shape", [(224, 224), (160, 320), (299, 31)])
@pytest.mark.parametrize("size", [(300, 200), (64, 777)])
def test_squashing_equals_torchvisions_resize(
    size: tuple[int, int], shape: tuple[int, int], interpolation: str
) -> None:
    pixels = scene(*size)
    theirs = transforms.Resize(shape, transforms.InterpolationMode(interpolation))(Image.fromarray(pixels))
    name = {"box": "area"}.get(interpolation, interpolation)
    x, geometry = Frame(fit="squash", size=shape, interpolation=name).apply(pixels, *size)
    assert np.array_equal(x, np.asarray(theirs))
    assert geometry.region == (0, 0, *size)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("shape", [(224, 224), (160, 320), (299, 131)])
@pytest.mark.parametrize("size", [(300, 200), (64, 777), (1200, 900)])
def test_without_antialiasing_it_equals_torchvision_on_tensors(
    size: tuple[int, int], shape: tuple[int, int], interpolation: str
) -> None:
    """But for rounding: at most one level, at fewer than one pixel in two hundred."""
    pixels = scene(*size)
    tensor = torch.from_numpy(pixels.copy()).permute(2, 0, 1)
    mode = transforms.InterpolationMode(interpolation)
    theirs = transforms.Resize(shape, mode, antialias=False)(tensor).permute(1, 2, 0).numpy()
    x, _ = Frame(fit="squash", size=shape, interpolation=interpolation, antialias=False).apply(pixels, *size)
    difference = np.abs(x.astype(int) - theirs)
    assert difference.max() <= 1
    assert (difference > 0).mean() < 5e-3


@pytest.mark.parametrize("shape", [(224, 224), (160, 320), (320, 100)])
@pytest.mark.parametrize("size", [(300, 200), (64, 777), (50, 50)])
def test_a_letterbox_is_the_whole_picture_on_its_colour(size: tuple[int, int], shape: tuple[int, int]) -> None:
    pixels, fill = scene(*size), (10, 200, 90)
    factor = min(shape[1] / size[0], shape[0] / size[1])
    wide, high = max(1, round(size[0] * factor)), max(1, round(size[1] * factor))
    left, top = (shape[1] - wide) // 2, (shape[0] - high) // 2
    margins = [left, top, shape[1] - wide - left, shape[0] - high - top]
    theirs = transforms.Compose([transforms.Resize((high, wide)), transforms.Pad(margins, fill)])
    x, geometry = Frame(fit="letterbox", size=shape, fill=fill).apply(pixels, *size)
    assert np.array_equal(x, np.asarray(theirs(Image.fromarray(pixels))))
    assert geometry.to_model(0, 0) == pytest.approx((left, top), abs=1e-6)
    assert geometry.to_model(*size) == pytest.approx((left + wide, top + high), abs=1e-6)


@pytest.mark.parametrize("size", [(300, 200), (200, 300), (64, 64)])
def test_a_crop_that_is_wider_than_the_picture_is_padded_as_by_torchvision(size: tuple[int, int]) -> None:
    pixels = scene(*size)
    theirs = transforms.Compose([transforms.Resize(100), transforms.CenterCrop((90, 171))])(Image.fromarray(pixels))
    x, geometry = Frame(resize=100, size=(90, 171)).apply(pixels, *size)
    assert np.array_equal(x, np.asarray(theirs))
    assert (geometry.region[0] < 0) == (size[0] / size[1] < 1.71)


@pytest.mark.parametrize("weights", [None, (0, 1, 0), (0.2126, 0.7152, 0.0722)])
def test_grey_is_weighed_after_the_resizing(weights: tuple[float, float, float] | None) -> None:
    pixels = scene(300, 200)
    own = {} if weights is None else {"grey": weights}
    x, _ = Frame(channels=1, mean=(0.5,), std=(0.5,), **own).apply(pixels, 300, 200)
    colour, _ = Frame().apply(pixels, 300, 200)
    theirs = transforms.Grayscale()(Image.fromarray(colour)) if weights is None else np.rint(colour @ np.array(weights))
    assert np.array_equal(x, np.stack([np.asarray(theirs)] * 3, -1))


@pytest.mark.parametrize(("fields", "expected"), [
    ({}, lambda x: (x / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]),
    ({"value_range": (-1024, 1024), "channels": 1, "mean": (0,), "std": (1,)},
     lambda x: 2048 * x[..., :1] / 255 - 1024),
    ({"value_range": (0, 255), "order": "BGR", "mean": (103.939, 116.779, 123.68), "std": (1, 1, 1)},
     lambda x: x[..., ::-1] - [103.939, 116.779, 123.68]),
    ({"value_range": (-1, 1), "mean": (0, 0, 0), "std": (1, 1, 1)}, lambda x: x / 127.5 - 1),
    ({"channels": 1, "mean": (0.3,), "std": (0.2,)}, lambda x: (x[..., :1] / 255 - 0.3) / 0.2),
])  # fmt: skip
def test_the_network_gets_the_numbers_that_the_frame_says(fields: dict, expected: Callable) -> None:
    frame = Frame(**fields)
    x, _ = frame.apply(scene(300, 200), 300, 200)
    normal = frame.normalisation
    given = normalised(torch.from_numpy(x[None]), normal.mean, normal.std, normal.channels)[0]
    np.testing.assert_allclose(given.permute(1, 2, 0).numpy(), expected(x.astype(float)), rtol=2e-5, atol=2e-3)


@pytest.mark.parametrize("size", [(900, 640), (640, 900), (501, 333)])
def test_a_whole_field_is_resized_by_pillow_from_its_box(size: tuple[int, int]) -> None:
    """The same pixels as before frames could pad."""
    pixels = marked(*size, (size[0] / 2, size[1] / 2), round_field=True)
    picture = Image.fromarray(pixels)
    box = find_field(picture)
    assert box is not None
    columns, rows = box[2] - box[0], box[3] - box[1]
    wide, high = (224, int(224 * rows / columns)) if columns <= rows else (int(224 * columns / rows), 224)
    small = picture.resize((wide, high), Image.Resampling.BILINEAR, box=box)
    x, _ = Frame(field_of_view=True, resize=224).apply(pixels, *size)
    assert np.array_equal(x, np.asarray(transforms.CenterCrop(224)(small)))


@given(
    st.integers(1, 700), st.integers(1, 700), st.integers(1, 80), st.integers(0, 40), st.booleans(),
    st.sampled_from([1, 2, 4]),
)  # fmt: skip
def test_the_region_lies_inside_and_the_way_back_is_exact(
    width: int, height: int, crop: int, more: int, round_field: bool, shrunk: int
) -> None:
    frame = Frame(field_of_view=round_field, resize=crop + more, crop=crop)
    pixels = marked(-(-width // shrunk), -(-height // shrunk), (width / 2, height / 2), round_field)
    x, geometry = frame.apply(pixels, width, height)
    assert x.shape == (crop, crop, 3)
    left, top, right, bottom = geometry.region
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height
    for point in ((0.0, 0.0), (crop / 3, crop / 7), (float(crop), float(crop))):
        assert geometry.to_model(*geometry.to_original(*point)) == pytest.approx(point, abs=1e-9 * (width + height))
    assert geometry.box_to_original((0, 0, crop, crop)) == pytest.approx(geometry.region)


@given(
    st.integers(1, 700), st.integers(1, 700), st.tuples(st.integers(1, 90), st.integers(1, 90)),
    st.sampled_from(["crop", "squash", "letterbox"]), st.sampled_from([1, 2, 3]),
)  # fmt: skip
def test_every_fit_leads_there_and_back(width: int, height: int, size: tuple[int, int], fit: str, shrunk: int) -> None:
    """The picture's own pixels lie in x where the geometry says; all else is padding."""
    frame = Frame(fit=fit, size=size, resize=50, fill=(1, 2, 3))
    pixels = np.full((-(-height // shrunk), -(-width // shrunk), 3), 200, np.uint8)
    x, geometry = frame.apply(pixels, width, height)
    assert x.shape == (*size, 3)
    for point in ((0.0, 0.0), (size[1] / 3, size[0] / 7), (float(size[1]), float(size[0]))):
        assert geometry.to_model(*geometry.to_original(*point)) == pytest.approx(point, abs=1e-8 * (width + height))
    shown = (x == 200).all(-1)
    assert np.array_equal(shown, visible(geometry)) or abs(int(shown.sum()) - int(visible(geometry).sum())) <= sum(size)
    assert shown.any() == visible(geometry).any()
    box = geometry.box_to_original((0, 0, size[1], size[0]))
    assert box == pytest.approx(geometry.seen)
    assert 0 <= box[0] < box[2] <= width
    assert 0 <= box[1] < box[3] <= height


@pytest.mark.parametrize("size", [(1, 20_000), (20_000, 1), (3, 9000)])
def test_a_very_long_picture_stays_small(size: tuple[int, int]) -> None:
    x, geometry = Frame().apply(np.full((size[1], size[0], 3), 77, np.uint8), *size)
    assert x.min() == x.max() == 77
    across, down = (geometry.region[i] + geometry.region[i + 2] for i in (0, 1))
    assert abs(across - size[0]) <= 1  # centred
    assert abs(down - size[1]) <= 1


def test_the_digest_changes_with_the_pixels_alone() -> None:
    assert Frame().digest == Frame(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)).digest
    others = [
        Frame(resize=257), Frame(crop=200), Frame(field_of_view=True), Frame(interpolation="bicubic"),
        Frame(size=(224, 225)), Frame(fit="squash"), Frame(fit="letterbox"), Frame(fill=(1, 0, 0)),
        Frame(antialias=False), Frame(channels=1, mean=(0.5,), std=(0.5,)), Frame(grey=(0.3, 0.6, 0.1)),
    ]  # fmt: skip
    assert len({frame.digest for frame in [Frame(), *others]}) == len(others) + 1
    same = Frame(value_range=(0, 255), mean=(0, 0, 0), std=(1, 1, 1), order="BGR")
    assert same.digest == Frame().digest
    assert len(Frame().digest) == 16


@pytest.mark.parametrize("wrong", [
    {"crop": 300}, {"resize": 0}, {"crop": 0}, {"mean": (0, 0, 2)}, {"std": (0, 1, 1)}, {"interpolation": "sinc"},
    {"size": 3}, {"resize": 5000}, {"size": (0, 5)}, {"fit": "stretch"}, {"fill": (0, 0, 256)}, {"channels": 2},
    {"channels": 1}, {"channels": 1, "mean": (0.5,)}, {"mean": (0.5, 0.5)}, {"std": (2, 1, 1)}, {"order": "GRB"},
    {"value_range": (0, 255)}, {"value_range": (1, 1), "mean": (1,) * 3, "std": (1,) * 3},
    {"value_range": (-1, 1), "mean": (2, 0, 0), "std": (1, 1, 1)}, {"grey": (1, 1, 1)},
    {"antialias": False, "interpolation": "lanczos"}, {"antialias": False, "interpolation": "area"},
    {"mean": (float("nan"), 0, 0)}, {"value_range": (0, float("inf")), "mean": (1,) * 3, "std": (1,) * 3},
])  # fmt: skip
def test_a_frame_that_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Frame.model_validate(wrong)


def test_the_examples_of_the_documentation_are_frames() -> None:
    text = (ROOT / "docs" / "operations.md").read_text().partition("### How images become")[2]
    names = {name for name, *_ in re.findall(r"^\| `(\w+)`(, `(\w+)`)?", text, re.MULTILINE)} | {"std"}
    assert names - {"key"} == set(Frame.model_fields)
    examples = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    frames = [Frame.model_validate(one["frame"]) for text in examples for one in tomllib.loads(text)["models"].values()]
    assert [frame.shape for frame in frames] == [(224, 224), (320, 640), (640, 640)]
    assert frames[2].normalisation.std == pytest.approx((1, 1, 1))


def test_frames_know_which_interpolations_exist_without_antialiasing() -> None:
    assert set(WITHOUT_ANTIALIAS) == set(KERNELS)
    assert set(get_args(Interpolation)) == set(RESAMPLING)
