"""Every pixel layout becomes the RGB that its own arithmetic says, worked out here with numpy alone."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from service.errors import UnsupportedImage
from service.images.decode import decode
from tests.images.making import chunk, encoded, png, scene, tiff

GREY = scene()[..., 0]
ALPHA = scene(seed=3)[..., 1]


def over_black(colour: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    return np.rint(colour * (alpha[..., None] / 255.0))


def test_grey_and_one_bit() -> None:
    for kind in ("PNG", "TIFF", "BMP"):
        assert np.array_equal(decode(encoded(GREY, kind)).pixels, np.stack([GREY] * 3, axis=-1))
        bits = Image.fromarray(GREY).point(lambda v: 255 * (v > 127), mode="1")
        expected = np.where(GREY[..., None] > 127, 255, 0).repeat(3, axis=2)
        assert np.array_equal(decode(encoded(bits, kind)).pixels, expected)


def test_a_tiff_whose_white_is_zero() -> None:
    assert np.array_equal(decode(tiff(GREY, photometric=0)).pixels[..., 0], 255 - GREY)
    deep = GREY.astype(np.uint16) * 257
    assert np.array_equal(decode(tiff(deep, photometric=0)).pixels[..., 0], 255 - GREY)
    assert np.array_equal(decode(tiff(deep, photometric=0, order="<")).pixels[..., 2], 255 - GREY)


def test_palette() -> None:
    table = np.random.default_rng(1).integers(0, 256, (64, 3), dtype=np.uint8)
    index = (GREY // 4).astype(np.uint8)
    upright = decode(png(index, 3, chunk(b"PLTE", table.tobytes())))
    assert np.array_equal(upright.pixels, table[index])
    assert upright.notes == ()


def test_palette_with_transparency_lies_over_black() -> None:
    table = np.random.default_rng(1).integers(0, 256, (64, 3), dtype=np.uint8)
    opacity = np.random.default_rng(2).integers(0, 256, 64, dtype=np.uint8)
    index = (GREY // 4).astype(np.uint8)
    upright = decode(png(index, 3, chunk(b"PLTE", table.tobytes()) + chunk(b"tRNS", opacity.tobytes())))
    assert np.abs(upright.pixels - over_black(table[index], opacity[index])).max() <= 1
    assert upright.notes == ("Transparent parts are laid over black.",)


@pytest.mark.parametrize("grey", [False, True])
def test_alpha_lies_over_black(grey: bool) -> None:
    colour = np.stack([GREY] * 3, axis=-1) if grey else scene()
    samples = np.dstack([GREY, ALPHA]) if grey else np.dstack([scene(), ALPHA])
    upright = decode(png(samples, 4 if grey else 6))
    assert np.abs(upright.pixels - over_black(colour, ALPHA)).max() <= 1
    assert upright.notes == ("Transparent parts are laid over black.",)


def test_opaque_alpha_changes_nothing() -> None:
    upright = decode(png(np.dstack([scene(), np.full_like(GREY, 255)]), 6))
    assert np.array_equal(upright.pixels, scene())
    assert upright.notes == ()


@pytest.mark.parametrize("deep", [False, True])
def test_one_transparent_colour(deep: bool) -> None:
    """PNG's tRNS for RGB: one colour, given in 16-bit numbers, is not there at all."""
    samples = scene().astype(np.uint16) * 257 if deep else scene()
    key = samples[10, 10].astype(">u2")
    upright = decode(png(samples, 2, chunk(b"tRNS", key.tobytes())))
    expected = np.where((samples == samples[10, 10]).all(-1, keepdims=True), 0, scene())
    assert np.array_equal(upright.pixels, expected)
    assert upright.pixels[10, 10].max() == 0


def ink_to_rgb(ink: np.ndarray) -> np.ndarray:
    """CMYK with 255 for full ink."""
    return (255.0 - ink[..., :3]) * (255.0 - ink[..., 3:]) / 255.0


