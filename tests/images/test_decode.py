"""Strangers' bytes: every input gives the right pixels or one of our errors."""

from __future__ import annotations

import re
import struct
import zlib
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from service.errors import DamagedImage, FoveaError, RequestError, TooLarge, UnsupportedImage
from service.images.decode import FORMATS, Limits, decode
from service.images.formats.pillow import PILLOW_ERRORS
from tests.images.making import FILES, RETINA, chunk, corpus, encoded, png, scene, tiff

LOSSLESS = {"PNG": {}, "TIFF": {}, "BMP": {}, "WEBP": {"lossless": True}, "JPEG2000": {}}
NAMES = {"JPEG2000": "JPEG 2000"}
CODED = {
    "png": ("PNG", {}),
    "palette": ("PNG", {}),
    "jpeg": ("JPEG", {}),
    "progressive": ("JPEG", {"progressive": True}),
    "tiff": ("TIFF", {}),
    "tiff-deflate": ("TIFF", {"compression": "tiff_deflate"}),
    "tiff-lzw": ("TIFF", {"compression": "tiff_lzw"}),
    "tiff-jpeg": ("TIFF", {"compression": "jpeg"}),
    "bmp": ("BMP", {}),
    "gif": ("GIF", {}),
    "webp": ("WEBP", {}),
    "webp-lossless": ("WEBP", {"lossless": True}),
    "avif": ("AVIF", {}),
    "jp2": ("JPEG2000", {}),
    "j2k": ("JPEG2000", {"no_jp2": True, "irreversible": True, "quality_layers": [5]}),
    "rgb.heic": ("", {}),
    "alpha.heic": ("", {}),
    "rgb.jxl": ("", {}),
    "lossy.jxl": ("", {}),
    "container.jxl": ("", {}),
}
"""Coding -> Pillow's name and options, or, without a name, a file of `FILES`."""


def file_of(coding: str) -> bytes:
    kind, options = CODED[coding]
    if not kind:
        return (FILES / coding).read_bytes()
    pixels = scene()
    return encoded(Image.fromarray(pixels).quantize(64) if coding == "palette" else pixels, kind, **options)


@pytest.mark.parametrize("kind", LOSSLESS)
def test_lossless_formats_give_their_pixels(kind: str) -> None:
    upright = decode(encoded(scene(), kind, **LOSSLESS[kind]))
    assert np.array_equal(upright.pixels, scene())
    assert (upright.width, upright.height, upright.format, upright.notes) == (64, 48, NAMES.get(kind, kind), ())


def test_a_real_photograph() -> None:
    upright = decode(RETINA.read_bytes())
    assert (upright.width, upright.height, upright.format, upright.notes) == (1411, 1411, "JPEG", ())
    with Image.open(RETINA) as picture:
        assert np.array_equal(upright.pixels, np.asarray(picture))


def test_the_content_tells_the_format() -> None:
    assert set(FORMATS) == {"JPEG", "PNG", "TIFF", "BMP", "WEBP", "GIF", "AVIF", "HEIF", "JPEG 2000", "JPEG XL"}
    for kind in ("JPEG", "PNG", "TIFF", "BMP", "WEBP", "GIF", "AVIF"):
        assert decode(encoded(scene(), kind)).format == kind
    for coding, name in (("jp2", "JPEG 2000"), ("j2k", "JPEG 2000"), ("rgb.heic", "HEIF"), ("rgb.jxl", "JPEG XL")):
        assert decode(file_of(coding)).format == name


@pytest.mark.parametrize(("coding", "most"), [
    ("avif", 6), ("j2k", 3), ("rgb.heic", 4), ("rgb.jxl", 0), ("lossy.jxl", 6), ("container.jxl", 0),
])  # fmt: skip
def test_every_format_shows_the_same_picture(coding: str, most: float) -> None:
    """most: mean difference in 8-bit levels that the coding may lose."""
    assert np.abs(decode(file_of(coding)).pixels.astype(int) - scene()).mean() <= most


@pytest.mark.parametrize("data", [b"", b"GIF", b"hello", b"RIFF\0\0\0\0WAVEfmt ", b"%PDF-1.7", b"\0" * 1000])
def test_what_is_no_image_is_unsupported(data: bytes) -> None:
    with pytest.raises(UnsupportedImage, match="JPEG, PNG, TIFF, BMP, WebP, GIF, AVIF, HEIF"):
        decode(data)


