"""Colours: every way to declare them gives one picture in every layout, or a note that it was not used."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from service.images.decode import decode
from service.images.formats.codepoints import PRIMARIES
from service.images.icc import ADOBE, D65, SRGB, gamma, matrix_profile, srgb_curve
from service.images.profiles import PROFILE_ERRORS, Profile
from tests.images.making import FILES, chunk, encoded, png, scene, tiff

P3 = PRIMARIES[12]
D50 = np.array([0.9642, 1.0, 0.8249])


def to_srgb(values: np.ndarray, exponent: float | None, primaries=SRGB, white=D65) -> np.ndarray:
    """8-bit sRGB, not rounded, of colours 0 to 1 [..., 3]: IEC 61966-2-1 and the matrices of primaries, by hand.

    exponent: light = value ** exponent; None: sRGB's curve.
    """
    if exponent is None:
        light = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    else:
        light = values**exponent
    linear = light @ (np.linalg.inv(to_xyz(SRGB, D65)) @ adaptation(white) @ to_xyz(primaries, white)).T
    linear = linear.clip(0, 1)
    return 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055)


def to_xyz(primaries: tuple, white: tuple) -> np.ndarray:
    columns = np.array([[x / y, 1, (1 - x - y) / y] for x, y in primaries]).T
    return columns * np.linalg.solve(columns, [white[0] / white[1], 1, (1 - sum(white)) / white[1]])


def adaptation(white: tuple) -> np.ndarray:
    """Bradford's, from this white to D65."""
    cone = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
    source, target = (cone @ [x / y, 1, (1 - x - y) / y] for x, y in (white, D65))
    return np.linalg.inv(cone) @ np.diag(target / source) @ cone


def grey_profile(exponent: float) -> bytes:
    """A minimal profile of grey with a gamma curve."""
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(exponent * 256)) + bytes(2)
    return profile_of({b"kTRC": curve}, b"mntr", b"GRAY", b"XYZ ")


def profile_of(content_tags: dict[bytes, bytes], kind: bytes, space: bytes, connection: bytes) -> bytes:
    white = b"XYZ " + bytes(4) + np.rint(D50 * 65536).astype(">i4").tobytes()
    words = b"desc" + bytes(4) + struct.pack(">I", 5) + b"Grey\0" + bytes(78)
    tags = {b"desc": words, b"wtpt": white} | content_tags
    start, table, content = 132 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for name, body in tags.items():
        table += name + struct.pack(">II", start + len(content), len(body))
        content += body + bytes(-len(body) % 4)
    header = struct.pack(">I4xI4s4s4s12x4s28x", start + len(content), 0x02400000, kind, space, connection, b"acsp")
    return (header + white[8:]).ljust(128, b"\0") + table + content


def iccp(profile: bytes) -> bytes:
    return chunk(b"iCCP", b"test\0\0" + zlib.compress(profile))


def quantised(values: np.ndarray, bits: int) -> np.ndarray:
    return np.rint(values * (2**bits - 1)).astype(np.uint8 if bits == 8 else np.uint16)


COLOUR = scene().astype(float) / 255
GREY = COLOUR[..., 1]
ODD = matrix_profile(gamma(1.6), "test", *P3).icc


def colour_files() -> dict[str, bytes]:
    """One picture, declared by one RGB profile, in every layout that has one."""
    whole = quantised(COLOUR, 8)
    opaque = np.full((*GREY.shape, 1), 255, np.uint8)
    words = {34675: ("B", list(ODD))}
    return {
        "PNG": png(whole, 2, iccp(ODD)),
        "PNG 16": png(quantised(COLOUR, 16), 2, iccp(ODD)),
        "PNG alpha": png(np.dstack([whole, opaque]), 6, iccp(ODD)),
        "PNG alpha 16": png(np.dstack([quantised(COLOUR, 16), opaque.astype(np.uint16) * 257]), 6, iccp(ODD)),
        "TIFF": tiff(whole, photometric=2, fields=words),
        "TIFF 16": tiff(quantised(COLOUR, 16), photometric=2, fields=words),
        "TIFF 16 big-endian planes": tiff(np.moveaxis(quantised(COLOUR, 16), 2, 0), ">", 2, planar=2, fields=words),
        "TIFF float": tiff(COLOUR.astype(np.float32), photometric=2, sample_format=3, fields=words),
        "JPEG": encoded(whole, "JPEG", quality=97, subsampling=0, icc_profile=ODD),
        "WEBP": encoded(whole, "WEBP", lossless=True, icc_profile=ODD),
        "AVIF": encoded(whole, "AVIF", quality=97, subsampling="4:4:4", icc_profile=ODD),
        "BMP": bmp_with(ODD),
    }


