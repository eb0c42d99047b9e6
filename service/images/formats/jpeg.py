"""JPEG: baseline, extended, progressive, lossless and arithmetic-coded, of 8 bits."""

from __future__ import annotations

from PIL import JpegImagePlugin

from service.errors import UnsupportedImage
from service.images.formats import pillow
from service.images.formats.stored import Source, Stored

BEGINNING = b"\xff\xd8\xff"

FRAMES = {
    0xC5: "hierarchical JPEG", 0xC6: "hierarchical JPEG", 0xC7: "hierarchical lossless JPEG",
    0xCB: "lossless JPEG with arithmetic coding", 0xCD: "hierarchical JPEG", 0xCE: "hierarchical JPEG",
    0xCF: "hierarchical lossless JPEG", 0xF7: "JPEG-LS",
}  # fmt: skip
"""Frame headers of what is not read."""

READ_FRAMES = (0xC0, 0xC1, 0xC2, 0xC3, 0xC9, 0xCA)
WITHOUT_LENGTH = (0x01, 0xFF, *range(0xD0, 0xD9))
SCAN = 0xDA


def read(source: Source) -> Stored:
    """Decodes at a half, a quarter or an eighth of the size where both sides stay at least `at_least` pixels."""
    _refuse_unread(source.data)
    opened = pillow.open_picture("JPEG", JpegImagePlugin.jpeg_factory, source)
    if source.at_least:
        opened.picture.draft(None, (source.at_least, source.at_least))
    stored = pillow.load(opened)
    if opened.picture.mode == "CMYK" and "adobe" not in opened.picture.info:
        source.notes.append("Its inks are taken as inverted, as Adobe writes them, though the file does not say so.")
    return stored


def _refuse_unread(data: bytes) -> None:
    """Raises UnsupportedImage, by name, for the frames of T.81 and T.87 that are not read, and for more than 8 bits."""
    marker, place = _frame(data)
    if marker in FRAMES:
        raise UnsupportedImage(f"This is {FRAMES[marker]}, which is not read here; save it as baseline JPEG or PNG.")
    if marker in READ_FRAMES and place + 5 <= len(data):
        bits, channels = data[place + 2], data[place + 7] if place + 7 < len(data) else 3
        if bits != 8:
            raise UnsupportedImage(
                f"This is a JPEG of {bits} bits, which is not read here; save it as 8-bit JPEG or PNG."
            )
        if channels not in (1, 3, 4):
            raise UnsupportedImage(f"This is a JPEG of {channels} channels, which is not read here; save it as RGB.")


def _frame(data: bytes) -> tuple[int, int]:
    """The first frame header's marker and where its content starts; (0, 0) where there is none before the scan."""
    place = 2
    while place + 4 <= len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if marker == SCAN:
            break
        if marker in FRAMES or marker in READ_FRAMES:
            return marker, place + 2
        place += (
            1 if marker == 0xFF else 2 if marker in WITHOUT_LENGTH
            else 2 + int.from_bytes(data[place + 2 : place + 4], "big")
        )  # fmt: skip
    return 0, 0
