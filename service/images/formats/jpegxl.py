"""JPEG XL, whose samples are read at 8 bits."""

from __future__ import annotations

import numpy as np
import pylibjxl
from PIL import Image

from service.errors import UnsupportedImage
from service.images.formats import codepoints
from service.images.formats.jpegxl_header import BLACK, CONTAINER, SIGNATURE, Colours, Header, read_header
from service.images.formats.stored import Source, Stored
from service.images.icc import D65, SRGB, gamma, matrix_profile, srgb_curve
from service.images.profiles import Profile

NAME = "JPEG XL"
BEGINNINGS = (SIGNATURE, CONTAINER)

LINEAR = 8
SOURCE = "the JPEG XL's colour encoding"
DECODER = pylibjxl.JXL(threads=1)


def read(source: Source) -> Stored:
    """The first frame, turned upright by libjxl, which also applies the header's orientation."""
    notes = source.notes
    header = read_header(source.data)
    source.limits.check_pixels(NAME, header.width, header.height)
    if BLACK in header.extra:
        raise UnsupportedImage("This JPEG XL has CMYK colours, which are not read here; save it as RGB.")
    pixels, found = DECODER.decode(source.data, metadata=True)
    if header.animated:
        notes.append("This JPEG XL holds more than one picture; only the first is used.")
    if header.bits > 8:
        notes.append(f"This JPEG XL has {header.bits} bits a channel; 8 are used, over its full range.")
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    colours = pixels.shape[2] - (pixels.shape[2] in (2, 4))
    colour = Image.fromarray(np.ascontiguousarray(pixels[..., 0] if colours == 1 else pixels[..., :3]))
    alpha = Image.fromarray(np.ascontiguousarray(pixels[..., -1])) if pixels.shape[2] > colours else None
    profile = _profile(header, found.get("icc"), notes)
    return Stored(colour, colour.size, alpha, header.premultiplied, profile=profile)


def _profile(header: Header, icc: bytes | None, notes: list[str]) -> Profile | None:
    """What the pixels are in: the file's own encoding, or linear sRGB where libjxl cannot give that."""
    colours = header.colours
    if colours.icc and header.xyb:
        notes.append("Dark colours of this JPEG XL are coarse: it is read at 8 bits of linear light.")
        return matrix_profile(gamma(1.0), SOURCE)
    if colours.icc:
        return Profile(icc) if icc else None
    return _encoded(colours, notes)


def _encoded(colours: Colours, notes: list[str]) -> Profile | None:
    if colours.primaries is not None and colours.transfer is not None:
        return codepoints.profile(colours.primaries, colours.transfer, SOURCE, notes)
    curve = codepoints.CURVES.get(colours.transfer, srgb_curve) if colours.transfer else gamma(1 / colours.gamma)
    if colours.primaries is not None:
        points, white = codepoints.PRIMARIES.get(colours.primaries, (SRGB, D65))
    else:
        points, white = colours.points or SRGB, colours.white or D65
    return matrix_profile(curve, SOURCE, points, white)
