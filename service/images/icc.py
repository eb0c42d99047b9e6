"""ICC profiles made from numbers: primaries and a curve, as PNG's chunks, EXIF and code points declare them.

ICC.1:2010, version 2 matrix profiles: the colourants are the primaries' XYZ, adapted to D50 by Bradford's matrix.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from service.images.profiles import Profile

Point = tuple[float, float]
Curve = Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]

D65: Point = (0.3127, 0.329)
SRGB: tuple[Point, Point, Point] = ((0.64, 0.33), (0.3, 0.6), (0.15, 0.06))
ADOBE: tuple[Point, Point, Point] = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06))
D50 = np.array([0.9642, 1.0, 0.8249])
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])

STEPS = 4096
"""Points of a curve's table."""


def gamma(exponent: float) -> Curve:
    """Light = value ** exponent."""
    return lambda values: values**exponent


def srgb_curve(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Light of sRGB values (IEC 61966-2-1)."""
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def matrix_profile(
    curve: Curve, source: str, primaries: tuple[Point, Point, Point] = SRGB, white: Point = D65
) -> Profile:
    """A profile of RGB colours. curve: values 0 to 1 to light 0 to 1. primaries, white: chromaticities x, y.

    Raises ValueError for primaries and a white that no colours can have.
    """
    if min(y for _, y in (*primaries, white)) <= 0:
        raise ValueError("chromaticities must be above the line y = 0")
    columns = np.array([_xyz(point) for point in primaries]).T
    try:
        matrix = columns * np.linalg.solve(columns, _xyz(white))
        cone = BRADFORD @ _xyz(white)
        adapted = np.linalg.inv(BRADFORD) @ np.diag(BRADFORD @ D50 / cone) @ BRADFORD @ matrix
    except np.linalg.LinAlgError as error:
        raise ValueError("the primaries lie on a line") from error
    if not np.isfinite(adapted).all() or np.abs(adapted).max() > 8:
        raise ValueError("the primaries are not those of a display")
    table = np.rint(np.clip(curve(np.linspace(0, 1, STEPS)), 0, 1) * 65535).astype(">u2")
    tags = {
        b"desc": b"desc" + bytes(4) + struct.pack(">I", 6) + b"Fovea\0" + bytes(78),
        b"cprt": b"text" + bytes(4) + b"CC0\0",
        b"wtpt": _xyz_tag(D50),
    }
    tags |= {name: _xyz_tag(column) for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), adapted.T, strict=True)}
    body = b"curv" + bytes(4) + struct.pack(">I", STEPS) + table.tobytes()
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), body)
    return Profile(_assembled(tags), source)


def _assembled(tags: dict[bytes, bytes]) -> bytes:
    """Header, table of tags, and their content, shared where it is the same."""
    start = 128 + 4 + 12 * len(tags)
    table, content, places = struct.pack(">I", len(tags)), b"", dict[bytes, int]()
    for name, body in tags.items():
        if body not in places:
            places[body] = start + len(content)
            content += body + bytes(-len(body) % 4)
        table += name + struct.pack(">II", places[body], len(body))
    header = struct.pack(">I4xI4s4s4s12x4s28x", start + len(content), 0x02400000, b"mntr", b"RGB ", b"XYZ ", b"acsp")
    return (header + _fixed(D50)).ljust(128, b"\0") + table + content


def _xyz(point: Point) -> npt.NDArray[np.float64]:
    x, y = point
    return np.array([x / y, 1, (1 - x - y) / y])


def _xyz_tag(values: npt.NDArray[np.float64]) -> bytes:
    return b"XYZ " + bytes(4) + _fixed(values)


def _fixed(values: npt.NDArray[np.float64]) -> bytes:
    """Signed numbers with 16 bits after the point."""
    return np.rint(values * 65536).astype(">i4").tobytes()
