"""A stored picture to 8-bit RGB in sRGB, with a note for whatever is not a plain copy."""

from __future__ import annotations

from math import ceil

import numpy as np
from PIL import Image, ImageChops, ImageOps

from service.errors import DamagedImage
from service.images.depth import find_scale
from service.images.formats.stored import Samples, Stored
from service.images.profiles import DEEPEST, PROFILE_ERRORS, Profile

Notes = list[str]

KINDS = {"L": "grey", "RGB": "RGB", "CMYK": "CMYK"}
UNUSED = "cannot be used; colours are taken as sRGB"


def to_rgb(stored: Stored, name: str, notes: Notes, factor: int = 1) -> Image.Image:
    """Mode RGB, in sRGB where the colour profile allows, transparent parts over black; not turned upright.

    name: the format, for refusals. factor: how many times smaller the result is to be, by averaging.
    Raises DamagedImage for numbers that are not finite, and where nothing of the picture can be seen.
    """
    if stored.alpha is not None and stored.alpha.getextrema() == (0, 0):
        raise DamagedImage(
            f"This {name} is transparent everywhere, so that nothing of it can be seen; save it without its"
            " transparency (alpha channel)."
        )
    if isinstance(stored.colour, Image.Image):
        rgb = _shallow(stored.colour, _usable(stored.profile, stored.colour.mode, notes), notes)
    else:
        rgb = _deep(stored.colour, stored, notes, 1 if stored.alpha else factor)
        factor = factor if stored.alpha else 1
    if stored.inverted:
        rgb = ImageOps.invert(rgb)
    if stored.alpha is not None:
        rgb = _over_black(rgb, stored.alpha, stored.premultiplied, notes)
    return rgb.reduce(factor) if factor > 1 else rgb


def _shallow(picture: Image.Image, profile: Profile | None, notes: Notes) -> Image.Image:
    """Mode L, RGB or CMYK to RGB."""
    if profile:
        try:
            converted = profile.convert(picture)
            notes.append(f"Colours converted to sRGB from {profile.title}.")
        except PROFILE_ERRORS:
            notes.append(f"{_capital(profile.source)} {UNUSED}.")
        else:
            return converted
    if picture.mode == "CMYK":
        notes.append("CMYK converted to RGB without a colour profile.")
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def _deep(values: Samples, stored: Stored, notes: Notes, factor: int) -> Image.Image:
    """Numbers [h, w, 1 or 3] to RGB."""
    profile = _usable(stored.profile, "L" if values.shape[2] == 1 else "RGB", notes)
    scale = find_scale(values, notes, as_declared=profile is not None)
    if profile and not scale.natural:
        notes.append(f"{_capital(profile.source)} is not used, because it does not apply to numbers of this range.")
        profile = None
    if profile:
        levels = _reduced(np.asarray(scale.apply(values, DEEPEST), np.uint16), factor)
        try:
            converted = Image.fromarray(profile.convert_deep(levels))
            notes.append(f"Colours converted to sRGB from {profile.title}.")
        except PROFILE_ERRORS:
            notes.append(f"{_capital(profile.source)} {UNUSED}.")
        else:
            return converted
    grey_or_rgb = scale.apply(values, 255)
    picture = Image.fromarray(grey_or_rgb[..., 0] if values.shape[2] == 1 else grey_or_rgb)
    return (picture.reduce(factor) if factor > 1 else picture).convert("RGB")


def _usable(profile: Profile | None, mode: str, notes: Notes) -> Profile | None:
    """The profile, or None where there is none, it changes nothing, or it cannot be read, which is noted."""
    if profile is None:
        return None
    try:
        fits = profile.mode == mode or (profile.mode, mode) == ("RGB", "L")
        if fits and not profile.is_srgb:
            return profile
        if not fits:
            notes.append(f"{_capital(profile.title)} is for {KINDS[profile.mode]} colours and {UNUSED}.")
    except PROFILE_ERRORS:
        notes.append(f"{_capital(profile.source)} {UNUSED}.")
    return None


def _reduced(levels: np.ndarray, factor: int) -> np.ndarray:
    """uint16 [h, w, c] averaged over factor × factor pixels, fewer at the lower and right edge."""
    if factor == 1:
        return levels
    height, width, channels = levels.shape
    found = np.empty((ceil(height / factor), ceil(width / factor), channels), np.uint16)
    for channel in range(channels):
        plane = Image.fromarray(levels[..., channel].astype(np.float32)).reduce(factor)
        found[..., channel] = np.rint(np.asarray(plane))
    return found


def _over_black(rgb: Image.Image, alpha: Image.Image, premultiplied: bool, notes: Notes) -> Image.Image:
    """What can be seen through becomes black, the surround of a fundus photograph."""
    clear = ImageChops.invert(alpha)
    if clear.getextrema() == (0, 0):
        return rgb
    notes.append("Transparent parts are laid over black.")
    if not premultiplied:  # colours multiplied by their opacity lie over black already
        rgb.paste((0, 0, 0), mask=clear)
    return rgb


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
