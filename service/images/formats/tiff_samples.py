"""TIFF samples read straight from the strips or tiles, of every type and byte order."""

from __future__ import annotations

import io
import struct
from math import ceil

import numpy as np
import numpy.typing as npt
from PIL import TiffImagePlugin

from service.errors import DamagedImage, UnsupportedImage
from service.images.formats import tiff_pages as pages
from service.images.formats.stored import Samples
from service.images.formats.tiff_pages import Page

STRIP_OFFSETS, ROWS_PER_STRIP, STRIP_COUNTS = 273, 278, 279
TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_COUNTS = 322, 323, 324, 325
PLAIN = 1
CODECS = (PLAIN, 5, 8, 32773, 32946, 34925, 50000)
"""Compressions of bytes, whatever they mean: none, LZW, deflate, PackBits, LZMA, Zstandard."""

MAX_CHANNELS = 8


def can_read(page: Page) -> bool:
    """Whether all samples are of one type of whole bytes, compressed as bytes."""
    few = page.first(pages.SAMPLES, 1) <= MAX_CHANNELS
    return few and page.number is not None and page.first(pages.COMPRESSION, PLAIN) in CODECS


def read_samples(data: bytes, page: Page) -> Samples:
    """The page's samples in the machine's byte order: [height, width, channels], of the type that SampleFormat names.

    Raises UnsupportedImage, by name, for what `can_read` refuses; DamagedImage where strips are missing or too short.
    """
    if not can_read(page):
        raise UnsupportedImage(
            f"This TIFF has {pages.layout(page)}, which are not read here; save it as 8 or 16-bit RGB or greyscale."
        )
    number = np.dtype(page.number)
    width, height, channels = page.first(pages.WIDTH, 0), page.first(pages.HEIGHT, 0), page.first(pages.SAMPLES, 1)
    across, down, offsets, counts = _pieces(page, width, height)
    planes = channels if page.first(pages.PLANAR, 1) == 2 else 1
    columns, rows = ceil(width / across), ceil(height / down)
    if len(offsets) < planes * rows * columns or len(counts) < len(offsets):
        raise DamagedImage("The TIFF has fewer strips than its height needs.")
    found = np.zeros((height, width, channels), number.newbyteorder("="))
    for index in range(planes * rows * columns):
        plane, place = divmod(index, rows * columns)
        top, left = place // columns * down, place % columns * across
        tall = down if TILE_OFFSETS in page.fields else min(down, height - top)
        stored = data[offsets[index] : offsets[index] + counts[index]]
        piece = _piece(stored, page, (tall, across, channels // planes))
        part = slice(plane, plane + 1) if planes > 1 else slice(None)
        found[top : top + tall, left : left + across, part] = piece[: height - top, : width - left]
    return found


def _pieces(page: Page, width: int, height: int) -> tuple[int, int, tuple[int, ...], tuple[int, ...]]:
    """Width and height of the strips or tiles, and where each lies in the file, and how many bytes it has."""
    if TILE_OFFSETS in page.fields:
        across, down = page.first(TILE_WIDTH, 0), page.first(TILE_HEIGHT, 0)
        offsets, counts = page.values(TILE_OFFSETS), page.values(TILE_COUNTS)
    else:
        across, down = width, min(page.first(ROWS_PER_STRIP, height), height)
        offsets, counts = page.values(STRIP_OFFSETS), page.values(STRIP_COUNTS)
    if not (across and down and offsets):
        raise DamagedImage("The TIFF does not say where its pixels are.")
    return across, down, offsets, counts


def _piece(stored: bytes, page: Page, shape: tuple[int, int, int]) -> Samples:
    """One strip or tile, decompressed and with its predictor undone."""
    number = np.dtype(page.number)
    row = number.itemsize * shape[1] * shape[2]
    if (compression := page.first(pages.COMPRESSION, PLAIN)) != PLAIN:
        stored = _decompressed(stored, compression, page.first(pages.FILL_ORDER, 1), row, shape[0])
    if len(stored) < row * shape[0]:
        raise DamagedImage("The TIFF cannot be decoded: the file is cut short.")
    content = np.frombuffer(stored, np.uint8, row * shape[0])
    predictor = page.first(pages.PREDICTOR, 1)
    if predictor == 3:
        return _floats(content.reshape(shape[0], -1), shape, number)
    values = content.view(number).reshape(shape).astype(number.newbyteorder("="))
    if predictor == 2:
        whole = values.view(f"u{number.itemsize}")
        np.cumsum(whole, axis=1, dtype=whole.dtype, out=whole)
    return values


def _floats(rows: npt.NDArray[np.uint8], shape: tuple[int, int, int], number: np.dtype[np.generic]) -> Samples:
    """Predictor 3: bytes are stored by significance, the highest of all samples of a row first, as differences."""
    count, columns, channels = shape
    whole = np.cumsum(rows.reshape(count, -1, channels), axis=1, dtype=np.uint8)
    parts = whole.reshape(count, number.itemsize, columns * channels).swapaxes(1, 2)
    return np.ascontiguousarray(parts).view(f">f{number.itemsize}").reshape(shape).astype(number.newbyteorder("="))


def _decompressed(stored: bytes, compression: int, fill_order: int, width: int, height: int) -> bytes:
    """width × height bytes, by the decoder behind Pillow: it is given the strip as a picture of 8-bit grey."""
    tags = {
        256: width, 257: height, 258: 8, 259: compression, 262: 1, 266: fill_order, 273: 0, 277: 1, 278: height,
        279: len(stored),
    }  # fmt: skip
    tags[273] = 8 + 2 + 12 * len(tags) + 4
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    file = struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + entries + bytes(4) + stored
    return TiffImagePlugin.TiffImageFile(io.BytesIO(file)).tobytes()
