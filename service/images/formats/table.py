"""The formats that are read, told from the content alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from service.errors import UnsupportedImage
from service.images.formats import avif, bmp, gif, heif, jpeg, jpeg2000, jpegxl, other, png, tiff, webp
from service.images.formats.stored import Reader


@dataclass(frozen=True)
class Format:
    """matches: whether bytes begin like the format. read: see `stored.Reader`. suffixes: of its files."""

    matches: Callable[[bytes], bool]
    read: Reader
    suffixes: tuple[str, ...]


def _begins(*beginnings: bytes) -> Callable[[bytes], bool]:
    return lambda data: data.startswith(beginnings)


FORMATS: dict[str, Format] = {
    "JPEG": Format(_begins(jpeg.BEGINNING), jpeg.read, (".jpg", ".jpeg", ".jpe", ".jfif")),
    "PNG": Format(_begins(png.BEGINNING), png.read, (".png",)),
    "TIFF": Format(_begins(*tiff.BEGINNINGS), tiff.read, (".tif", ".tiff")),
    "BMP": Format(_begins(bmp.BEGINNING), bmp.read, (".bmp", ".dib")),
    "WEBP": Format(webp.matches, webp.read, (".webp",)),
    "GIF": Format(_begins(*gif.BEGINNINGS), gif.read, (".gif",)),
    "AVIF": Format(avif.matches, avif.read, (".avif",)),
    "HEIF": Format(heif.matches, heif.read, (".heic", ".heif", ".hif")),
    "JPEG 2000": Format(_begins(*jpeg2000.BEGINNINGS), jpeg2000.read, (".jp2", ".j2k", ".jpx", ".jpf", ".j2c", ".jpc")),
    "JPEG XL": Format(_begins(*jpegxl.BEGINNINGS), jpegxl.read, (".jxl",)),
}
"""What is read; the first that matches. An AVIF may name HEIF's brands too, so it comes first."""

SUFFIXES = frozenset(suffix for known in FORMATS.values() for suffix in known.suffixes)
"""Lower-case suffixes that files of these formats have. Only a hint where to look: the content decides."""

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
