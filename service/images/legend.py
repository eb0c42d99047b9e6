"""The strip below an overlay: its colour scale, and what a reader must know."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

NOTICE = "Where the model looked, not where disease is."
GROUND, INK, QUIET = (18, 18, 18), (240, 240, 240), (170, 170, 170)
MIN_WIDTH = 320
SIZES = (11, 30)  # of the letters, pixels; a fortieth of the width between them


def with_legend(picture: Image.Image, colours: npt.NDArray[np.uint8], maximum: float, caption: str) -> Image.Image:
    """A new picture: the given one at the upper left, and below it the scale, the caption and how to read them.

    colours: uint8[256, 3], from 0 to `maximum`. At least 320 pixels wide, so that the words fit.
    """
    width = max(picture.width, MIN_WIDTH)
    font = _font(min(max(width // 40, SIZES[0]), SIZES[1]))
    line = round(1.35 * font.size)
    margin = line // 2
    words = [*_wrapped(caption, font, width - 2 * margin), *_wrapped(NOTICE, font, width - 2 * margin)]
    sheet = Image.new("RGB", (width, picture.height + 2 * margin + line * (1 + len(words))), GROUND)
    sheet.paste(picture)
    pen = ImageDraw.Draw(sheet)
    top = picture.height + margin
    _scale(sheet, pen, font, (margin, top, width - margin, top + line), colours, maximum)
    for number, text in enumerate(words, start=1):
        pen.text((margin, top + number * line), text, INK if number < len(words) else QUIET, font)
    return sheet


def _scale(
    sheet: Image.Image,
    pen: ImageDraw.ImageDraw,
    font: ImageFont.FreeTypeFont,
    box: tuple[int, int, int, int],
    colours: npt.NDArray[np.uint8],
    maximum: float,
) -> None:
    """`0 [colours] maximum` on one line."""
    left, top, right, bottom = box
    lowest, highest = "0", f"{maximum:.3g}"
    gap = int(font.size) // 2
    start = left + round(font.getlength(lowest)) + gap
    end = right - round(font.getlength(highest)) - gap
    bar = Image.fromarray(colours[None]).resize((end - start, (bottom - top) // 2))
    sheet.paste(bar, (start, top + (bottom - top) // 5))
    pen.text((left, top), lowest, INK, font)
    pen.text((end + gap, top), highest, INK, font)


def _wrapped(text: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    """Lines of at most `width` pixels, broken between words; a word longer than a line stands alone."""
    lines = []
    for paragraph in text.splitlines():
        line = ""
        for word in paragraph.split():
            longer = f"{line} {word}".lstrip()
            if line and font.getlength(longer) > width:
                lines.append(line)
                longer = word
            line = longer
        lines.append(line)
    return lines


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise TypeError("Pillow was built without FreeType")
    return font