def test_cmyk_tiff() -> None:
    ink = np.dstack([scene(), scene(seed=5)[..., 0] // 2])
    upright = decode(tiff(ink, photometric=5))
    assert np.abs(upright.pixels - ink_to_rgb(ink)).max() <= 1
    assert upright.notes == ("CMYK converted to RGB without a colour profile.",)


def test_cmyk_jpeg_is_inverted_as_adobe_writes_it() -> None:
    ink = np.dstack([scene(), scene(seed=5)[..., 0] // 2])
    adobe = encoded(Image.fromarray(ink, "CMYK"), "JPEG", quality=98, subsampling=0)
    assert np.abs(decode(adobe).pixels - ink_to_rgb(ink)).mean() < 2
    assert decode(adobe).notes == ("CMYK converted to RGB without a colour profile.",)
    place = adobe.index(b"\xff\xee")
    unmarked = adobe[:place] + adobe[place + 2 + int.from_bytes(adobe[place + 2 : place + 4], "big") :]
    assert b"Adobe" not in unmarked
    assert np.array_equal(decode(unmarked).pixels, decode(adobe).pixels)
    assert any("inverted" in note for note in decode(unmarked).notes)


def test_ycbcr_tiff() -> None:
    upright = decode(encoded(Image.fromarray(scene()).convert("YCbCr"), "TIFF"))
    assert np.abs(upright.pixels.astype(int) - scene()).max() <= 4


def test_lab_is_refused_by_name() -> None:
    with pytest.raises(UnsupportedImage, match="LAB"):
        decode(tiff(scene(), photometric=8))


def profile_bytes(gamma: float) -> bytes:
    """A minimal RGB matrix profile: sRGB's primaries with another curve, and a name of its own."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    tags = int.from_bytes(srgb[128:132], "big")
    entries = [srgb[132 + 12 * i : 144 + 12 * i] for i in range(tags)]
    curve = b"curv" + bytes(4) + (1).to_bytes(4, "big") + round(gamma * 256).to_bytes(2, "big") + bytes(2)
    words = b"desc" + bytes(4) + (10).to_bytes(4, "big") + b"Test gray\0" + bytes(79)
    content = {e[:4]: srgb[int.from_bytes(e[4:8], "big") :][: int.from_bytes(e[8:12], "big")] for e in entries}
    content |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    content[b"desc"] = words
    at, table, data = 132 + 12 * tags, b"", b""
    for name, body in content.items():
        table += name + (at + len(data)).to_bytes(4, "big") + len(body).to_bytes(4, "big")
        data += body + bytes(-len(body) % 4)
    whole = srgb[4:128] + tags.to_bytes(4, "big") + table + data
    return (len(whole) + 4).to_bytes(4, "big") + whole


def test_an_embedded_profile_is_converted_to_srgb() -> None:
    """A file of linear light must come out as sRGB's curve says (IEC 61966-2-1)."""
    upright = decode(encoded(scene(), "PNG", icc_profile=profile_bytes(1.0)))
    light = scene() / 255.0
    expected = 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.maximum(light, 1e-9) ** (1 / 2.4) - 0.055)
    assert np.abs(upright.pixels - expected).max() <= 3
    assert upright.notes == ("Colours converted to sRGB from the embedded profile 'Test gray'.",)


def test_srgbs_own_profile_changes_nothing() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    upright = decode(encoded(scene(), "PNG", icc_profile=profile))
    assert np.array_equal(upright.pixels, scene())
    assert upright.notes == ()


def test_a_broken_profile_is_noted() -> None:
    for profile in (b"nonsense", profile_bytes(2.2)[:200]):
        upright = decode(encoded(scene(), "PNG", icc_profile=profile))
        assert np.array_equal(upright.pixels, scene())
        assert any("profile" in note for note in upright.notes)


def test_gif_transparency() -> None:
    file = io.BytesIO()
    picture = Image.fromarray(scene()).quantize(16)
    picture.save(file, "GIF", transparency=5)
    index, upright = np.asarray(picture), decode(file.getvalue())
    assert upright.pixels[index == 5].max() == 0
    assert np.array_equal(upright.pixels[index != 5], np.asarray(picture.convert("RGB"))[index != 5])
