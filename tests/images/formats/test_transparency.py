"""Opacity: a picture of which nothing can be seen is refused, and the unused fourth byte of BMP counts for nothing."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from PIL import Image

from service.errors import DamagedImage
from service.images.decode import decode
from tests.images.making import FILES, chunk, encoded, png, scene


@pytest.mark.parametrize(("kind", "options"), [
    ("PNG", {}), ("WEBP", {"lossless": True, "exact": True}), ("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"}),
    ("AVIF", {}), ("JPEG2000", {}),
])  # fmt: skip
@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_a_picture_transparent_everywhere_is_refused(kind: str, options: dict, mode: str) -> None:
    picture = Image.fromarray(scene()).convert(mode)
    for opacity in (0, 1):
        picture.putalpha(opacity)
        data = encoded(picture, kind, **options)
        if opacity:
            assert "Transparent parts are laid over black." in decode(data).notes
            continue
        with pytest.raises(DamagedImage, match="transparent everywhere"):
            decode(data)


def test_a_palette_or_a_key_that_hides_everything_is_refused() -> None:
    grey = np.full((9, 7), 120, np.uint8)
    hidden = {
        "GIF": encoded(Image.fromarray(grey), "GIF", transparency=120),
        "palette": png(grey % 4, 3, chunk(b"PLTE", bytes(range(12))) + chunk(b"tRNS", bytes(4))),
        "grey key": png(grey, 0, chunk(b"tRNS", b"\0\x78")),
        "deep key": png(grey.astype(np.uint16), 0, chunk(b"tRNS", b"\0\x78")),
        "colour key": png(grey[..., None].repeat(3, 2), 2, chunk(b"tRNS", b"\0\x78" * 3)),
        "16-bit grey and alpha": png(np.dstack([grey.astype(np.uint16), grey * 0]).astype(np.uint16), 4),
        "HEIF": (FILES / "invisible.heic").read_bytes(),
    }
    for name, data in hidden.items():
        with pytest.raises(DamagedImage, match="transparent everywhere"):
            pytest.fail(f"{name}: {decode(data)}")


@pytest.mark.parametrize("size", [40, 108, 124])
def test_a_bmp_of_32_bits_whose_fourth_byte_is_zero_is_opaque(size: int) -> None:
    """Headers of version 4 and 5 may name the fourth byte as opacity and leave it empty."""
    assert np.array_equal(decode(bmp32(size, 0)).pixels, scene())
    assert decode(bmp32(size, 0)).notes == ()


@pytest.mark.parametrize("size", [108, 124])
def test_a_bmp_that_uses_its_opacity_lies_over_black(size: int) -> None:
    alpha = scene(seed=3)[..., 1]
    upright = decode(bmp32(size, alpha))
    assert np.abs(upright.pixels - scene() * (alpha[..., None] / 255)).max() <= 1
    assert upright.notes == ("Transparent parts are laid over black.",)


def bmp32(header: int, alpha: np.ndarray | int) -> bytes:
    """The scene as a BMP of 32 bits, with a header of this size and masks where it has room for them."""
    height, width = scene().shape[:2]
    pixels = np.dstack([scene()[..., ::-1], np.broadcast_to(np.uint8(alpha), (height, width))])[::-1].tobytes()
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000) if header > 40 else b""
    kind = 3 if masks else 0
    info = struct.pack("<IiiHHIIiiII", header, width, height, 1, 32, kind, len(pixels), 2835, 2835, 0, 0) + masks
    info = (info + b"BGRs").ljust(header, b"\0") if masks else info
    return struct.pack("<2sIHHI", b"BM", 14 + header + len(pixels), 0, 0, 14 + header) + info + pixels
