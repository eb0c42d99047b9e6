"""TIFF: the right page, and numbers as SampleFormat says, against numpy alone."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from service.errors import DamagedImage, TooLarge, UnsupportedImage
from service.images.decode import Limits, decode
from tests.images.making import encoded, scene, tiff

RNG = np.random.default_rng(4)
SHAPE = (40, 50)
REDUCED, MASK = {254: ("I", [1])}, {254: ("I", [4])}
OLD_REDUCED = {255: ("H", [2])}
FORMS = {"u": 1, "i": 2, "f": 3}


def numbers(kind: str, channels: int) -> np.ndarray:
    """Numbers that use the whole range of an integer type, or 0 to 3 of a float."""
    shape = SHAPE if channels == 1 else (*SHAPE, channels)
    if kind[0] == "f":
        return (RNG.random(shape) * 3).astype(kind)
    info = np.iinfo(kind)
    values = RNG.integers(info.min, info.max, shape, dtype=kind, endpoint=True)
    values.flat[:2] = info.min, info.max
    return values


def expected(values: np.ndarray) -> np.ndarray:
    """8-bit levels: unsigned by their full range, floats by 255, signed by their own range."""
    kind = values.dtype.kind
    black = float(values.min()) if kind == "i" or values.dtype == np.uint64 else 0.0
    white = 255.0 if kind == "f" else float(values.max())
    scaled = (values.astype(float) - black) / (white - black) * 255
    return scaled[..., None].repeat(3, 2) if values.ndim == 2 else scaled


@pytest.mark.parametrize("deflate", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kind", ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8"])
def test_numbers_are_read_as_sampleformat_says(kind: str, channels: int, order: str, deflate: bool) -> None:
    values = numbers(kind, channels)
    photometric = 1 if channels == 1 else 2
    data = tiff(values, order, photometric, FORMS[kind[0]], deflate=deflate)
    upright = decode(data)
    assert np.abs(upright.pixels - expected(values)).max() <= 0.51
    assert len(upright.notes) == (kind != "u1")  # the scaling is always noted


@pytest.mark.parametrize("kind", ["u1", "i1", "u2", "i2", "u4", "f4"])
def test_white_is_zero_inverts_every_type(kind: str) -> None:
    values = numbers(kind, 1)
    upright = decode(tiff(values, photometric=0, sample_format=FORMS[kind[0]]))
    assert np.abs(upright.pixels - (255 - expected(values))).max() <= 1.01


def test_bright_stays_bright_in_unsigned_32_bits() -> None:
    """Pillow reads these as signed numbers, so that the upper half comes out darkest."""
    grey = scene(*SHAPE[::-1])[..., 0]
    found = decode(tiff(grey.astype(np.uint32) * 0x01010101)).pixels[..., 0]
    assert np.abs(found.astype(int) - grey).max() <= 1


@pytest.mark.parametrize("predictor", [2, 3])
@pytest.mark.parametrize("order", ["<", ">"])
def test_predictors(predictor: int, order: str) -> None:
    values = numbers("f4" if predictor == 3 else "u4", 3)
    if predictor == 2:
        stored = values.copy()
        stored[:, 1:] -= values[:, :-1]
    else:
        planes = np.ascontiguousarray(values.astype(">f4")).view(np.uint8).reshape(SHAPE[0], -1, 4).swapaxes(1, 2)
        row = planes.reshape(SHAPE[0], -1, 3)
        stored = np.diff(row, axis=1, prepend=np.zeros_like(row[:, :1])).reshape(SHAPE[0], -1).view(values.dtype.str)
        stored = stored.reshape(values.shape).astype(values.dtype.newbyteorder(order)).view(f"{order}f4")
        order = "<"
    fields = {317: ("H", [predictor])}
    data = tiff(stored, order, 2, 3 if predictor == 3 else 1, deflate=True, fields=fields)
    assert np.abs(decode(data).pixels - expected(values)).max() <= 0.51


@pytest.mark.parametrize(("extra", "factor"), [(2, True), (1, False), (0, False)])
@pytest.mark.parametrize("kind", ["u1", "u2", "u4", "f4"])
def test_a_fourth_channel_is_opacity_where_it_says_so(kind: str, extra: int, factor: bool) -> None:
    """2: colours are multiplied by it here; 1: they are already; 0: it means something else."""
    colour = numbers(kind, 3)
    full = 1.0 if kind[0] == "f" else float(np.iinfo(kind).max)
    alpha = (RNG.random((*SHAPE, 1)) * full).astype(kind)
    samples = np.concatenate([colour, alpha], axis=2)
    upright = decode(tiff(samples, photometric=2, sample_format=FORMS[kind[0]], fields={338: ("H", [extra])}))
    wanted = expected(colour) * (alpha / full if factor else 1)
    assert np.abs(upright.pixels - wanted).max() <= 1.5
    assert ("Transparent parts are laid over black." in upright.notes) == (extra != 0)


@pytest.mark.parametrize("mark", [REDUCED, OLD_REDUCED, MASK, {262: ("H", [4])}])
@pytest.mark.parametrize("order", ["<", ">"])
def test_the_first_page_that_is_no_copy_or_mask_is_used(mark: dict, order: str) -> None:
    thumbnail, picture, other = scene(20, 16, seed=1)[..., 0], scene(), scene(64, 48, seed=2)
    rest = tiff(picture, order, photometric=2, after=tiff(other, order, photometric=2))
    upright = decode(tiff(thumbnail, order, fields=mark, after=rest))
    assert np.array_equal(upright.pixels, picture)
    assert (upright.width, upright.height) == (64, 48)
    (note,) = upright.notes
    assert "more than one picture: 3 pages; page 2 is used, the first not marked as a reduced-resolution copy" in note


def test_a_pyramid_gives_its_first_page() -> None:
    upright = decode(tiff(scene(), photometric=2, after=tiff(scene(32, 24), photometric=2, fields=REDUCED)))
    assert np.array_equal(upright.pixels, scene())
    assert upright.notes == ("This TIFF holds more than one picture: 2 pages; the first is used.",)


def test_where_all_pages_are_copies_the_largest_is_used() -> None:
    rest = tiff(scene(), photometric=2, fields=REDUCED)
    upright = decode(tiff(scene(20, 16), photometric=2, fields=REDUCED, after=rest))
    assert np.array_equal(upright.pixels, scene())
    assert "the largest, page 2, is used" in upright.notes[0]


def test_the_picture_may_lie_within_a_copy() -> None:
    """As raw converters write it: the directory of the full picture is a SubIFD of the thumbnail's."""
    inner = tiff(scene(), photometric=2)
    (place,) = struct.unpack_from("<I", inner, 4)
    outer = tiff(scene(20, 16), photometric=2, fields=REDUCED | {330: ("I", [place])}, after=inner)
    (first,) = struct.unpack_from("<I", outer, 4)
    count = struct.unpack_from("<H", outer, first)[0]
    alone = bytearray(outer)
    struct.pack_into("<I", alone, first + 2 + 12 * count, 0)  # no chain: the picture is only within
    upright = decode(bytes(alone))
    assert np.array_equal(upright.pixels, scene())
    assert "the full picture within one is used" in upright.notes[0]