def test_formats_pillow_knows_and_we_do_not_are_unsupported() -> None:
    for kind in ("PPM", "ICO", "TGA", "PCX"):
        with pytest.raises(UnsupportedImage):
            decode(encoded(scene(), kind))


# Orientation


def stored(upright: np.ndarray, orientation: int) -> np.ndarray:
    """The picture as a camera would store it, from the EXIF standard's words: where row 0 and column 0 are seen."""
    row_zero, column_zero = {
        1: ("top", "left"), 2: ("top", "right"), 3: ("bottom", "right"), 4: ("bottom", "left"),
        5: ("left", "top"), 6: ("right", "top"), 7: ("right", "bottom"), 8: ("left", "bottom"),
    }[orientation]  # fmt: skip
    if row_zero in ("left", "right"):
        upright = upright.swapaxes(0, 1)
    if row_zero in ("bottom", "right"):
        upright = upright[::-1]
    return np.ascontiguousarray(upright[:, ::-1] if column_zero in ("bottom", "right") else upright)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "TIFF deflate", "JPEG", "AVIF"])
def test_exif_orientation_is_applied(kind: str, orientation: int) -> None:
    pixels = scene(72, 40)
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {
        "WEBP": {"lossless": True, "exif": exif},
        "TIFF": {"tiffinfo": {274: orientation}},
        "TIFF deflate": {"tiffinfo": {274: orientation}, "compression": "tiff_deflate"},
        "JPEG": {"exif": exif, "quality": 97, "subsampling": 0},
        "AVIF": {"exif": exif, "quality": 97, "subsampling": "4:4:4"},
    }.get(kind, {"exif": exif})
    upright = decode(encoded(stored(pixels, orientation), kind.split(maxsplit=1)[0], **options))
    assert (upright.width, upright.height) == (72, 40)
    assert upright.pixels.shape == pixels.shape
    assert np.abs(upright.pixels.astype(int) - pixels).max() <= (12 if kind in ("JPEG", "AVIF") else 0)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(("kind", "most"), [("heic", 30), ("jxl", 0)])
def test_the_files_own_rotation_is_applied_once(kind: str, most: int, orientation: int) -> None:
    """HEIF's irot and imir and JPEG XL's header, each beside an EXIF orientation that says the same."""
    upright = decode((FILES / f"turned-{orientation}.{kind}").read_bytes())
    assert (upright.width, upright.height) == (64, 48)
    assert np.abs(upright.pixels.astype(int) - scene()).max() <= most


def test_exif_alone_turns_no_heif_or_avif() -> None:
    """Both standards: with no rotation in irot the picture is upright, whatever EXIF says."""
    exif = Image.Exif()
    exif[0x0112] = 6
    for turned, size in (
        (encoded(scene(), "AVIF", exif=exif), (48, 64)),
        ((FILES / "turned-6.heic").read_bytes(), (64, 48)),
    ):
        angle = turned.index(b"irot") + 4
        without = turned[:angle] + b"\0" + turned[angle + 1 :]
        assert (decode(turned).width, decode(turned).height) == size
        assert (decode(without).width, decode(without).height) == size[::-1]


def test_a_broken_orientation_is_noted_and_not_applied() -> None:
    exif = Image.Exif()
    exif[0x0112] = 9
    upright = decode(encoded(scene(), "PNG", exif=exif))
    assert np.array_equal(upright.pixels, scene())
    assert any("orientation" in note for note in upright.notes)
    upright = decode(png(scene(), 2, extra=chunk(b"eXIf", b"no EXIF at all")))
    assert np.array_equal(upright.pixels, scene())
    assert any("EXIF" in note for note in upright.notes)


# Several pictures in one file


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_the_first_of_several_pictures_is_used_and_said_so(kind: str) -> None:
    first, second = Image.fromarray(scene(seed=1)), Image.fromarray(scene(seed=2))
    options = {"lossless": True} if kind == "WEBP" else {}
    alone = decode(encoded(first, kind, **options))
    both = decode(encoded(first, kind, save_all=True, append_images=[second], **options))
    assert np.array_equal(alone.pixels, both.pixels)
    assert not any("first" in note for note in alone.notes)
    assert any("first" in note for note in both.notes)


# Limits


def test_limits_on_bytes_and_pixels() -> None:
    data = file_of("png")
    with pytest.raises(TooLarge, match="bytes"):
        decode(data, Limits(bytes=len(data) - 1))
    assert decode(data, Limits(bytes=len(data), pixels=64 * 48)).width == 64
    for coding in CODED:
        with pytest.raises(TooLarge, match=r"64 × (48|64) pixels"):  # HEVC codes whole blocks
            decode(file_of(coding), Limits(pixels=64 * 48 - 1))


