"""Collections and their items as values. Arrays are as the model gave them; nothing here knows how they are stored."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.collections.fingerprint import Fingerprint
from service.errors import BadParameter

NAME_PATTERN = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}", re.ASCII)
"""Of a collection's name: it is part of addresses, and safe in file names and shells."""

PIXEL_SIDE = 32
"""Side of the small picture whose pixels are compared in pixel space."""


@dataclass(frozen=True)
class Collection:
    """A named set of images as one version of one model sees them.

    fingerprint: what its vectors depend on. dim: numbers in a vector. thumbnails, originals: whether they are stored.
    created: seconds since 1970. count: images in it.
    """

    name: str
    model: str
    fingerprint: Fingerprint
    dim: int
    thumbnails: bool = True
    originals: bool = False
    created: float = 0.0
    count: int = 0


@dataclass(frozen=True)
class NewImage:
    """An image to add to a collection. data, mask: encoded files. name, label: may be empty."""

    data: bytes
    name: str = ""
    label: str = ""
    mask: bytes | None = None


@dataclass(frozen=True)
class Item:
    """One image of a collection.

    sha256: of its bytes as sent. name: what its sender calls it; label: its class; both may be empty. predicted: index
    of the likeliest class. probabilities: float32 [K]. embedding: float32 [D]. pixels: uint8 [32, 32, 3], what the
    model saw. unit_maxima: float16 [C], the maximum over space of each unit at the default cut. maps: float16
    [n, h, w], raw and signed, of the classes in `mapped_classes`. field: float16 [h, w], the share of each cell inside
    the field of view. mask: the same for a mask that came with the image. thumbnail: JPEG. original, mask_original:
    the bytes as sent.
    """

    sha256: str
    name: str
    label: str
    predicted: int
    probabilities: NDArray[np.float32]
    embedding: NDArray[np.float32]
    pixels: NDArray[np.uint8]
    unit_maxima: NDArray[np.float16]
    maps: NDArray[np.float16]
    mapped_classes: tuple[int, ...]
    field: NDArray[np.float16]
    mask: NDArray[np.float16] | None = None
    thumbnail: bytes | None = None
    original: bytes | None = None
    mask_original: bytes | None = None


@dataclass(frozen=True)
class ItemSummary:
    """An item as a list shows it. id: its number in the collection, never used twice."""

    id: int
    sha256: str
    name: str
    label: str
    predicted: int
    thumbnail: bool


@dataclass(frozen=True)
class AddResult:
    """The item that an added image became. duplicate: whether the collection had this image already."""

    id: int
    duplicate: bool


@dataclass(frozen=True)
class Content:
    """What a collection holds. labels: images per label, the most frequent first. bytes: that all of it takes."""

    labels: dict[str, int]
    bytes: int


@dataclass(frozen=True)
class Revision:
    """The state of a collection's items; two revisions differ whenever the items could.

    generation: changes when a collection is deleted and made again, and when all its vectors are replaced. removed:
    items removed so far. last_id: the highest id; it falls only when items are removed.
    """

    generation: int
    removed: int
    last_id: int


def check_name(name: str) -> str:
    """The name, if a collection may have it. Raises BadParameter."""
    if NAME_PATTERN.fullmatch(name) is None:
        raise BadParameter(
            f"a collection cannot be called {name[:80]!r}: use 1 to 64 lower-case letters, digits, - and _, starting"
            " with a letter or a digit"
        )
    return name
