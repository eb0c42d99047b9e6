"""A mask lies where its picture lies: what it covers of the model's pixels is what a square of the original covers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from service.errors import BadParameter, DamagedImage, UnsupportedImage
from service.images.coverage import centres, coverage, inside, visible
from service.images.decode import decode
from service.images.frame import Frame, Geometry
from service.images.workers import DecodePool
from tests.images.making import encoded
from tests.images.test_decode import stored

FRAMES = [
    Frame(resize=64, crop=56), Frame(resize=40, crop=40), Frame(field_of_view=True, resize=64, crop=64),
    Frame(fit="squash", size=(42, 70)), Frame(fit="letterbox", size=(70, 56)), Frame(resize=50, size=(42, 63)),
]  # fmt: skip
GRID = 7


def covered_by(box: tuple[float, float, float, float], geometry: Geometry) -> np.ndarray:
    """The share of each pixel of x that a box of the original covers, by geometry alone."""
    left, top = geometry.to_model(*box[:2])
    right, bottom = geometry.to_model(*box[2:])
    sides = [
        np.maximum(np.minimum(np.arange(count) + 1, end) - np.maximum(np.arange(count), start), 0)
        for start, end, count in ((top, bottom, geometry.size[0]), (left, right, geometry.size[1]))
    ]
    return np.outer(*sides)


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("size", [(120, 80), (80, 120), (47, 47)])
async def test_a_mask_covers_the_bright_square_it_equals(size: tuple[int, int], frame: Frame) -> None:
    """As it is drawn over the upright picture, and as it is stored; fails without the crop, or the turn (tried)."""
    width, height = size
    box = width // 2 - 9, height // 2 + 2, width // 2 + 6, height // 2 + 13
    pixels = np.full((height, width, 3), 40, np.uint8)
    down, across = np.mgrid[:height, :width] + 0.5
    pixels[np.hypot(across - width / 2, down - height / 2) > 0.45 * min(size)] = 2 if frame.field_of_view else 40
    pixels[box[1] : box[3], box[0] : box[2]] = 255
    mask = np.zeros((height, width), np.uint8)
    mask[box[1] : box[3], box[0] : box[2]] = 255
    async with DecodePool(1) as pool:
        for orientation in range(1, 9):
            exif = Image.Exif()
            exif[0x0112] = orientation
            data = encoded(stored(pixels, orientation), "PNG", exif=exif)
            prepared = await pool.prepare(data, frame)
            grey = stored(np.repeat(mask[..., None], 3, 2), orientation)
            for file in (encoded(mask, "PNG"), encoded(grey, "PNG", exif=exif)):
                found = await pool.cover(file, prepared.geometry)
                expected = covered_by(box, prepared.geometry)
                assert np.abs(found - expected).max() < 0.005
            bright = (prepared.x[..., 0].astype(float) - 40).clip(0) / 215
            down, across = (side // GRID for side in frame.shape)
            cells = [
                a[: GRID * down, : GRID * across].reshape(GRID, down, GRID, across).mean((1, 3))
                for a in (bright, found)
            ]
            assert np.abs(cells[0] - cells[1]).max() < 0.15  # bilinear pixels reach a little further


@given(
    width=st.integers(1, 40), height=st.integers(1, 40), size=st.integers(1, 50), seed=st.integers(0, 99),
    ends=st.tuples(*[st.floats(0, 1)] * 4),
)  # fmt: skip
def test_shares_are_means(
    width: int, height: int, size: int, seed: int, ends: tuple[float, float, float, float]
) -> None:
    """Whatever is cut: shares lie within 0 and 1, those of a mask and of the rest add to 1, and their mean is exact."""
    left, right = sorted((ends[0] * width, ends[1] * width))
    top, bottom = sorted((ends[2] * height, ends[3] * height))
    if right - left < 0.01 or bottom - top < 0.01:
        return
    mask = np.random.default_rng(seed).random((height, width)) > 0.5
    if not mask.any() or mask.all():
        return
    geometry = Geometry(width, height, (left, top, right, bottom), (size, size + 3))
    found, rest = coverage(mask, geometry), coverage(~mask, geometry)
    assert found.min() >= 0
    assert found.max() <= 1
    np.testing.assert_allclose(found + rest, 1, atol=1e-4)
    whole = coverage(mask, Geometry(width, height, (left, top, right, bottom), (1, 1)))
    np.testing.assert_allclose(found.mean(), whole, atol=1e-4)


@given(
    width=st.integers(1, 30), height=st.integers(1, 30), size=st.tuples(st.integers(1, 20), st.integers(1, 20)),
    more=st.tuples(*[st.floats(0, 25)] * 4), seed=st.integers(0, 99),
)  # fmt: skip
def test_padding_is_covered_by_no_mask(
    width: int, height: int, size: tuple[int, int], more: tuple[float, float, float, float], seed: int
) -> None:
    """The area that a mask covers stays the same, whatever is around it; and no centre beyond the edge is visible."""
    mask = np.random.default_rng(seed).random((height, width)) > 0.5
    if not mask.any():
        return
    region = (-more[0], -more[1], width + more[2], height + more[3])
    geometry = Geometry(width, height, region, size)
    area = (region[2] - region[0]) * (region[3] - region[1])
    assert float(coverage(mask, geometry).mean()) * area == pytest.approx(mask.sum(), rel=1e-3)
    shown = visible(geometry)
    assert shown.shape == size
    rows, columns = centres(geometry)
    assert shown.any(1).tolist() == [0 <= row < height and shown.any() for row in rows]
    assert shown.any(0).tolist() == [0 <= column < width and shown.any() for column in columns]


@pytest.mark.parametrize(
    ("picture", "expected"),
    [
        (Image.fromarray(np.array([[0, 127, 128, 255]], np.uint8)), [0, 0, 1, 1]),
        (Image.fromarray(np.array([[False, True, True, False]])), [0, 1, 1, 0]),
        (Image.fromarray(np.array([[[0, 0, 0], [0, 128, 0], [200, 0, 0], [90, 90, 90]]], np.uint8)), [0, 1, 1, 0]),
        (Image.fromarray(np.array([[0, 65535, 32000, 33000]], np.uint16)), [0, 1, 0, 1]),
    ],
    ids=["grey", "one bit", "colour", "sixteen bits"],
)
def test_what_is_above_half_of_its_range_is_inside(picture: Image.Image, expected: list[int]) -> None:
    assert inside(decode(encoded(picture, "PNG")).pixels)[0].tolist() == [bool(one) for one in expected]


async def test_what_is_no_mask_is_refused_and_says_why() -> None:
    geometry = Geometry(60, 40, (10, 0, 50, 40), (16, 16))
    white = np.full((40, 60), 255, np.uint8)
    async with DecodePool(1) as pool:
        for data, kind, words in (
            (encoded(white.T, "PNG"), BadParameter, "it is 40 × 60 pixels and its image 60 × 40"),
            (encoded(white // 255, "PNG"), BadParameter, "marks nothing: no pixel is above half"),
            (encoded(white, "PNG")[:-30], DamagedImage, "cut short"),
            (b"no picture", UnsupportedImage, "not an image"),
        ):
            with pytest.raises(kind, match=words):
                await pool.cover(data, geometry)
        assert (await pool.cover(encoded(white, "PNG"), geometry)).min() == 1
