"""From an image that a model has seen to the item that a collection stores."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from service.collections.cells import cell_shares
from service.collections.class_maps import class_maps
from service.collections.collection import PIXEL_SIDE, Collection, Item
from service.errors import ModelFault
from service.images.coverage import visible
from service.images.field import field_mask
from service.images.rendering import jpeg
from service.runtime.examine import embedding, predictions
from service.runtime.inspection import Inspection

MAX_MAPPED_CLASSES = 32
"""Classes whose maps are stored, the likeliest ones."""

THUMBNAIL_SIDE = 128
"""Longer side of a thumbnail, pixels."""

Float16s = NDArray[np.float16]


def build_item(inspection: Inspection, data: bytes, collection: Collection, name: str = "", label: str = "") -> Item:
    """All that is stored of an image.

    inspection: at the default cut, with a preview for the thumbnail. data: the image's bytes as sent. Raises ModelFault
    where any number that the model gave is not finite.
    """
    ranked = predictions(inspection)
    probabilities = np.zeros(len(ranked), np.float32)
    for prediction in ranked:
        probabilities[prediction.index] = prediction.probability
    vector, x = embedding(inspection).vector.astype(np.float32), inspection.prepared.x
    classes = [prediction.index for prediction in ranked[:MAX_MAPPED_CLASSES]]
    unit_maxima, maps, mapped_classes = _maps(inspection, classes)
    if not (np.isfinite(vector).all() and np.isfinite(maps).all()):
        raise ModelFault(f"model {inspection.classifier.entry.name!r} gave numbers that are not finite for this image")
    preview = inspection.prepared.preview
    return Item(
        sha256=inspection.prepared.sha256,
        name=name,
        label=label,
        predicted=ranked[0].index,
        probabilities=probabilities,
        embedding=vector,
        pixels=small_pixels(x),
        unit_maxima=unit_maxima,
        maps=maps,
        mapped_classes=mapped_classes,
        field=_field(inspection, maps.shape[1:]),
        thumbnail=jpeg(preview) if collection.thumbnails and preview is not None else None,
        original=data if collection.originals else None,
    )


def with_mask(item: Item, mask: NDArray[np.float32], data: bytes, collection: Collection) -> Item:
    """An item with a mask. mask [s, s]: covered share of each pixel that the model saw. data: the mask's file."""
    grid = (item.field.shape[0], item.field.shape[1])
    return replace(item, mask=_float16(cell_shares(mask, grid)), mask_original=data if collection.originals else None)


def small_pixels(x: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What the model saw, uint8 [s, s, 3], as uint8 [32, 32, 3]: each pixel the mean of those it covers."""
    return np.asarray(Image.fromarray(x).resize((PIXEL_SIDE, PIXEL_SIDE), Image.Resampling.BOX))


@torch.no_grad()
def _unit_maxima(inspection: Inspection) -> Float16s:
    return _float16(inspection.feature_maps[0].amax((1, 2)).numpy())


def _maps(inspection: Inspection, classes: list[int]) -> tuple[Float16s, Float16s, tuple[int, ...]]:
    """Unit maxima [C], maps [n, h, w] and the classes that they explain; all empty for a model without maps."""
    if not inspection.classifier.spatial(inspection.layer):
        return np.zeros(0, np.float16), np.zeros((0, 1, 1), np.float16), ()
    return _unit_maxima(inspection), _float16(class_maps(inspection, classes)), tuple(classes)


def _field(inspection: Inspection, shape: tuple[int, ...]) -> Float16s:
    prepared = inspection.prepared
    finds = inspection.classifier.entry.frame.field_of_view
    mask = field_mask(prepared.x) if finds else visible(prepared.geometry)
    return _float16(cell_shares(mask, (shape[0], shape[1])))


def _float16(values: NDArray[np.float32]) -> Float16s:
    """As float16; values beyond its range become its largest."""
    most = float(np.finfo(np.float16).max)
    return np.clip(values, -most, most).astype(np.float16)
