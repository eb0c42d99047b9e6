"""Sixteen bits and floats: scaled by the range they use, never clipped, and exact to the rounding."""

from __future__ import annotations

import numpy as np
import pytest

from service.errors import DamagedImage
from service.images.decode import decode
from tests.images.making import chunk, png, scene, tiff

RNG = np.random.default_rng(0)


def numbers(most: int, shape: tuple[int, ...] = (40, 50)) -> np.ndarray:
    values = RNG.integers(0, most + 1, shape, dtype=np.uint16)
    values[0, 0] = most
    values[0, 1] = 0
    return values


@pytest.mark.parametrize(("most", "white"), [
    (65535, 65535), (40000, 65535), (16383, 16383), (16384, 65535), (4095, 4095), (3000, 4095), (1023, 1023),
    (200, 255),
])  # fmt: skip
def test_white_is_the_usual_depth_that_holds_the_numbers(most: int, white: int) -> None:
    values = numbers(most)
    expected = np.rint(values / white * 255)
    for data in (
        png(values, 0),
        tiff(values),
        tiff(values, ">"),
        tiff(values, deflate=True),
        tiff(values, ">", deflate=True),
    ):
        upright = decode(data)
        assert np.array_equal(upright.pixels, np.stack([expected] * 3, axis=-1))
        assert upright.notes == (f"Numbers from 0 to {most} scaled to 8 bits: 0 is black, {white} is white.",)


@pytest.mark.parametrize("most", [65535, 4095])
def test_sixteen_bit_colour_keeps_both_bytes(most: int) -> None:
    values = numbers(most, (40, 50, 3))
    expected = np.rint(values / most * 255)
    files = [png(values, 2)]
    files += [tiff(values, order, photometric=2, deflate=deflate) for order in "<>" for deflate in (False, True)]
    for data in files:
        assert np.array_equal(decode(data).pixels, expected)


def test_sixteen_bit_alpha_lies_over_black() -> None:
    values = numbers(65535, (40, 50, 4))
    upright = decode(png(values, 6))
    expected = values[..., :3] / 65535 * 255 * (values[..., 3:] / 65535)
    assert np.abs(upright.pixels - expected).max() <= 2
    assert "Transparent parts are laid over black." in upright.notes


def test_a_transparent_grey_of_sixteen_bits() -> None:
    values = numbers(65535)
    upright = decode(png(values, 0, chunk(b"tRNS", int(values[5, 5]).to_bytes(2, "big"))))
    assert upright.pixels[5, 5].max() == 0
    assert np.array_equal(upright.pixels[values != values[5, 5]][:, 0], np.rint(values / 257)[values != values[5, 5]])


def test_a_twelve_bit_picture_does_not_come_out_black() -> None:
    deep = scene()[..., 1].astype(np.uint16) * 16
    assert np.abs(decode(png(deep, 0)).pixels[..., 0].astype(int) - scene()[..., 1]).max() <= 1


def test_signed_and_long_integers_use_their_own_range() -> None:
    signed = numbers(2000).astype(np.int16) - 1000
    expected = np.rint((signed + 1000) / 2000 * 255)
    assert np.array_equal(decode(tiff(signed, sample_format=2)).pixels[..., 0], expected)
    long = numbers(65535).astype(np.uint32) * 1000
    assert np.array_equal(decode(tiff(long)).pixels[..., 0], np.rint(long / long.max() * 255))


@pytest.mark.parametrize(
    ("scale", "shift", "white"), [(1, 0, 1), (0.5, 0, 1), (255, 0, 255), (4000, 0, 4095), (2, -1, 0)]
)
def test_floats(scale: float, shift: float, white: float) -> None:
    values = (RNG.random((40, 50)) * scale + shift).astype(np.float32)
    values[0, :2] = shift, scale + shift
    expected = np.rint((values.astype(float) - shift) / scale * 255) if shift else np.rint(values / white * 255)
    assert np.abs(decode(tiff(values, sample_format=3)).pixels[..., 0] - expected).max() <= 1


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_damage(bad: float) -> None:
    values = RNG.random((8, 8)).astype(np.float32)
    values[3, 3] = bad
    with pytest.raises(DamagedImage, match="not finite"):
        decode(tiff(values, sample_format=3))


def test_one_number_everywhere() -> None:
    assert decode(tiff(np.full((4, 4), -5, np.int16), sample_format=2)).pixels.max() == 0
    assert decode(png(np.zeros((4, 4), np.uint16), 0)).pixels.max() == 0


def test_separate_planes() -> None:
    planes = numbers(65535, (3, 40, 50))
    expected = np.rint(np.moveaxis(planes, 0, 2) / 65535 * 255)
    assert np.array_equal(decode(tiff(planes, photometric=2, planar=2)).pixels, expected)
    assert np.array_equal(
        decode(tiff(planes.astype(np.uint8), photometric=2, planar=2)).pixels[..., 1], planes[1] % 256
    )