def bmp_with(profile: bytes) -> bytes:
    """The scene as a BMP of version 5 with an embedded profile."""
    height, width = GREY.shape
    rows = quantised(COLOUR, 8)[::-1, :, ::-1].tobytes()
    info = struct.pack("<IiiHHIIiiII", 124, width, height, 1, 24, 0, len(rows), 2835, 2835, 0, 0)
    info = info.ljust(56, b"\0") + b"DEBM" + bytes(48) + struct.pack("<IIII", 4, 124 + len(rows), len(profile), 0)
    start = 14 + len(info)
    return struct.pack("<2sIHHI", b"BM", start + len(rows) + len(profile), 0, 0, start) + info + rows + profile


def test_an_rgb_profile_gives_one_picture_in_every_layout() -> None:
    expected = to_srgb(COLOUR, 1.6, *P3)
    for name, data in colour_files().items():
        upright = decode(data)
        difference = np.abs(upright.pixels - expected)
        coarse = name in ("JPEG", "AVIF")
        assert difference.mean() <= (4 if coarse else 0.5), name
        assert difference.max() <= (60 if coarse else 2.5), name
        assert any("Colours converted to sRGB from the embedded profile" in note for note in upright.notes), name


def test_a_profile_applies_to_the_colours_of_a_palette() -> None:
    table = np.random.default_rng(1).integers(0, 256, (64, 3), dtype=np.uint8)
    index = (quantised(GREY, 8) // 4).astype(np.uint8)
    upright = decode(png(index, 3, iccp(ODD) + chunk(b"PLTE", table.tobytes())))
    assert np.abs(upright.pixels - to_srgb(table[index] / 255, 1.6, *P3)).max() <= 2.5
    assert any("Colours converted" in note for note in upright.notes)


def test_a_grey_profile_gives_one_picture_in_every_layout() -> None:
    """Linear light, which 8 bits hold coarsely where it is dark: a level there is up to 13 levels of sRGB."""
    light = np.where(GREY <= 0.04045, GREY / 12.92, ((GREY + 0.055) / 1.055) ** 2.4)
    eight, sixteen, icc = quantised(light, 8), quantised(light, 16), grey_profile(1.0)
    words = {34675: ("B", list(icc))}
    files = {
        "PNG": png(eight, 0, iccp(icc)), "PNG 16": png(sixteen, 0, iccp(icc)),
        "PNG alpha": png(np.dstack([eight, eight * 0 + 255]), 4, iccp(icc)),
        "PNG alpha 16": png(np.dstack([sixteen, sixteen * 0 + 65535]), 4, iccp(icc)),
        "TIFF": tiff(eight, fields=words), "TIFF 16": tiff(sixteen, fields=words),
        "TIFF 32": tiff(np.rint(light * (2**32 - 1)).astype(np.uint32), fields=words),
        "TIFF float": tiff(light.astype(np.float32), sample_format=3, fields=words),
        "JPEG": encoded(eight, "JPEG", quality=98, icc_profile=icc),
    }  # fmt: skip
    for name, data in files.items():
        stored = light if name not in ("PNG", "PNG alpha", "TIFF", "JPEG") else eight / 255
        expected = to_srgb(stored[..., None].repeat(3, 2), 1.0)
        upright = decode(data)
        difference = np.abs(upright.pixels - expected)
        assert difference.mean() <= (2.5 if name == "JPEG" else 0.5), name
        assert difference.max() <= (30 if name == "JPEG" else 1.5), name
        assert any("Colours converted to sRGB" in note for note in upright.notes), name


INKS = np.array([[-30, -40, -25], [-35, 60, -5], [-5, -5, 55], [-20, 0, 0]])
"""What full ink of cyan, magenta, yellow and black adds to L*, a* and b* of white paper, in the profile below."""


def cmyk_profile() -> bytes:
    """A table profile of two points a side, whose colours are a sum of inks, so that all ways to interpolate agree."""
    lab = np.array([(100, 0, 0) + np.array(ink) @ INKS for ink in np.ndindex(2, 2, 2, 2)])
    table = np.rint(np.stack([lab[:, 0] * 2.55, lab[:, 1] + 128, lab[:, 2] + 128], 1)).astype(np.uint8)
    ramp, identity = bytes(range(256)), np.rint(np.eye(3) * 65536).astype(">i4").tobytes()
    body = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + identity + 4 * ramp + table.tobytes() + 3 * ramp
    return profile_of({b"A2B0": body}, b"prtr", b"CMYK", b"Lab ")


def test_a_profile_of_cmyk() -> None:
    ink = np.rint(np.dstack([COLOUR, GREY]) * 100).astype(np.uint8)
    lightness, a, b = np.moveaxis((100, 0, 0) + (ink / 255) @ INKS, 2, 0)
    middle = (lightness + 16) / 116
    cubes = np.stack([middle + a / 500, middle, middle - b / 200], -1)
    xyz = D50 * np.where(cubes > 6 / 29, cubes**3, (cubes - 4 / 29) * 108 / 841)
    white = (D50[0] / D50.sum(), D50[1] / D50.sum())
    linear = (xyz @ adaptation(white).T @ np.linalg.inv(to_xyz(SRGB, D65)).T).clip(0, 1)
    expected = 255 * np.where(
        linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055
    )
    words = {34675: ("B", list(cmyk_profile()))}
    upright = decode(tiff(ink, photometric=5, fields=words))
    assert np.abs(upright.pixels - expected).max() <= 6  # of 8-bit tables
    assert np.abs(upright.pixels - expected).mean() <= 1.5
    assert "Colours converted to sRGB from the embedded profile 'Grey'." in upright.notes


def test_a_deep_dark_picture_with_a_profile_stays_dark() -> None:
    """Without one, white would be 4095, the smallest usual depth that holds the numbers."""
    values = quantised(GREY * 0.05, 16)
    assert decode(png(values, 0)).pixels.max() > 150
    expected = to_srgb((GREY * 0.05)[..., None].repeat(3, 2), 2.0)
    assert np.abs(decode(png(values, 0, iccp(grey_profile(2.0)))).pixels - expected).max() <= 1.5


def test_an_rgb_profile_applies_to_grey_as_equal_channels() -> None:
    icc = matrix_profile(gamma(1.6), "test", ADOBE).icc
    expected = to_srgb(GREY[..., None].repeat(3, 2), 1.6)
    for data in (png(quantised(GREY, 8), 0, iccp(icc)), png(quantised(GREY, 16), 0, iccp(icc))):
        assert np.abs(decode(data).pixels - expected).max() <= 1.5


def test_a_profile_for_other_colours_is_noted_and_not_used() -> None:
    upright = decode(png(quantised(COLOUR, 8), 2, iccp(grey_profile(1.0))))
    assert np.array_equal(upright.pixels, quantised(COLOUR, 8))
    assert upright.notes == (
        "The embedded profile 'Grey' is for grey colours and cannot be used; colours are taken as sRGB.",
    )


def test_a_profile_on_numbers_of_no_natural_range_is_noted() -> None:
    values = (GREY * 2000 - 1000).astype(np.int16)
    upright = decode(tiff(values, sample_format=2, fields={34675: ("B", list(grey_profile(1.0)))}))
    assert any("is not used" in note for note in upright.notes)


def test_a_profile_that_only_calls_itself_srgb_is_converted() -> None:
    """What counts is what it does: an sRGB profile of linear light exists."""
    named = ODD.replace(b"Fovea\0", b"sRGB \0")
    assert np.abs(decode(png(quantised(COLOUR, 8), 2, iccp(named))).pixels - to_srgb(COLOUR, 1.6, *P3)).max() <= 2.5
    other = matrix_profile(srgb_curve, "test").icc
    assert decode(png(quantised(COLOUR, 8), 2, iccp(other))).notes == ()


def test_an_incomplete_profile_of_a_jpeg_is_noted() -> None:
    whole = bytearray(encoded(scene(), "JPEG", icc_profile=ODD))
    place = whole.index(b"ICC_PROFILE\0")
    whole[place + 13] = 2  # the first of two parts, and the second is not there
    assert any("profile is incomplete" in note for note in decode(bytes(whole)).notes)


# EXIF


def with_exif(space: int | None, index: str = "") -> Image.Exif:
    exif, inner = Image.Exif(), {}
    if space is not None:
        inner[0xA001] = space
    if index:
        inner[0xA005] = {1: index}
    exif[0x8769] = inner
    return exif


@pytest.mark.parametrize(("space", "index"), [(2, ""), (0xFFFF, "R03")])
def test_adobe_rgb_by_exif(space: int, index: str) -> None:
    for data, most in (
        (encoded(scene(), "PNG", exif=with_exif(space, index)), 1.5),
        (encoded(scene(), "WEBP", lossless=True, exif=with_exif(space, index)), 1.5),
        (encoded(scene(), "JPEG", quality=98, subsampling=0, exif=with_exif(space, index)), 35),
    ):
        upright = decode(data)
        assert np.abs(upright.pixels - to_srgb(COLOUR, 563 / 256, ADOBE)).max() <= most
        assert any("Adobe RGB" in note for note in upright.notes)


def test_uncalibrated_colours_are_noted_unless_a_profile_says_what_they_are() -> None:
    upright = decode(encoded(scene(), "PNG", exif=with_exif(0xFFFF)))
    assert np.array_equal(upright.pixels, scene())
    assert any("EXIF says that the colours are not sRGB" in note for note in upright.notes)
    profiled = decode(encoded(scene(), "PNG", exif=with_exif(0xFFFF), icc_profile=ODD))
    assert not any("EXIF" in note for note in profiled.notes)
    for plain in (with_exif(1), with_exif(1, "R98"), with_exif(None)):
        assert decode(encoded(scene(), "PNG", exif=plain)).notes == ()


# PNG's own chunks


def gama(exponent: float) -> bytes:
    return chunk(b"gAMA", struct.pack(">I", round(100_000 / exponent)))


def chrm(primaries: tuple, white: tuple) -> bytes:
    return chunk(b"cHRM", struct.pack(">8I", *(round(100_000 * v) for point in (white, *primaries) for v in point)))


SRGB_CHUNK = chunk(b"sRGB", b"\0")


def cicp(primaries: int, transfer: int) -> bytes:
    return chunk(b"cICP", bytes([primaries, transfer, 0, 1]))


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize(("extra", "exponent", "colours"), [
    (gama(1.0), 1.0, (SRGB, D65)), (gama(1.8), 1.8, (SRGB, D65)), (gama(2.2), None, (SRGB, D65)),
    (chrm(*P3), None, P3), (gama(1.8) + chrm(*P3), 1.8, P3), (gama(1.8) + chrm(SRGB, D65), 1.8, (SRGB, D65)),
    (cicp(12, 13), None, P3), (cicp(9, 13), None, PRIMARIES[9]), (cicp(1, 8), 1.0, (SRGB, D65)),
    (cicp(12, 13) + iccp(grey_profile(1.0)), None, P3), (cicp(11, 17), 2.6, PRIMARIES[11]),
])  # fmt: skip
def test_png_chunks_declare_colours(extra: bytes, exponent: float | None, colours: tuple, bits: int) -> None:
    expected = to_srgb(COLOUR, exponent, *colours)
    upright = decode(png(quantised(COLOUR, bits), 2, extra))
    assert np.abs(upright.pixels - expected).max() <= 2.5
    grey = decode(png(quantised(GREY, bits), 0, extra)).pixels
    assert np.abs(grey - to_srgb(GREY[..., None].repeat(3, 2), exponent)).max() <= 2


@pytest.mark.parametrize("extra", [
    gama(2.2), gama(2.2) + chrm(SRGB, D65), SRGB_CHUNK, SRGB_CHUNK + gama(1.0), cicp(1, 13), cicp(1, 1), cicp(2, 2),
])  # fmt: skip
def test_png_chunks_that_mean_srgb_change_nothing(extra: bytes) -> None:
    upright = decode(png(scene(), 2, extra))
    assert np.array_equal(upright.pixels, scene())
    assert upright.notes == ()


@pytest.mark.parametrize(("extra", "words"), [
    (cicp(9, 16), "high dynamic range"), (cicp(9, 18), "high dynamic range"), (cicp(77, 13), "not known here"),
    (chunk(b"gAMA", bytes(4)), "gAMA chunk cannot be used"), (chunk(b"cHRM", bytes(32)), "cHRM chunk cannot be used"),
])  # fmt: skip
def test_png_chunks_that_cannot_be_used_are_noted(extra: bytes, words: str) -> None:
    upright = decode(png(scene(), 2, extra))
    assert np.array_equal(upright.pixels, scene())
    assert any(words in note for note in upright.notes)


# The new formats


@pytest.mark.parametrize(("name", "mean", "most"), [
    ("display-p3-icc.heic", 2, 25), ("display-p3-nclx.heic", 2, 35), ("display-p3-icc.jxl", 0.5, 2.5),
    ("display-p3-lossy.jxl", 4, 50),
])  # fmt: skip
def test_display_p3_in_heif_and_jpeg_xl(name: str, mean: float, most: float) -> None:
    upright = decode((FILES / name).read_bytes())
    difference = np.abs(upright.pixels - to_srgb(COLOUR, None, *P3))
    assert difference.mean() <= mean
    assert difference.max() <= most
    assert any("converted to sRGB" in note for note in upright.notes)


def test_lossy_jpeg_xl_whose_profile_has_no_code_comes_out_right() -> None:
    """libjxl gives such pixels in linear light, not in the file's own profile."""
    upright = decode((FILES / "linear-2020-lossy.jxl").read_bytes())
    expected = to_srgb(COLOUR, 1.0, *PRIMARIES[9])
    assert np.abs(upright.pixels - expected).mean() <= 5
    assert any("coarse" in note for note in upright.notes)


def test_avif_code_points() -> None:
    """The colour box of a file as Pillow writes it, changed to Display P3."""
    data = encoded(scene(), "AVIF", quality=97, subsampling="4:4:4")
    place = data.index(b"nclx") + 4
    declared = data[:place] + struct.pack(">HH", 12, 13) + data[place + 4 :]
    difference = np.abs(decode(declared).pixels - to_srgb(COLOUR, None, *P3))
    assert difference.mean() <= 3


def test_a_profile_in_jpeg_2000() -> None:
    """In its colour box, which Pillow does not read."""
    data = encoded(scene(), "JPEG2000")
    place = data.index(b"colr") - 4
    size = struct.unpack_from(">I", data, place)[0]
    box = struct.pack(">I4sBBB", 11 + len(ODD), b"colr", 2, 0, 0) + ODD
    grown = len(box) - size
    header = data.index(b"jp2h") - 4
    whole = bytearray(data[:place] + box + data[place + size :])
    struct.pack_into(">I", whole, header, struct.unpack_from(">I", data, header)[0] + grown)
    upright = decode(bytes(whole))
    assert np.abs(upright.pixels - to_srgb(COLOUR, 1.6, *P3)).max() <= 2.5


# The profiles themselves


@pytest.mark.parametrize(("curve", "exponent"), [(gamma(1.0), 1.0), (gamma(2.2), 2.2), (srgb_curve, None)])
@pytest.mark.parametrize("colours", [(SRGB, D65), P3, PRIMARIES[8], PRIMARIES[11]])
def test_a_profile_made_from_numbers_says_what_they_say(curve, exponent: float | None, colours: tuple) -> None:
    profile = matrix_profile(curve, "test", *colours)
    found = np.asarray(profile.convert(Image.fromarray(scene())))
    assert np.abs(found - to_srgb(COLOUR, exponent, *colours)).max() <= 2.5
    assert profile.is_srgb == (exponent is None and colours == (SRGB, D65))


@pytest.mark.parametrize("primaries", [((0.3, 0.3),) * 3, ((0.64, 0.0), (0.3, 0.6), (0.15, 0.06))])
def test_primaries_that_cannot_be_are_refused(primaries: tuple) -> None:
    with pytest.raises(ValueError, match=r"primaries|chromaticities"):
        matrix_profile(srgb_curve, "test", primaries)


def test_sixteen_bits_through_a_table_profile_equal_eight() -> None:
    """The trilinear way between 8-bit colours gives LittleCMS's own answer at every one of them."""
    profile = Profile(ODD)
    deep = scene().astype(np.uint16) * 257
    assert np.array_equal(profile.convert_deep(deep), np.asarray(profile.convert(Image.fromarray(scene()))))
    with pytest.raises(PROFILE_ERRORS):
        Profile(b"nonsense").convert_deep(deep)
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    with pytest.raises(ValueError, match="Lab"):
        _ = Profile(lab).mode
