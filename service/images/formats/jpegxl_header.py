"""The header of a JPEG XL codestream (ISO/IEC 18181-1), read before any pixel: size, channels and colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from service.images.formats import boxes
from service.images.icc import Point

SIGNATURE = b"\xff\x0a"
CONTAINER = b"\0\0\0\x0cJXL \r\n\x87\n"

RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}
"""Width to height, by a number of three bits."""

Choices = Sequence[tuple[int, int]]
SIZES: Choices = ((1, 9), (1, 13), (1, 18), (1, 30))
ENUM: Choices = ((0, 0), (1, 0), (2, 4), (18, 6))
CHROMATICITY: Choices = ((0, 19), (524288, 19), (1048576, 20), (2097152, 21))
"""Four variants of a number: (what is added, how many bits follow)."""

ALPHA, SPOT, BLACK, CFA = 0, 2, 4, 5
GREY, XYB_SPACE, CUSTOM = 1, 2, 2
MAX_CHANNELS = 16
MAX_NAME = 2048


@dataclass(frozen=True)
class Colours:
    """What the numbers mean. icc: by an ICC profile; otherwise by code points of H.273, or, where those are None, by
    chromaticities (white, red, green, blue) and by the exponent of a curve: light = value ** (1 / gamma).
    """

    grey: bool = False
    icc: bool = False
    primaries: int | None = 1
    transfer: int | None = 13
    white: Point | None = None
    points: tuple[Point, Point, Point] | None = None
    gamma: float = 1.0


@dataclass(frozen=True)
class Header:
    """width, height: pixels as stored. orientation: EXIF's numbers. bits: of a sample.

    extra: the kinds of the channels beside the colours. premultiplied: whether colours are multiplied by the opacity.
    xyb: whether coded in the codec's own space, so that a decoder chooses what it gives.
    """

    width: int
    height: int
    orientation: int = 1
    bits: int = 8
    animated: bool = False
    extra: tuple[int, ...] = ()
    premultiplied: bool = False
    xyb: bool = True
    colours: Colours = Colours()


def read_header(data: bytes) -> Header:
    """The header of a codestream or a container. Raises ValueError."""
    bits = _Bits(_codestream(data))
    bits.number(16)
    height, width = _size(bits)
    if bits.flag():
        return Header(width, height)
    orientation, animated = _extra_fields(bits) if bits.flag() else (1, False)
    depth = _depth(bits)
    bits.flag()
    count = bits.choice(((0, 0), (1, 0), (2, 4), (1, 12)))
    if count > MAX_CHANNELS:
        raise ValueError(f"{count} extra channels")
    extra = [_extra_channel(bits) for _ in range(count)]
    premultiplied = any(kind == ALPHA and associated for kind, associated in extra)
    xyb = bits.flag()
    kinds = tuple(kind for kind, _ in extra)
    return Header(width, height, orientation, depth, animated, kinds, premultiplied, xyb, _colours(bits))


class _Bits:
    """Numbers from the lowest bit of each byte up."""

    def __init__(self, data: bytes) -> None:
        self._data, self._place = data, 0

    def number(self, count: int) -> int:
        end = self._place + count
        if end > 8 * len(self._data):
            raise ValueError("the file is cut short")
        first, last = self._place // 8, (end + 7) // 8
        whole = int.from_bytes(self._data[first:last], "little") >> (self._place % 8)
        self._place = end
        return whole & ((1 << count) - 1)

    def flag(self) -> bool:
        return bool(self.number(1))

    def choice(self, choices: Choices) -> int:
        added, count = choices[self.number(2)]
        return added + self.number(count)


def _codestream(data: bytes) -> bytes:
    """The beginning of the codestream, which a container may hold in parts."""
    if data.startswith(SIGNATURE):
        return data
    whole = boxes.find(data, b"jxlc")
    parts = [part[4:] for part in boxes.find(data, b"jxlp")]
    stream = whole[0] if whole else b"".join(parts)
    if not stream.startswith(SIGNATURE):
        raise ValueError("it holds no picture")
    return stream


def _size(bits: _Bits) -> tuple[int, int]:
    """Height and width."""
    small = bits.flag()
    height = 8 * (1 + bits.number(5)) if small else bits.choice(SIZES)
    ratio = bits.number(3)
    if ratio:
        across, down = RATIOS[ratio]
        return height, height * across // down
    return height, 8 * (1 + bits.number(5)) if small else bits.choice(SIZES)


def _extra_fields(bits: _Bits) -> tuple[int, bool]:
    """Orientation, and whether there are several frames."""
    orientation = 1 + bits.number(3)
    if bits.flag():
        _size(bits)  # the size it is meant to be shown at
    if bits.flag():
        _preview(bits)
    animated = bits.flag()
    if animated:
        bits.choice(((100, 0), (1000, 0), (1, 10), (1, 30)))
        bits.choice(((1, 0), (1001, 0), (1, 8), (1, 10)))
        bits.choice(((0, 0), (0, 3), (0, 16), (0, 32)))
        bits.flag()
    return orientation, animated


def _preview(bits: _Bits) -> None:
    small = bits.flag()
    choices: Choices = ((16, 0), (32, 0), (1, 5), (33, 9)) if small else ((1, 6), (65, 8), (321, 10), (1345, 12))
    bits.choice(choices)
    if bits.number(3) == 0:
        bits.choice(choices)


def _depth(bits: _Bits) -> int:
    if bits.flag():
        depth = bits.choice(((32, 0), (16, 0), (24, 0), (1, 6)))
        bits.number(4)
        return depth
    return bits.choice(((8, 0), (10, 0), (12, 0), (1, 6)))


def _extra_channel(bits: _Bits) -> tuple[int, bool]:
    """Its kind, and, for opacity, whether colours are multiplied by it."""
    if bits.flag():
        return ALPHA, False
    kind = bits.choice(ENUM)
    _depth(bits)
    bits.choice(((0, 0), (3, 0), (4, 0), (1, 3)))
    length = bits.choice(((0, 0), (0, 4), (16, 5), (48, 10)))
    for _ in range(length):
        bits.number(8)
    if kind == ALPHA:
        return kind, bits.flag()
    if kind == SPOT:
        bits.number(64)
    elif kind == CFA:
        bits.choice(((1, 0), (0, 2), (3, 4), (19, 8)))
    return kind, False


def _colours(bits: _Bits) -> Colours:
    if bits.flag():
        return Colours()
    icc = bits.flag()
    space = bits.choice(ENUM)
    if icc:
        return Colours(grey=space == GREY, icc=True)
    white: Point | None = None
    points: tuple[Point, Point, Point] | None = None
    primaries, transfer, gamma = 1, None, 1.0
    if space != XYB_SPACE:
        white_kind = bits.choice(ENUM)
        white = _point(bits) if white_kind == CUSTOM else None
        if space != GREY:
            primaries = bits.choice(ENUM)
            points = (_point(bits), _point(bits), _point(bits)) if primaries == CUSTOM else None
        if white_kind == 11 and primaries in (1, 11):
            primaries = 11
    if bits.flag():
        gamma = bits.number(24) / 1e7
    else:
        transfer = bits.choice(ENUM)
    return Colours(space == GREY, False, None if white or points else primaries, transfer, white, points, gamma)


def _point(bits: _Bits) -> Point:
    x, y = (bits.choice(CHROMATICITY) for _ in range(2))
    return _signed(x) / 1e6, _signed(y) / 1e6


def _signed(number: int) -> int:
    """0, -1, 1, -2, 2 and so on."""
    return -(number + 1) // 2 if number % 2 else number // 2
