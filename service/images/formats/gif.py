"""GIF, of which the first frame is used."""

from __future__ import annotations

from PIL import GifImagePlugin

from service.images.formats import pillow
from service.images.formats.stored import Source, Stored

BEGINNINGS = (b"GIF87a", b"GIF89a")


def read(source: Source) -> Stored:
    return pillow.load(pillow.open_picture("GIF", GifImagePlugin.GifImageFile, source))
