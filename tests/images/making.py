"""Image files made by hand or by Pillow, for the tests of this room."""

from __future__ import annotations

import io
import os
import struct
import tarfile
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
RETINA = ROOT / "samples" / "retina.jpg"
FILES = Path(__file__).with_name("files")
"""Small files that no library of the tests can write; README.md there says how they were made."""

KINDS = ("bmp", "gif", "jpeg", "png", "tiff", "webp")


def scene(width: int = 64, height: int = 48, seed: int = 0) -> np.ndarray:
    """uint8[height, width, 3]: smooth random colours, different at every place."""
    rough = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(rough).resize((width, height), Image.Resampling.BICUBIC))


def encoded(pixels: np.ndarray | Image.Image, kind: str, **options: Any) -> bytes:
    """An image file, by Pillow."""
    picture = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(values: np.ndarray, colour_type: int, extra: bytes = b"") -> bytes:
    """A PNG from uint8 or uint16 samples [h, w] or [h, w, channels], without Pillow. extra: chunks before the data."""
    height, width = values.shape[:2]
    depth = 8 * values.dtype.itemsize
    samples = values.astype(values.dtype.newbyteorder(">")).reshape(height, -1)
    rows = b"".join(b"\0" + row.tobytes() for row in samples)
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    body = chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


Fields = dict[int, tuple[str, list[int]]]
"""TIFF tag -> struct letter, or d for a rational's pair, and the numbers."""

TYPES = {"B": 1, "H": 3, "I": 4, "d": 5}


def tiff(
    values: np.ndarray,
    order: str = "<",
    photometric: int = 1,
    sample_format: int = 1,
    planar: int = 1,
    deflate: bool = False,
    fields: Fields | None = None,
    after: bytes = b"",
) -> bytes:
    """A TIFF from samples [h, w] or [h, w, channels] (planar 2: [channels, h, w]), without Pillow.

    fields: added or replaced. after: a TIFF made by this function whose directories follow this one.
    """
    height, width = values.shape[1:] if planar == 2 else values.shape[:2]
    channels = 1 if values.ndim == 2 else values.shape[0 if planar == 2 else 2]
    data = values.astype(values.dtype.newbyteorder(order)).tobytes()
    strips = channels if planar == 2 else 1
    pieces = [data[i * len(data) // strips : (i + 1) * len(data) // strips] for i in range(strips)]
    if deflate:
        pieces = [zlib.compress(piece) for piece in pieces]
    numbers: Fields = {
        256: ("I", [width]), 257: ("I", [height]), 258: ("H", [8 * values.dtype.itemsize] * channels),
        259: ("H", [8 if deflate else 1]), 262: ("H", [photometric]), 273: ("I", [0] * strips), 277: ("H", [channels]),
        278: ("I", [height]), 279: ("I", [len(piece) for piece in pieces]), 284: ("H", [planar]),
        339: ("H", [sample_format] * channels),
    }  # fmt: skip
    whole = bytearray({"<": b"II*\0", ">": b"MM\0*"}[order] + bytes(4) + after[8:])
    offsets = []
    for piece in pieces:
        offsets.append(len(whole))
        whole += piece
    chain = struct.unpack_from(f"{order}I", after, 4)[0] if after else 0
    place = _directory(whole, order, dict(sorted((numbers | {273: ("I", offsets)} | (fields or {})).items())), chain)
    struct.pack_into(f"{order}I", whole, 4, place)
    return bytes(whole)


def _directory(whole: bytearray, order: str, fields: Fields, chain: int) -> int:
    """Appends one directory, whose next one is at `chain`; returns its place."""
    entries = b""
    for tag, (letter, numbers) in fields.items():
        content = struct.pack(f"{order}{len(numbers)}{letter.replace('d', 'I')}", *numbers)
        if len(content) > 4:
            whole += bytes(len(whole) % 2)
            content, place = struct.pack(f"{order}I", len(whole)), content
            whole += place
        count = len(numbers) // (2 if letter == "d" else 1)
        entries += struct.pack(f"{order}HHI", tag, TYPES[letter], count) + content.ljust(4, b"\0")
    whole += bytes(len(whole) % 2)
    start = len(whole)
    whole += struct.pack(f"{order}H", len(fields)) + entries + struct.pack(f"{order}I", chain)
    return start


@cache
def corpus() -> dict[str, bytes]:
    """The fuzzed images of FOVEA_TEST_CORPUS, by name; skips the test where they are not there."""
    folder = Path(os.environ.get("FOVEA_TEST_CORPUS", ROOT.parent / "shared" / "corpus"))
    archive = folder / "damaged-inputs.tar.gz"
    if not archive.is_file():
        pytest.skip(f"no fuzz corpus at {archive}; FOVEA_TEST_CORPUS names its folder")
    with tarfile.open(archive) as members:
        files = {m.name.removeprefix("./"): members.extractfile(m) for m in members if m.isfile()}
        return {name: file.read() for name, file in files.items() if file and name.split("/")[0] in KINDS}
