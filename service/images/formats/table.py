"""The formats that are read, told from the content alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from service.errors import UnsupportedImage
from service.images.formats import avif, bmp, gif, heif, jpeg, jpeg2000, jpegxl, other, png, tiff, webp
from service.images.formats.stored import Reader


@dataclass(frozen=True)
class Format:
    """matches: whether these bytes are of the format, by their beginning. read: see `stored.Reader`."""

    matches: Callable[[bytes], bool]
    read: Reader


def _begins(*beginnings: bytes) -> Callable[[bytes], bool]:
    return lambda data: data.startswith(beginnings)


FORMATS: dict[str, Format] = {
    "JPEG": Format(_begins(jpeg.BEGINNING), jpeg.read),
    "PNG": Format(_begins(png.BEGINNING), png.read),
    "TIFF": Format(_begins(*tiff.BEGINNINGS), tiff.read),
    "BMP": Format(_begins(bmp.BEGINNING), bmp.read),
    "WEBP": Format(webp.matches, webp.read),
    "GIF": Format(_begins(*gif.BEGINNINGS), gif.read),
    "AVIF": Format(avif.matches, avif.read),
    "HEIF": Format(heif.matches, heif.read),
    "JPEG 2000": Format(_begins(*jpeg2000.BEGINNINGS), jpeg2000.read),
    "JPEG XL": Format(_begins(*jpegxl.BEGINNINGS), jpegxl.read),
}
"""What is read; the first that matches. An AVIF may name HEIF's brands too, so it comes first."""

LISTED = "JPEG, PNG, TIFF, BMP, WebP, GIF, AVIF, HEIF (HEIC), JPEG 2000 or JPEG XL"


def sniff(data: bytes) -> str:
    """The key of `FORMATS` that these bytes begin like. Raises UnsupportedImage, which names what else they are."""
    for name, known in FORMATS.items():
        if known.matches(data):
            return name
    if not data:
        raise UnsupportedImage(f"The image is empty; send one of {LISTED}.")
    what = other.named(data)
    found = (
        f"The bytes are {what}, which is not read here" if what else "The bytes are not an image in a format read here"
    )
    raise UnsupportedImage(f"{found}; send one of {LISTED}.")
