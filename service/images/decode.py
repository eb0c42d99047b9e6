"""Untrusted bytes in, upright 8-bit RGB pixels out, or an error that says what was wrong.

The format is told from the content alone. Sizes are checked against `Limits` before any pixel is decoded, so Pillow's
own process-wide bomb guard is neither needed nor touched: images are opened through the readers of `FORMATS`, not
through `Image.open`. Nothing is filled in: a truncated or damaged file is refused.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from service.errors import DamagedImage, FoveaError, TooLarge, UnsupportedImage
from service.images.colour import to_rgb
from service.images.formats.pillow import PILLOW_ERRORS
from service.images.formats.stored import Limits, Source
from service.images.formats.table import FORMATS, sniff

__all__ = ["FORMATS", "UPRIGHT", "Limits", "Upright", "decode", "sniff"]

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

MESSAGES = {
    "the file is cut short": (
        "runcated", "requires a buffer of", "index out of range", "nexpected end of file", "nexpected EOF",
        "bytes but only got", "Insufficient input data", "cut short", "references data", "not enough image data",
    ),
    "its header is damaged": (
        "not identified by this driver", "could not create decoder object", "basic info probe", "header",
        "BMFF parsing failed", "box", "not a TIFF file", "dimensions", "marker", "Marker", "CRC in chunk",
    ),
    "its pixel data are damaged or cut short": (
        "failed to read next frame", "decoder error", "Failed to decode", "pixel decode", "broken data stream",
        "Decoder plugin", "checksum", "bad adaptive filter",
    ),
    "it holds no picture": ("cannot load this image", "no more images", "image not found", "holds no picture"),
}  # fmt: skip
"""What a reader is told -> parts of decoders' messages that mean it."""

DAMAGED = "its content is damaged"

NOT_READ = ("nsupported", "not supported", "not implemented")
"""Parts of a decoder's message about a valid file that it does not read."""

MAX_NOTES = 12
_one_at_a_time = threading.Lock()


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
    """Decode one image file. Where there are several pictures, a note says which one is used.

    at_least: the picture may come back smaller, by whole factors, while both sides stay at least this many pixels;
    JPEG then skips most of its work. None: full size.

    Raises UnsupportedImage (no format of `FORMATS`, or an encoding or layout that is not read), TooLarge (bytes,
    pixels, or memory), DamagedImage (truncated, damaged, lying about itself, or transparent everywhere). Pillow's
    warnings become notes; as Python keeps its warning filters per process, calls from several threads wait for each
    other.
    """
    limits = limits or Limits()
    if len(data) > limits.bytes:
        raise TooLarge(f"The image has {len(data)} bytes; at most {limits.bytes} are accepted.")
    name = sniff(data)
    notes: list[str] = []
    with _translated(name, notes):
        stored = FORMATS[name].read(Source(data, limits, at_least, notes))
        loaded = stored.colour.size if isinstance(stored.colour, Image.Image) else stored.colour.shape[1::-1]
        rgb = to_rgb(stored, name, notes, max(1, min(loaded) // at_least) if at_least else 1)
        turn = UPRIGHT.get(stored.orientation)
        pixels = np.asarray(rgb.transpose(turn) if turn is not None else rgb)
    width, height = stored.size if stored.orientation < 5 else stored.size[::-1]
    return Upright(pixels, width, height, name, tuple(dict.fromkeys(notes))[:MAX_NOTES])


@contextmanager
def _translated(name: str, notes: list[str]) -> Iterator[None]:
    """The decoders' exceptions become ours, and their warnings become notes."""
    with _one_at_a_time, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            yield
        except FoveaError:
            raise
        except (MemoryError, Image.DecompressionBombError) as error:
            raise TooLarge(f"Decoding this {name} needs more memory than is allowed.") from error
        except PILLOW_ERRORS as error:
            if any(words in str(error) for words in NOT_READ):
                raise UnsupportedImage(f"This {name} has an encoding that is not read here; save it anew.") from error
            raise DamagedImage(f"The {name} cannot be decoded: {_in_words(error)}.") from error
    if caught:
        notes.append(f"Something beside the pixels of this {name}, such as its EXIF, is damaged and was not read.")


def _in_words(error: Exception) -> str:
    """What a decoder's message means; its own words are for those who know the decoder."""
    text = str(error)
    return next((plain for plain, parts in MESSAGES.items() if any(part in text for part in parts)), DAMAGED)
