"""HEIF (HEIC): still pictures coded with HEVC, by libheif and libde265."""

from __future__ import annotations

import _pi_heif
from PIL import Image

from service.errors import DamagedImage
from service.images.formats import codepoints, isobmff
from service.images.formats.pixels import unpacked
from service.images.formats.stored import Source, Stored
from service.images.profiles import Profile

BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1", b"mif2"}

THREADS = 1
TO_8_BITS, NO_BGR, WITHOUT_STRIDE, TO_16_BITS, ANY_DECODER, WITHIN_LIMITS = True, False, True, True, "", False
ICC = ("rICC", "prof")


def matches(data: bytes) -> bool:
    return bool(isobmff.brands(data) & BRANDS)


def read(source: Source) -> Stored:
    """The primary picture. libheif applies the file's rotation and mirroring, which replace EXIF's orientation.

    The wrapper's own `HeifFile` is passed by: it reads EXIF first, and crashes where that is damaged.
    """
    isobmff.check_sizes("HEIF", source)
    pictures = _pi_heif.load_file(
        source.data, THREADS, TO_8_BITS, NO_BGR, WITHOUT_STRIDE, TO_16_BITS, ANY_DECODER, WITHIN_LIMITS
    )
    pictures = [picture for picture in pictures if picture is not None]
    primary = next((picture for picture in pictures if picture.primary), None)
    if primary is None:
        raise DamagedImage("The HEIF cannot be decoded: it holds no picture.")
    size, mode = primary.size_mode
    source.limits.check_pixels("HEIF", *size)
    picture = Image.frombytes(mode.removesuffix(";16"), size, primary.data, "raw", mode, primary.stride)
    if len(pictures) > 1:
        source.notes.append("This HEIF holds more than one picture; only the first, its primary one, is used.")
    has_alpha = picture.mode[-1] in "Aa"
    colour, alpha = unpacked(picture) if has_alpha else (picture, None)
    return Stored(colour, size, alpha, picture.mode[-1] == "a", profile=_profile(primary.color_profile, source.notes))


def _profile(found: dict[str, object] | None, notes: list[str]) -> Profile | None:
    """An ICC profile, or code points."""
    if not found:
        return None
    data = found["data"]
    if found["type"] in ICC and isinstance(data, bytes):
        return Profile(data) if data else None
    if isinstance(data, dict):
        return codepoints.profile(
            int(data["color_primaries"]), int(data["transfer_characteristics"]), codepoints.SOURCE, notes
        )
    return None
