"""The arrays of an item as one .npz file, which holds no code."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.collections.collection import Item

FIELDS = {
    "probabilities": "probabilities",
    "peaks": "unit_maxima",
    "maps": "maps",
    "mapped": "mapped_classes",
    "field": "field",
    "mask": "mask",
}
"""The name of an array in the file, and the field of `Item` that it is."""


def dumps(item: Item) -> bytes:
    """The arrays of an item that are not None."""
    arrays: dict[str, Any] = {"mapped": np.array(item.mapped_classes, np.int32)}
    for name, field in FIELDS.items():
        if name != "mapped" and getattr(item, field) is not None:
            arrays[name] = getattr(item, field)
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def loads(data: bytes) -> dict[str, Any]:
    """The fields of an `Item` that were stored."""
    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        fields: dict[str, NDArray[Any] | tuple[int, ...]] = {FIELDS[name]: file[name] for name in file.files}
    fields["mapped_classes"] = tuple(int(index) for index in fields["mapped_classes"])
    return fields