@pytest.mark.parametrize(("width", "height"), [(60_000, 60_000), (2**31 - 1, 2**31 - 1), (64_000_001, 1)])
def test_a_bomb_is_refused_from_its_header(width: int, height: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def touched(*_: object) -> None:
        raise AssertionError("pixels were decoded")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", touched)
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    with pytest.raises(TooLarge):
        decode(b"\x89PNG\r\n\x1a\n" + body)


def webp_claims() -> dict[str, bytes]:
    def riff(kind: bytes, content: bytes) -> bytes:
        return (
            b"RIFF" + struct.pack("<I", 12 + len(content)) + b"WEBP" + kind + struct.pack("<I", len(content)) + content
        )

    side = (16_383 - 1).to_bytes(3, "little")
    return {
        "extended": riff(b"VP8X", bytes(4) + side + side + bytes(20)),
        "lossless": riff(b"VP8L", b"\x2f" + struct.pack("<I", 16_382 | 16_382 << 14) + bytes(20)),
        "lossy": riff(b"VP8 ", b"\x10\x02\0\x9d\x01\x2a" + struct.pack("<HH", 16_383, 16_383) + bytes(20)),
    }


@pytest.mark.parametrize("kind", ["extended", "lossless", "lossy"])
def test_a_large_webp_is_refused_before_its_canvas_is_allocated(kind: str) -> None:
    with pytest.raises(TooLarge, match="16383 × 16383"):
        decode(webp_claims()[kind])


def claiming(coding: str, width: int, height: int) -> bytes:
    """A file whose header says another size."""
    if coding == "rgb.jxl":
        bits = 0xAFF | 2 << 17 | height - 1 << 19 | 1 << 37 | 1 << 40  # as wide as high, all else default
        return bits.to_bytes(6, "little") + bytes(100)
    data = bytearray(file_of(coding))
    mark, skipped = (b"ispe", 8) if coding in ("avif", "rgb.heic") else (b"\xff\x51", 6)
    for found in re.finditer(re.escape(mark), data):
        place = found.start() + skipped
        data[place : place + 8] = struct.pack(">II", width, height)
    return bytes(data)


@pytest.mark.parametrize("coding", ["avif", "rgb.heic", "jp2", "j2k", "rgb.jxl"])
def test_a_bomb_of_the_new_formats_is_refused_from_its_header(coding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def touched(*_: object, **__: object) -> None:
        raise AssertionError("pixels were decoded")

    data = claiming(coding, 16_000, 16_000)
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", touched)
    monkeypatch.setattr("PIL.Image.frombytes", touched)
    with pytest.raises(TooLarge, match="16000 × 16000"):
        decode(data)


def test_header_lies_are_refused() -> None:
    honest = bytearray(file_of("bmp"))
    for side in (18, 22):
        lying = honest.copy()
        lying[side : side + 4] = struct.pack("<I", 5000)
        with pytest.raises(DamagedImage, match="cut short"):
            decode(bytes(lying))
        lying[side : side + 4] = struct.pack("<I", 0)
        with pytest.raises(DamagedImage):
            decode(bytes(lying))


def test_missing_strips_are_not_taken_for_black() -> None:
    whole = tiff(scene(), photometric=2)
    place = whole.index(struct.pack("<HHI", 278, 4, 1)) + 8  # rows per strip
    with pytest.raises(DamagedImage, match="strips"):
        decode(whole[:place] + struct.pack("<I", 24) + whole[place + 4 :])


# Smaller than asked for


@pytest.mark.parametrize(("kind", "at_least", "expected"), [
    ("JPEG", None, (640, 480)), ("JPEG", 480, (640, 480)), ("JPEG", 240, (320, 240)), ("JPEG", 100, (160, 120)),
    ("PNG", 240, (320, 240)), ("PNG", 100, (160, 120)), ("PNG", 481, (640, 480)),
    ("JPEG2000", 240, (320, 240)), ("JPEG2000", 100, (160, 120)), ("JPEG2000", 481, (640, 480)),
])  # fmt: skip
def test_shrinking_keeps_both_sides_and_the_original_size(
    kind: str, at_least: int | None, expected: tuple[int, int]
) -> None:
    pixels = scene(640, 480)
    upright = decode(encoded(pixels, kind), at_least=at_least)
    assert (upright.width, upright.height) == (640, 480)
    assert upright.pixels.shape == (expected[1], expected[0], 3)
    step = 640 // expected[0]
    mean = pixels.reshape(expected[1], step, expected[0], step, 3).mean((1, 3))
    assert np.abs(upright.pixels - mean).mean() < 3


def test_shrinking_turns_the_size_too() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    upright = decode(encoded(scene(640, 480), "JPEG", exif=exif), at_least=200)
    assert (upright.width, upright.height, upright.pixels.shape) == (480, 640, (320, 240, 3))


# Damage


@pytest.mark.parametrize("coding", CODED)
def test_a_truncated_file_is_refused_or_complete(coding: str) -> None:
    """Cut at every n-th byte and at each of the last: never other pixels than the whole file's."""
    data = file_of(coding)
    whole = decode(data).pixels
    refused = 0
    for length in {*range(0, len(data), max(1, len(data) // 120)), *range(len(data) - 24, len(data))}:
        try:
            assert np.array_equal(decode(data[:length]).pixels, whole)
        except RequestError:
            refused += 1
    assert refused > 100


@pytest.mark.parametrize("coding", CODED)
def test_a_flipped_bit_never_escapes(coding: str) -> None:
    data = file_of(coding)
    whole = decode(data).pixels
    rng = np.random.default_rng(7)
    for place in rng.integers(0, 8 * len(data), 80):
        flipped = bytearray(data)
        flipped[place // 8] ^= 1 << (place % 8)
        try:
            pixels = decode(bytes(flipped), Limits(pixels=4_000_000)).pixels
        except RequestError:
            continue
        assert pixels.dtype == np.uint8
        if coding in ("png", "palette"):  # every part has a checksum
            assert np.array_equal(pixels, whole)


@pytest.mark.parametrize("coding", CODED)
def test_random_bytes_behind_a_true_beginning(coding: str) -> None:
    rng = np.random.default_rng(11)
    data = file_of(coding)
    for kept in (4, 12, 30, 60, 200):
        noise = rng.integers(0, 256, 3000, dtype=np.uint8).tobytes()
        with suppress(RequestError):  # anything else fails the test
            decode(data[:kept] + noise, Limits(pixels=1_000_000))


def test_the_error_says_what_was_wrong() -> None:
    for data, words in (
        (file_of("png")[:-200], "cut short"),
        (file_of("jpeg")[:-200], "cut short"),
        (file_of("webp")[:40], "damaged"),
        (
            tiff(np.zeros((4, 4), np.complex64), sample_format=6),
            "64-bit complex float samples, which are not read here",
        ),
    ):
        with pytest.raises(RequestError, match=words):
            decode(data)


def test_every_declared_pillow_error_is_translated(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in PILLOW_ERRORS:

        def broken(_: object, kind: type[Exception] = kind) -> None:
            raise kind("planted")

        monkeypatch.setitem(FORMATS, "PNG", replace(FORMATS["PNG"], read=broken))
        with pytest.raises(DamagedImage, match="its content is damaged") as caught:
            decode(file_of("png"))
        assert "planted" not in str(caught.value)  # a decoder's own words are no use to a reader


def test_running_out_of_memory_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    def starved(_: object) -> None:
        raise MemoryError

    monkeypatch.setitem(FORMATS, "PNG", replace(FORMATS["PNG"], read=starved))
    with pytest.raises(TooLarge, match="memory"):
        decode(file_of("png"))


def test_a_decoders_warning_becomes_a_note() -> None:
    """The tests turn warnings into errors, so one that got away would fail here."""
    truncated_exif = b"II*\0\x08\0\0\0\x01\0\x0e\x01\x02\0\xff\xff\0\0\xff\xff\0\0"
    upright = decode(png(scene(), 2, extra=chunk(b"eXIf", truncated_exif)))
    assert np.array_equal(upright.pixels, scene())
    assert any("EXIF, is damaged" in note for note in upright.notes)


def test_the_fuzz_corpus_gives_pixels_or_our_errors() -> None:
    outcomes: dict[str, int] = {}
    for data in corpus().values():
        try:
            upright = decode(data)
            assert upright.pixels.shape == (upright.height, upright.width, 3)
            outcome = "pixels"
        except FoveaError as error:
            outcome = type(error).__name__ if str(error) else "an error without words"
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
    assert sum(outcomes.values()) >= 600
    assert set(outcomes) == {"pixels", "DamagedImage", "UnsupportedImage", "TooLarge"}
    assert outcomes["pixels"] >= 100
