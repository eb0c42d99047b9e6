"""The pages of a TIFF: which one is the picture, and how its numbers are stored."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
import numpy.typing as npt

from service.errors import UnsupportedImage

SUBFILE, OLD_SUBFILE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC = 254, 255, 256, 257, 258, 259, 262
FILL_ORDER, SAMPLES, PLANAR, PREDICTOR, SUB_DIRECTORIES, EXTRA, SAMPLE_FORMAT = 266, 277, 284, 317, 330, 338, 339

REDUCED, MASK = 1, 4
"""Bits of NewSubfileType."""

INTEGERS = {1: "B", 3: "H", 4: "I", 7: "B", 13: "I", 16: "Q", 18: "Q"}
"""TIFF field type -> struct letter, for the types that hold unsigned integers; 7 is bytes of any meaning."""

MAX_PAGES = 4096

FORMS = {1: "u", 2: "i", 3: "f", 4: "u"}
"""SampleFormat -> kind of numpy number; 4 is undefined, which libtiff reads as unsigned too."""

READ = {
    1: "no", 2: "CCITT", 3: "CCITT group 3", 4: "CCITT group 4", 5: "LZW", 6: "old JPEG", 7: "JPEG", 8: "deflate",
    32771: "CCITT", 32773: "PackBits", 32809: "ThunderScan", 32946: "deflate", 34925: "LZMA", 50000: "Zstandard",
}  # fmt: skip
"""Compressions that the decoder behind Pillow was built with, by name."""

COMPRESSIONS = {
    33003: "JPEG 2000", 33004: "JPEG 2000", 33005: "JPEG 2000", 34712: "JPEG 2000", 22610: "JPEG XR", 34934: "JPEG XR",
    34892: "lossy JPEG of a raw photograph", 34887: "LERC", 34661: "JBIG", 34933: "PNG", 50001: "WebP",
    50002: "JPEG XL", 52546: "JPEG XL", 34676: "SGI LogLuv", 34677: "SGI LogLuv", 32766: "NeXT RLE",
    34926: "Zstandard of an early draft", 34927: "WebP of an early draft",
}  # fmt: skip
"""Names of compressions that are not read."""

PHOTOMETRICS = {
    4: "a transparency mask", 8: "CIE L*a*b* (LAB) colours", 9: "ICC L*a*b* (LAB) colours",
    10: "ITU L*a*b* (LAB) colours", 32803: "the sensor values of a raw photograph",
    34892: "the linear sensor values of a raw photograph", 32844: "LogL brightness", 32845: "LogLuv colours",
}  # fmt: skip
"""Names of colour representations that are not read."""


@dataclass(frozen=True)
class Page:
    """One image file directory.

    order: `<` or `>`. big: whether of a BigTIFF. fields: tag -> (struct letters, place in the file) of its integers.
    """

    data: bytes = field(repr=False)
    offset: int
    order: str
    big: bool
    fields: Mapping[int, tuple[str, int]]

    def values(self, tag: int, default: tuple[int, ...] = ()) -> tuple[int, ...]:
        """The unsigned integers of a field; the default where there is none, or where it lies outside the file."""
        letters, place = self.fields.get(tag, ("", 0))
        if not letters or place + struct.calcsize(letters) > len(self.data):
            return default
        return struct.unpack_from(letters, self.data, place)

    def first(self, tag: int, default: int) -> int:
        return (self.values(tag) or (default,))[0]

    @property
    def reduced(self) -> bool:
        return bool(self.first(SUBFILE, 0) & REDUCED) or self.first(OLD_SUBFILE, 1) == 2

    @property
    def mask(self) -> bool:
        return bool(self.first(SUBFILE, 0) & MASK) or self.first(PHOTOMETRIC, 1) == 4

    @property
    def pixels(self) -> int:
        return self.first(WIDTH, 0) * self.first(HEIGHT, 0)

    @property
    def number(self) -> npt.DTypeLike | None:
        """The numpy type of its samples; None where they have no whole bytes or are not all alike."""
        bits, forms = set(self.values(BITS, (1,))), set(self.values(SAMPLE_FORMAT, (1,)))
        if len(bits) > 1 or len(forms) > 1 or not forms <= FORMS.keys():
            return None
        form, size = FORMS[forms.pop()], bits.pop()
        if size not in ((16, 32, 64) if form == "f" else (8, 16, 32, 64)):
            return None
        return np.dtype(f"{self.order}{form}{size // 8}")


def choose_page(data: bytes, notes: list[str]) -> tuple[bytes, Page | None]:
    """The file with its picture as the first page, and that page; None where no directory can be read.

    The picture is the first page that is neither marked as a reduced-resolution copy nor a mask; then the first such
    page among the sub-directories; then the largest. A note says which, where there is more than one.
    """
    try:
        pages = list(islice(_pages(data), MAX_PAGES))
    except (struct.error, OverflowError):
        return data, None
    if not pages:
        return data, None
    full = [page for page in pages if not page.reduced and not page.mask]
    inner = [] if full else [page for page in _inner(data, pages) if not page.reduced and not page.mask]
    page = next(iter(full + inner), max(pages, key=lambda one: one.pixels))
    if len(pages) > 1 or inner:
        notes.append(_which(pages, page))
    if page is pages[0]:
        return data, page
    start, packed = _header(data)[2:]
    return data[:start] + struct.pack(page.order + packed, page.offset) + data[start + struct.calcsize(packed) :], page


def refuse_unread(page: Page) -> None:
    """Raises UnsupportedImage, by name, for what a valid TIFF may hold and is not read here."""
    compression, photometric = page.first(COMPRESSION, 1), page.first(PHOTOMETRIC, 1)
    if compression not in READ:
        name = COMPRESSIONS.get(compression, f"kind {compression}")
        raise UnsupportedImage(
            f"This TIFF is compressed as {name}, which is not read here; save it uncompressed or with LZW or deflate."
        )
    if photometric in PHOTOMETRICS:
        raise UnsupportedImage(
            f"This TIFF holds {PHOTOMETRICS[photometric]}, not read here; save it as RGB or greyscale."
        )


def layout(page: Page) -> str:
    """How the samples of a page are stored, in words, for a refusal."""
    kinds = {1: "unsigned integer", 2: "signed integer", 3: "float", 5: "complex integer", 6: "complex float"}
    forms = {kinds.get(form, "undefined") for form in page.values(SAMPLE_FORMAT, (1,))}
    bits = "/".join(str(size) for size in dict.fromkeys(page.values(BITS, (1,))))
    channels, compression = page.first(SAMPLES, 1), page.first(COMPRESSION, 1)
    noun = "channel" if channels == 1 else "channels"
    held = f"{channels} {noun} of {bits}-bit {' and '.join(sorted(forms))} samples"
    return held if compression == 1 else f"{held} with {READ.get(compression, 'unknown')} compression"


def _which(pages: list[Page], page: Page) -> str:
    if page not in pages:
        return "Every page of this TIFF is marked as a reduced-resolution copy; the full picture within one is used."
    place = pages.index(page) + 1
    held = f"This TIFF holds more than one picture: {len(pages)} pages"
    if place == 1:
        return f"{held}; the first is used."
    if page.reduced or page.mask:
        return f"{held}, all marked as reduced-resolution copies; the largest, page {place}, is used."
    return f"{held}; page {place} is used, the first not marked as a reduced-resolution copy or a mask."


def _header(data: bytes) -> tuple[str, bool, int, str]:
    """Byte order, whether it is a BigTIFF, and where the first directory's offset stands, and its struct letter."""
    order = "<" if data[:2] == b"II" else ">"
    big = struct.unpack_from(order + "H", data, 2)[0] == 43
    return order, big, *((8, "Q") if big else (4, "I"))


