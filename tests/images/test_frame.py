"""What the model sees, and the way back: a marker at a known pixel returns to it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydantic import ValidationError
from torchvision import transforms

from service.images import decode as decoding
from service.images.decode import decode
from service.images.frame import Frame, Geometry
from tests.images.making import encoded, scene
from tests.images.test_decode import stored

SIZES = [(701, 701), (640, 480), (480, 640), (1200, 400), (333, 777), (224, 224), (97, 60)]
FRAMES = [Frame(), Frame(resize=224), Frame(resize=300, crop=120), Frame(field_of_view=True, resize=224)]


def marked(width: int, height: int, at: tuple[float, float], round_field: bool) -> np.ndarray:
    """A dim picture with one bright spot, whose radius is a hundredth of the shorter side."""
    down, across = np.mgrid[:height, :width] + 0.5
    pixels = np.full((height, width, 3), (90, 60, 40), np.uint8)
    if round_field:
        radius = 0.46 * min(width, height)
        pixels[np.hypot(across - width / 2, down - height / 2) > radius] = 2
    spot = np.hypot(across - at[0], down - at[1]) <= max(1.5, min(width, height) / 100)
    pixels[spot] = 255
    return pixels


def found(x: np.ndarray, geometry: Geometry, cells: int) -> tuple[tuple[float, float], tuple[float, float]]:
    """Centre, in pixels of the original, of the brightest of cells × cells; and half a cell's size there."""
    step = x.shape[0] // cells
    level = x[: step * cells, : step * cells].astype(float).sum(axis=2)
    mean = level.reshape(cells, step, cells, step).mean((1, 3))
    row, column = divmod(int(mean.argmax()), cells)
    left, top, right, bottom = geometry.box_to_original(
        (column * step, row * step, (column + 1) * step, (row + 1) * step)
    )
    return ((left + right) / 2, (top + bottom) / 2), ((right - left) / 2, (bottom - top) / 2)


def marker_returns(size: tuple[int, int], orientation: int, frame: Frame, cells: int, at_least: int | None) -> None:
    width, height = size
    rng = np.random.default_rng(width + 7 * orientation + cells)
    angle, reach = (
        rng.uniform(0, 2 * np.pi),
        rng.uniform(0, 0.3 if frame.field_of_view else 0.42) * min(size) * frame.crop / frame.resize,
    )
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
    marker_returns(size, 6, frame, cells, at_least=2 * frame.crop)


@pytest.mark.parametrize("fault", ["orientation", "crop", "scale"])
def test_the_marker_law_can_fail(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if fault == "orientation":
        monkeypatch.setitem(decoding.UPRIGHT, 6, Image.Transpose.ROTATE_90)
    elif fault == "crop":
        monkeypatch.setattr(
            Geometry, "to_original", lambda self, x, y: (x * self.width / self.size, y * self.height / 224)
        )
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


@pytest.mark.parametrize("size", [(1, 20_000), (20_000, 1), (3, 9000)])
def test_a_very_long_picture_stays_small(size: tuple[int, int]) -> None:
    x, geometry = Frame().apply(np.full((size[1], size[0], 3), 77, np.uint8), *size)
    assert x.min() == x.max() == 77
    across, down = (geometry.region[i] + geometry.region[i + 2] for i in (0, 1))
    assert abs(across - size[0]) <= 1  # centred
    assert abs(down - size[1]) <= 1


def test_the_digest_changes_with_the_pixels_alone() -> None:
    assert Frame().digest == Frame(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)).digest
    others = [Frame(resize=257), Frame(crop=200), Frame(field_of_view=True), Frame(interpolation="bicubic")]
    assert len({frame.digest for frame in [Frame(), *others]}) == 5
    assert len(Frame().digest) == 16


@pytest.mark.parametrize("wrong", [
    {"crop": 300}, {"resize": 0}, {"crop": 0}, {"mean": (0, 0, 2)}, {"std": (0, 1, 1)}, {"interpolation": "lanczos"},
    {"size": 3}, {"resize": 5000},
])  # fmt: skip
def test_a_frame_that_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Frame.model_validate(wrong)
