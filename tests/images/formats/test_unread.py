"""Valid files that are not read are refused by name, and never called damaged."""

from __future__ import annotations

import struct
from contextlib import suppress

import pytest

from service.errors import DamagedImage, UnsupportedImage
from service.images.decode import decode
from tests.images.making import encoded, scene


def framed(marker: int, bits: int = 8, channels: int = 3) -> bytes:
    """A JPEG of the scene whose frame header is of another kind."""
    data = bytearray(encoded(scene(), "JPEG"))
    place = data.index(b"\xff\xc0")
    data[place + 1], data[place + 4], data[place + 9] = marker, bits, channels
    return bytes(data)


@pytest.mark.parametrize(("marker", "name"), [
    (0xF7, "JPEG-LS"), (0xC5, "hierarchical JPEG"), (0xC7, "hierarchical lossless JPEG"),
    (0xCB, "lossless JPEG with arithmetic coding"), (0xCD, "hierarchical JPEG"),
])  # fmt: skip
def test_frames_of_jpeg_that_are_not_read(marker: int, name: str) -> None:
    with pytest.raises(UnsupportedImage, match=f"{name}, which is not read here"):
        decode(framed(marker))


@pytest.mark.parametrize("bits", [10, 12, 16])
def test_a_jpeg_of_more_than_eight_bits(bits: int) -> None:
    for marker in (0xC0, 0xC1, 0xC2, 0xC3):
        with pytest.raises(UnsupportedImage, match=f"a JPEG of {bits} bits, which is not read here"):
            decode(framed(marker, bits))


def test_a_jpeg_of_two_or_five_channels() -> None:
    for channels in (2, 5):
        with pytest.raises(UnsupportedImage, match=f"{channels} channels, which is not read here"):
            decode(framed(0xC0, channels=channels))


def test_a_plain_frame_is_read() -> None:
    assert decode(framed(0xC0)).format == decode(framed(0xC1)).format == "JPEG"


@pytest.mark.parametrize(("compression", "name"), [(4, "JPEG"), (5, "PNG"), (11, "CMYK")])
def test_compressions_of_bmp_that_are_not_read(compression: int, name: str) -> None:
    data = bytearray(encoded(scene(), "BMP"))
    struct.pack_into("<I", data, 30, compression)
    with pytest.raises(UnsupportedImage, match=f"compressed as {name}, which is not read here"):
        decode(bytes(data))


def test_a_layout_of_bmp_that_is_not_read() -> None:
    data = bytearray(encoded(scene(), "BMP"))
    struct.pack_into("<H", data, 28, 2)
    with pytest.raises(UnsupportedImage, match="not read here"):
        decode(bytes(data))


@pytest.mark.parametrize(("data", "name"), [
    (b"II\xbc\x01" + bytes(100), "JPEG XR"), (bytes(128) + b"DICM" + bytes(100), "DICOM"), (b"8BPS\0\1", "Photoshop"),
    (b"%PDF-1.7", "PDF"), (b"P6\n4 4\n255\n" + bytes(48), "Netpbm"), (b"v/1\x01" + bytes(50), "OpenEXR"),
    (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", "raw photograph"), (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", "video"),
    (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"), (b"<!DOCTYPE html><html>", "HTML"),
    (b"/9j/4AAQSkZJRg==", "base64"), (b"\x1f\x8b\x08" + bytes(50), "gzip"), (b"<svg xmlns='x'/>", "SVG"),
])  # fmt: skip
def test_what_else_people_send_is_named(data: bytes, name: str) -> None:
    with pytest.raises(UnsupportedImage, match=f"{name}.*not read here; send one of JPEG"):
        decode(data)


def test_lossless_and_arithmetic_jpeg_are_left_to_the_decoder() -> None:
    """A frame kind that is read is not refused by its marker: what fails then is the data."""
    for marker in (0xC3, 0xC9, 0xCA):
        with suppress(DamagedImage):  # UnsupportedImage would fail the test
            decode(framed(marker))