def test_a_chain_in_a_circle_ends() -> None:
    data = bytearray(tiff(scene(), photometric=2))
    (first,) = struct.unpack_from("<I", data, 4)
    count = struct.unpack_from("<H", data, first)[0]
    struct.pack_into("<I", data, first + 2 + 12 * count, first)
    assert np.array_equal(decode(bytes(data)).pixels, scene())


@pytest.mark.parametrize(("compression", "name"), [
    (34712, "JPEG 2000"), (33005, "JPEG 2000"), (34934, "JPEG XR"), (34887, "LERC"), (50001, "WebP"),
    (50002, "JPEG XL"), (34661, "JBIG"), (12345, "kind 12345"),
])  # fmt: skip
def test_a_compression_that_is_not_read_is_named(compression: int, name: str) -> None:
    with pytest.raises(UnsupportedImage, match=f"compressed as {name}, which is not read here"):
        decode(tiff(scene(), photometric=2, fields={259: ("H", [compression])}))


@pytest.mark.parametrize(("photometric", "name"), [(8, "LAB"), (32803, "raw photograph"), (34892, "raw photograph")])
def test_colours_that_are_not_read_are_named(photometric: int, name: str) -> None:
    with pytest.raises(UnsupportedImage, match=name):
        decode(tiff(scene(), photometric=photometric))


@pytest.mark.parametrize(("values", "sample_format", "words"), [
    (np.zeros((4, 4), np.complex64), 6, "1 channel of 64-bit complex float samples"),
    (np.zeros((4, 4), np.uint32), 5, "1 channel of 32-bit complex integer samples"),
    (np.zeros((4, 4, 2), np.int16), 2, "2 channels|signed opacity"),
])  # fmt: skip
def test_a_layout_that_is_not_read_is_named(values: np.ndarray, sample_format: int, words: str) -> None:
    fields = {338: ("H", [2])} if values.ndim == 3 else {}
    with pytest.raises(UnsupportedImage, match=words):
        decode(tiff(values, sample_format=sample_format, fields=fields))


def test_a_bomb_of_numbers_is_refused_from_its_header() -> None:
    data = tiff(np.zeros((4, 4), np.float64), sample_format=3, fields={256: ("I", [60_000]), 257: ("I", [60_000])})
    with pytest.raises(TooLarge, match="60000 × 60000"):
        decode(data, Limits())


def test_strips_that_are_missing_are_not_filled_in() -> None:
    values = numbers("f8", 1)
    with pytest.raises(DamagedImage, match="cut short"):
        decode(tiff(values, sample_format=3)[: -8 * 300 - 220])
    with pytest.raises(DamagedImage, match="fewer strips"):
        decode(tiff(values, sample_format=3, fields={278: ("I", [10])}))


def test_primaries_of_its_own_are_noted() -> None:
    def rationals(*values: float) -> tuple[str, list[int]]:
        return "d", [part for value in values for part in (round(value * 10_000), 10_000)]

    wide = {319: rationals(0.7, 0.29, 0.17, 0.8, 0.13, 0.05)}
    srgb = {319: rationals(0.64, 0.33, 0.3, 0.6, 0.15, 0.06)}
    assert any("primaries" in note for note in decode(tiff(scene(), photometric=2, fields=wide)).notes)
    assert decode(tiff(scene(), photometric=2, fields=srgb)).notes == ()


def test_pillows_own_tiffs_still_read() -> None:
    for compression in ("raw", "tiff_lzw", "tiff_deflate", "packbits", "zstd", "lzma"):
        assert np.array_equal(decode(encoded(scene(), "TIFF", compression=compression)).pixels, scene())