def _pages(data: bytes) -> Iterator[Page]:
    """The chain of directories; it ends at one that was already met, or lies outside the file."""
    order, _, start, packed = _header(data)
    (offset,) = struct.unpack_from(order + packed, data, start)
    met: set[int] = set()
    while offset and offset not in met:
        met.add(offset)
        found = _directory(data, offset)
        if found is None:
            return
        page, offset = found
        yield page


def _inner(data: bytes, pages: list[Page]) -> Iterator[Page]:
    for page in pages:
        for offset in page.values(SUB_DIRECTORIES)[:MAX_PAGES]:
            if found := _directory(data, offset):
                yield found[0]


def _directory(data: bytes, offset: int) -> tuple[Page, int] | None:
    """The directory at this offset and the offset of the next one; None where it does not lie in the file."""
    order, big, _, packed = _header(data)
    counted, size, inline = ("Q", 20, 8) if big else ("H", 12, 4)
    start = offset + struct.calcsize(counted)
    if start > len(data):
        return None
    (count,) = struct.unpack_from(order + counted, data, offset)
    end = start + size * count
    if end + inline > len(data):
        return None
    fields = {}
    for place in range(start, end, size):
        tag, kind = struct.unpack_from(order + "HH", data, place)
        (length,) = struct.unpack_from(order + packed, data, place + 4)
        if kind in INTEGERS and 0 < length <= len(data):
            letters, at = f"{order}{length}{INTEGERS[kind]}", place + 4 + struct.calcsize(packed)
            if struct.calcsize(letters) > inline:
                (at,) = struct.unpack_from(order + packed, data, at)
            fields[tag] = letters, at
    return Page(data, offset, order, big, fields), struct.unpack_from(order + packed, data, end)[0]
