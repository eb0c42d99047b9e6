"""Untrusted bytes in, upright 8-bit RGB pixels out, or an error that says what was wrong.

The format is told from the content alone. Sizes are checked against `Limits` before any pixel is decoded, so Pillow's
own process-wide bomb guard is neither needed nor touched: images are opened through the openers of `FORMATS`, not
through `Image.open`. Nothing is filled in: a truncated or damaged file is refused.
"""

from __future__ import annotations

import io
import struct
import threading
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import (
    BmpImagePlugin,
    ExifTags,
    GifImagePlugin,
    Image,
    ImageCms,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from service.errors import DamagedImage, FoveaError, TooLarge, UnsupportedImage
from service.images.colour import to_rgb
from service.images.depth import is_deep, scale_deep

Opener = Callable[[io.BytesIO], ImageFile.ImageFile]

FORMATS: dict[str, tuple[tuple[bytes, ...], Opener]] = {
    "JPEG": ((b"\xff\xd8\xff",), JpegImagePlugin.jpeg_factory),
    "PNG": ((b"\x89PNG\r\n\x1a\n",), PngImagePlugin.PngImageFile),
    "TIFF": ((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), TiffImagePlugin.TiffImageFile),
    "BMP": ((b"BM",), BmpImagePlugin.BmpImageFile),
    "WEBP": ((b"RIFF",), WebPImagePlugin.WebPImageFile),
    "GIF": ((b"GIF87a", b"GIF89a"), GifImagePlugin.GifImageFile),
}
"""What is read: format name -> (first bytes, opener)."""

UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientation -> what turns the stored picture upright; 1 needs nothing."""

PILLOW_ERRORS = (
    OSError, SyntaxError, ValueError, TypeError, ArithmeticError, LookupError, EOFError, AttributeError,
    AssertionError, RuntimeError, struct.error, zlib.error, ImageCms.PyCMSError,
)  # fmt: skip
"""What Pillow raises on damaged files; each becomes `DamagedImage`."""

PLAIN_WORDS = {
    "runcated": "the file is cut short",
    "requires a buffer of": "the file is cut short",
    "index out of range": "the file is cut short",
    "not identified by this driver": "its header is damaged",
    "could not create decoder object": "its header is damaged",
    "broken data stream": "its pixel data are damaged",
    "failed to read next frame": "its pixel data are damaged or cut short",
    "decoder error": "its pixel data are damaged or cut short",
    "cannot load this image": "it holds no pixel data",
    "no more images": "it holds no picture",
    "image not found": "it holds no picture",
}
"""A part of Pillow's message -> what it says to a reader who does not know Pillow."""

MOST_NOTES = 12
_one_at_a_time = threading.Lock()


@dataclass(frozen=True)
class Limits:
    """The largest image accepted: size of the file in bytes, and width × height in pixels."""

    bytes: int = 32 * 2**20
    pixels: int = 64_000_000


@dataclass(frozen=True)
class Upright:
    """A decoded picture, turned upright.

    pixels: uint8[h, w, 3], RGB, read-only; smaller than width × height where the decoder was allowed to shrink.
    width, height: size in pixels of the upright original. format: a key of `FORMATS`.
    notes: what a reader should know of the conversion, in sentences; empty for a plain 8-bit RGB picture.
    """

    pixels: npt.NDArray[np.uint8]
    width: int
    height: int
    format: str
    notes: tuple[str, ...]


def decode(data: bytes, limits: Limits | None = None, at_least: int | None = None) -> Upright:
    """Decode one image file. The first frame or page is used where there are several.

    at_least: the picture may come back smaller, by whole factors, while both sides stay at least this many pixels;
    JPEG then skips most of its work. None: full size.

    Raises UnsupportedImage (no format of `FORMATS`, or a layout that is not read), TooLarge (bytes, pixels, or memory),
    DamagedImage (truncated, damaged, or lying about itself). Pillow's warnings become notes; as Python keeps its
    warning filters per process, calls from several threads wait for each other.
    """
    limits = limits or Limits()
    if len(data) > limits.bytes:
        raise TooLarge(f"The image has {len(data)} bytes; at most {limits.bytes} are accepted.")
    name = sniff(data)
    notes: list[str] = []
    with _translated(name, notes):
        picture = _open(name, data, limits)
        if name == "PNG":
            _open(name, data, limits).verify()  # decoding alone skips the checksums of the pixel data
        if name == "JPEG" and at_least:
            picture.draft(None, (at_least, at_least))
        claimed = picture.info.get("claimed_size", picture.size)
        rgb = scale_deep(picture, _open(name, data, limits), notes) if is_deep(picture) else to_rgb(picture, notes)
        turn = _orientation(picture, notes)
        if _has_more(picture):
            notes.append(f"This {name} holds more than one picture; only the first is used.")
        if at_least and (factor := min(rgb.size) // at_least) > 1:
            rgb = rgb.reduce(factor)
        pixels = np.asarray(rgb.transpose(UPRIGHT[turn]) if turn in UPRIGHT else rgb)
    width, height = claimed if turn not in (5, 6, 7, 8) else claimed[::-1]
    return Upright(pixels, width, height, name, tuple(dict.fromkeys(notes))[:MOST_NOTES])


def sniff(data: bytes) -> str:
    """The key of `FORMATS` that these bytes begin like. Raises UnsupportedImage."""
    for name, (beginnings, _) in FORMATS.items():
        if data.startswith(beginnings) and (name != "WEBP" or data[8:12] == b"WEBP"):
            return name
    what = "The image is empty" if not data else "The bytes are not an image in a format read here"
    raise UnsupportedImage(f"{what}; send one of {', '.join(FORMATS)}.")


def _open(name: str, data: bytes, limits: Limits) -> ImageFile.ImageFile:
    """Read the header only, and hold its size against the limits."""
    if name == "WEBP":
        _check_size(name, _webp_size(data), limits)  # its opener would allocate the whole canvas first
    try:
        picture = FORMATS[name][1](io.BytesIO(data))
    except SyntaxError as error:
        if "unknown pixel mode" in str(error):
            raise UnsupportedImage(f"This {name} has a pixel layout that is not read here.") from error
        raise
    _check_size(name, picture.size, limits)
    picture.info["claimed_size"] = picture.size  # draft mode changes .size
    if isinstance(picture, TiffImagePlugin.TiffImageFile):
        _check_strips(picture)
    return picture


def _check_size(name: str, size: tuple[int, int] | None, limits: Limits) -> None:
    if size is None:
        return
    width, height = size
    if width <= 0 or height <= 0:
        raise DamagedImage(f"The {name} says it is {width} × {height} pixels large.")
    if width * height > limits.pixels:
        raise TooLarge(f"The image has {width} × {height} pixels; at most {limits.pixels} in all are accepted.")


def _webp_size(data: bytes) -> tuple[int, int] | None:
    """Canvas width and height from a WebP header, None where the header is of no known kind."""
    kind, header = data[12:16], data[20:30].ljust(10, b"\0")
    if kind == b"VP8X":
        return 1 + int.from_bytes(header[4:7], "little"), 1 + int.from_bytes(header[7:10], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(header[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        return int.from_bytes(header[6:8], "little") & 0x3FFF, int.from_bytes(header[8:10], "little") & 0x3FFF
    return None


def _check_strips(picture: TiffImagePlugin.TiffImageFile) -> None:
    """Pillow leaves black what no strip covers, and misreads separate planes of sixteen bits: refuse both."""
    tags = picture.tag_v2
    planes = len(picture.getbands()) if tags.get(TiffImagePlugin.PLANAR_CONFIGURATION, 1) == 2 else 1
    raw = [tile for tile in picture.tile if tile.codec_name == "raw"]
    if not raw:
        return
    if planes > 1 and max(tags.get(TiffImagePlugin.BITSPERSAMPLE, (1,))) > 8:
        raise UnsupportedImage("This TIFF stores separate colour planes of more than 8 bits, which are not read here.")
    boxes = [tile.extents for tile in raw if tile.extents]
    covered = sum((right - left) * (lower - upper) for left, upper, right, lower in boxes)
    if covered < picture.width * picture.height * planes:
        raise DamagedImage("The TIFF has fewer strips than its height needs.")


def _orientation(picture: ImageFile.ImageFile, notes: list[str]) -> int:
    """EXIF orientation 1 to 8 of a loaded picture; Pillow turns TIFF upright by itself and then says 1."""
    try:
        value = picture.getexif().get(ExifTags.Base.Orientation, 1)
    except PILLOW_ERRORS:
        notes.append("The EXIF block cannot be read, so no orientation is applied.")
        return 1
    if value not in range(1, 9):
        notes.append("The EXIF orientation is not one of 1 to 8, so none is applied.")
        return 1
    return int(value)


def _has_more(picture: ImageFile.ImageFile) -> bool:
    try:
        return bool(getattr(picture, "is_animated", False))
    except PILLOW_ERRORS:  # damage behind the first frame does not touch it
        return True


@contextmanager
def _translated(name: str, notes: list[str]) -> Iterator[None]:
    """Pillow's exceptions become ours, and its warnings become notes."""
    with _one_at_a_time, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            yield
        except FoveaError:
            raise
        except (MemoryError, Image.DecompressionBombError) as error:
            raise TooLarge(f"Decoding this {name} needs more memory than is allowed.") from error
        except PILLOW_ERRORS as error:
            raise DamagedImage(f"The {name} cannot be decoded: {_plain(error)}.") from error
    notes.extend(f"The decoder warned: {_plain(warning.message)}." for warning in caught)


def _plain(message: object) -> str:
    """One printable line of at most 200 characters, in plain words where Pillow's are known to be terse."""
    cause = getattr(message, "__cause__", None)  # a SyntaxError wraps the KeyError of a missing entry
    text = " ".join(str(message).split()).strip(" .") or type(message).__name__
    if isinstance(message, KeyError) or isinstance(cause, KeyError):
        text = f"there is no entry {text}"
    text = next((words for terse, words in PLAIN_WORDS.items() if terse in text), text)
    return "".join(c if c.isprintable() else "?" for c in text[:200])
