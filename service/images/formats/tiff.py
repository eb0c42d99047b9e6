"""TIFF, whose numbers are read as SampleFormat says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PIL import Image, ImageFile, TiffImagePlugin

from service.errors import DamagedImage, UnsupportedImage
from service.images.formats import pillow
from service.images.formats import tiff_pages as pages
from service.images.formats.exif import ORIENTATIONS
from service.images.formats.stored import Samples, Source, Stored
from service.images.formats.tiff_pages import Page, choose_page, layout, refuse_unread
from service.images.formats.tiff_samples import can_read, read_samples
from service.images.icc import SRGB
from service.images.profiles import Profile

BEGINNINGS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

ICC, ORIENTATION, TRANSFER, PRIMARIES = 34675, 274, 301, 319
MIN_IS_WHITE, MIN_IS_BLACK, RGB = 0, 1, 2
ASSOCIATED, UNASSOCIATED = 1, 2
UNKNOWN_LAYOUT = "unknown pixel mode"
NEAR = 0.005
"""How close primaries are to sRGB's to count as the same."""


def read(source: Source) -> Stored:
    data, page = choose_page(source.data, source.notes)
    if page is None:
        raise DamagedImage("The TIFF cannot be decoded: it is cut short, or holds no picture.")
    refuse_unread(page)
    source.limits.check_pixels("TIFF", page.first(pages.WIDTH, 0), page.first(pages.HEIGHT, 0))
    if _has_numbers(page):
        return _numbers(data, page)
    try:
        opened = pillow.open_picture("TIFF", TiffImagePlugin.TiffImageFile, replace(source, data=data))
    except SyntaxError as error:
        if UNKNOWN_LAYOUT not in str(error):
            raise
        return _numbers(data, page)
    _check_strips(opened.picture)
    _note_colours(opened.picture, source.notes)
    return pillow.load(opened, inverted=page.first(pages.PHOTOMETRIC, 1) == MIN_IS_WHITE, one_picture=True)


def _has_numbers(page: Page) -> bool:
    """Whether Pillow may misread the samples: signed ones, those of several bytes, or in a big-endian BigTIFF."""
    photometric = page.first(pages.PHOTOMETRIC, MIN_IS_BLACK)
    if photometric not in (MIN_IS_WHITE, MIN_IS_BLACK, RGB) or not can_read(page):
        return False
    return page.number != np.dtype(np.uint8) or (page.big and page.order == ">")


def _numbers(data: bytes, page: Page) -> Stored:
    """What Pillow has no mode for. Raises UnsupportedImage, by name, DamagedImage."""
    photometric = page.first(pages.PHOTOMETRIC, MIN_IS_BLACK)
    colours = 3 if photometric == RGB else 1
    samples = read_samples(data, page)
    if photometric not in (MIN_IS_WHITE, MIN_IS_BLACK, RGB) or samples.shape[2] < colours:
        raise UnsupportedImage(f"This TIFF has {layout(page)}, which are not read here; save it as 8-bit RGB.")
    extra = page.values(pages.EXTRA)
    opacity = next((i for i, kind in enumerate(extra) if kind in (ASSOCIATED, UNASSOCIATED)), None)
    has_alpha = opacity is not None and colours + opacity < samples.shape[2]
    turn, icc = page.first(ORIENTATION, 1), bytes(page.values(ICC))
    return Stored(
        np.ascontiguousarray(samples[..., :colours]),
        (samples.shape[1], samples.shape[0]),
        _opacity(samples[..., colours + opacity]) if has_alpha and opacity is not None else None,
        premultiplied=has_alpha and opacity is not None and extra[opacity] == ASSOCIATED,
        inverted=photometric == MIN_IS_WHITE,
        orientation=turn if turn in ORIENTATIONS else 1,
        profile=Profile(icc) if icc else None,
    )


def _opacity(values: Samples) -> Image.Image:
    """8 bits, by the full range of the type; of floats, by 0 to 1. Raises UnsupportedImage for signed numbers."""
    if np.issubdtype(values.dtype, np.signedinteger):
        raise UnsupportedImage("This TIFF has a signed opacity (alpha channel), which is not read here.")
    full = 1.0 if np.issubdtype(values.dtype, np.floating) else 2.0 ** (8 * values.dtype.itemsize) - 1
    return Image.fromarray(
        np.rint(np.nan_to_num(values.astype(np.float64)).clip(0, full) * (255 / full)).astype(np.uint8)
    )


def _check_strips(picture: ImageFile.ImageFile) -> None:
    """Pillow leaves black what no strip covers."""
    raw = [tile for tile in picture.tile if tile.codec_name == "raw"]
    if not raw:
        return
    tags = picture.tag_v2 if isinstance(picture, TiffImagePlugin.TiffImageFile) else {}
    planes = len(picture.getbands()) if tags.get(pages.PLANAR, 1) == 2 else 1
    boxes = [tile.extents for tile in raw if tile.extents]
    covered = sum((right - left) * (lower - upper) for left, upper, right, lower in boxes)
    if covered < picture.width * picture.height * planes:
        raise DamagedImage("The TIFF has fewer strips than its height needs.")


def _note_colours(picture: ImageFile.ImageFile, notes: list[str]) -> None:
    """A note where a file without an ICC profile declares colours by tags, which are not used."""
    tags = picture.tag_v2 if isinstance(picture, TiffImagePlugin.TiffImageFile) else {}
    points = [float(value) for value in tags.get(PRIMARIES, ())]
    srgb = [value for point in SRGB for value in point]
    differ = len(points) == 6 and max(abs(one - other) for one, other in zip(points, srgb, strict=True)) > NEAR
    if ICC not in tags and (differ or TRANSFER in tags):
        notes.append("The TIFF's own primaries or transfer function are not used; colours are taken as sRGB.")
