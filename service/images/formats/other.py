"""Files that people send and that are not read: what they are, by their first bytes."""

from __future__ import annotations

from collections.abc import Callable

OTHERS: dict[str, tuple[bytes, ...]] = {
    "a PDF document": (b"%PDF-",),
    "a Photoshop document": (b"8BPS",),
    "a JPEG XR image": (b"II\xbc\x01",),
    "an OpenEXR image": (b"v/1\x01",),
    "a Radiance HDR image": (b"#?RADIANCE", b"#?RGBE"),
    "a Netpbm image": tuple(f"P{number}{end}".encode() for number in range(1, 8) for end in "\n \t"),
    "an icon": (b"\0\0\1\0", b"\0\0\2\0"),
    "a raw photograph": (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"\0MRM"),
    "a MNG animation": (b"\x8aMNG",),
    "a QOI image": (b"qoif",),
    "a BPG image": (b"BPG\xfb",),
    "a FLIF image": (b"FLIF",),
    "a FITS image": (b"SIMPLE  =",),
    "a DjVu document": (b"AT&TFORM",),
    "a ZIP archive": (b"PK\3\4",),
    "a gzip archive": (b"\x1f\x8b",),
    "an HDF5 file": (b"\x89HDF\r\n\x1a\n",),
    "a NumPy array": (b"\x93NUMPY",),
    "an SVG drawing or an XML document": (b"<svg", b"<?xml", b"\xef\xbb\xbf<?xml"),
    "an HTML page": (b"<!DOCTYPE html", b"<!doctype html", b"<html"),
    "a Git LFS pointer, not the file itself": (b"version https://git-lfs",),
    "base64 text; decode it first": (b"data:image/", b"iVBORw0KGgo", b"/9j/"),
}
"""What it is -> first bytes."""

AT: tuple[tuple[str, Callable[[bytes], bool]], ...] = (
    ("a DICOM file", lambda data: data[128:132] == b"DICM"),
    ("a NIfTI volume", lambda data: data[344:348] in (b"n+1\0", b"ni1\0")),
    ("a raw photograph", lambda data: data[4:12] == b"ftypcrx "),
    ("a video", lambda data: data[4:8] == b"ftyp" or data[8:12] == b"AVI " or data[:4] == b"\x1aE\xdf\xa3"),
)
"""What it is -> whether these bytes are one."""


def named(data: bytes) -> str | None:
    """What the file is, with its article; None where it is of no known kind."""
    for what, beginnings in OTHERS.items():
        if data.startswith(beginnings):
            return what
    return next((what for what, matches in AT if matches(data)), None)
