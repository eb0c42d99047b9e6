"""What a reference set is made of. Arrays are as the model gave them; nothing here knows where they are kept."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.errors import BadParameter

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}", re.ASCII)
"""Of a collection: it stands in addresses, and is safe wherever else a name may end up."""

PIXELS = 32
"""Side of the small picture whose pixels are compared in pixel space."""


@dataclass(frozen=True)
class Collection:
    """A named set of images as one version of one model sees them.

    weights_sha256: of the model that filled it. thumbnails, originals: whether these are kept. layer: of embeddings,
    dim: how many numbers each has. count: images in it. created: seconds since 1970.
    """

    name: str
    model: str
    weights_sha256: str
    layer: str
    dim: int
    thumbnails: bool = True
    originals: bool = False
    created: float = 0.0
    count: int = 0


@dataclass(frozen=True)
class NewImage:
    """An image for a collection, as its sender has it. data, mask: files. name, label: may be empty."""

    data: bytes
    name: str = ""
    label: str = ""
    mask: bytes | None = None


@dataclass(frozen=True)
class Item:
    """One image of a collection.

    sha256: of its bytes as sent. name: what its sender calls it, label: its class; both may be empty. predicted: index
    of the likeliest class. probabilities: float32 [K]. embedding: float32 [D]. pixels: uint8 [32, 32, 3], what the
    model saw. peaks: float16 [C], the maximum over space of each unit at the default cut. maps: float16 [n, h, w], raw
    and signed, of the classes in `mapped`. field: float16 [h, w], the share of each cell inside the field of view.
    mask: the same for a mask that came with the image. thumbnail: JPEG. original, mask_original: the bytes as sent.
    """

    sha256: str
    name: str
    label: str
    predicted: int
    probabilities: NDArray[np.float32]
    embedding: NDArray[np.float32]
    pixels: NDArray[np.uint8]
    peaks: NDArray[np.float16]
    maps: NDArray[np.float16]
    mapped: tuple[int, ...]
    field: NDArray[np.float16]
    mask: NDArray[np.float16] | None = None
    thumbnail: bytes | None = None
    original: bytes | None = None
    mask_original: bytes | None = None


@dataclass(frozen=True)
class ItemSummary:
    """An item as a list shows it. id: its number in the collection, never given twice."""

    id: int
    sha256: str
    name: str
    label: str
    predicted: int
    thumbnail: bool


@dataclass(frozen=True)
class AddResult:
    """What became of one image: its number, and whether it was there already."""

    id: int
    known: bool


@dataclass(frozen=True)
class Revision:
    """What a collection's items are now; it differs whenever they could.

    made: another one once a collection was made anew, or all its vectors were. removed: how many items were, so far.
    last: the highest id there is, which never falls but by removal.
    """

    made: int
    removed: int
    last: int


def check_name(name: str) -> str:
    """The name, if a collection may be called so. Raises BadParameter."""
    if NAME.fullmatch(name) is None:
        raise BadParameter(
            f"a collection cannot be called {name[:80]!r}: take 1 to 64 lower-case letters, digits, - and _, a letter"
            " or digit first"
        )
    return name
