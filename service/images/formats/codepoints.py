"""Colours by code points (ITU-T H.273), as PNG's cICP chunk, HEIF, AVIF and JPEG XL write them."""

from __future__ import annotations

from service.images.icc import D65, SRGB, Curve, Point, gamma, matrix_profile, srgb_curve
from service.images.profiles import Profile

Primaries = tuple[tuple[Point, Point, Point], Point]

ILLUMINANT_C: Point = (0.31, 0.316)
UNSPECIFIED = 2

SOURCE = "the file's colour code points"
"""What notes call those of a file that has no other name for them."""

PRIMARIES: dict[int, Primaries] = {
    1: (SRGB, D65),
    4: (((0.67, 0.33), (0.21, 0.71), (0.14, 0.08)), ILLUMINANT_C),
    5: (((0.64, 0.33), (0.29, 0.6), (0.15, 0.06)), D65),
    6: (((0.63, 0.34), (0.31, 0.595), (0.155, 0.07)), D65),
    7: (((0.63, 0.34), (0.31, 0.595), (0.155, 0.07)), D65),
    8: (((0.681, 0.319), (0.243, 0.692), (0.145, 0.049)), ILLUMINANT_C),
    9: (((0.708, 0.292), (0.17, 0.797), (0.131, 0.046)), D65),
    11: (((0.68, 0.32), (0.265, 0.69), (0.15, 0.06)), (0.314, 0.351)),
    12: (((0.68, 0.32), (0.265, 0.69), (0.15, 0.06)), D65),
    22: (((0.63, 0.34), (0.295, 0.605), (0.155, 0.077)), D65),
}
"""ColourPrimaries -> chromaticities of red, green and blue, and of white."""

CURVES: dict[int, Curve] = {4: gamma(2.2), 5: gamma(2.8), 8: gamma(1.0), 13: srgb_curve, 17: gamma(2.6)}
"""TransferCharacteristics -> light of a value."""

VIDEO = (1, 6, 14, 15, UNSPECIFIED)
"""TransferCharacteristics of video, which still pictures are shown with as if they were sRGB."""

HDR = {16: "PQ", 18: "HLG"}


def profile(primaries: int, transfer: int, source: str, notes: list[str]) -> Profile | None:
    """The profile of these code points; None where they mean sRGB, or are not known, which is noted.

    source: what notes call them, beginning in lower case.
    """
    curve = srgb_curve if transfer in VIDEO else CURVES.get(transfer)
    chosen = PRIMARIES[1] if primaries == UNSPECIFIED else PRIMARIES.get(primaries)
    if transfer in HDR:
        notes.append(f"Brightness is coded for high dynamic range ({HDR[transfer]}), which is not converted.")
        return None
    if curve is None or chosen is None:
        notes.append(f"The colours ({source}, {primaries}/{transfer}) are not known here; they are taken as sRGB.")
        return None
    if chosen == PRIMARIES[1] and curve is srgb_curve:
        return None
    return matrix_profile(curve, source, *chosen)
