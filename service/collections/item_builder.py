"""From an image that a model has seen to the item a collection keeps of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from service.collections.cells import cells
from service.collections.collection import PIXELS, Collection, Item
from service.errors import ModelFault
from service.explain.methods import METHODS
from service.explain.tokens import spatial
from service.images.field import field_mask
from service.images.tint import jpeg
from service.models.scores import direction
from service.runtime.examine import embedding, predictions
from service.runtime.inspection import Inspection, MapRequest, compute_maps

MAX_MAPPED_CLASSES = 32
"""Classes whose maps are kept, the likeliest ones."""

THUMBNAIL = 128
"""Longer side of a thumbnail, pixels."""

Halves = NDArray[np.float16]


def build_item(inspection: Inspection, data: bytes, collection: Collection, name: str = "", label: str = "") -> Item:
    """All that is kept of an image. data: its bytes as sent. look: at the default cut, with a preview for a thumbnail.

    Raises ModelFault where anything the model gave is not finite.
    """
    ranked = predictions(inspection)
    probabilities = np.zeros(len(ranked), np.float32)
    for one in ranked:
        probabilities[one.index] = one.probability
    vector, x = embedding(inspection).vector.astype(np.float32), inspection.prepared.x
    peaks, grids, mapped = _maps(inspection, [one.index for one in ranked[:MAX_MAPPED_CLASSES]])
    if not (np.isfinite(vector).all() and np.isfinite(grids).all()):
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
        peaks=peaks,
        maps=grids,
        mapped=mapped,
        field=_field(inspection, grids.shape[1:]),
        thumbnail=jpeg(preview) if collection.thumbnails and preview is not None else None,
        original=data if collection.originals else None,
    )


def with_mask(item: Item, covered: NDArray[np.float32], data: bytes, collection: Collection) -> Item:
    """An item with a mask. covered [s, s]: the share of each pixel the model saw. data: the mask's bytes as sent."""
    grid = (item.field.shape[0], item.field.shape[1])
    return replace(item, mask=_halves(cells(covered, grid)), mask_original=data if collection.originals else None)


def small_pixels(x: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What the model saw, uint8 [s, s, 3], as uint8 [32, 32, 3]: each pixel the mean of those it covers."""
    return np.asarray(Image.fromarray(x).resize((PIXELS, PIXELS), Image.Resampling.BOX))


@torch.no_grad()
def _peaks(inspection: Inspection) -> Halves:
    return _halves(spatial(inspection.A, nn.Identity())[0][0].amax((1, 2)).numpy())


def _maps(inspection: Inspection, indexes: list[int]) -> tuple[Halves, Halves, tuple[int, ...]]:
    """Peaks [C], maps [n, h, w] and the classes they are of; nothing of a model without maps."""
    if not inspection.classifier.spatial(inspection.layer):
        return np.zeros(0, np.float16), np.zeros((0, 1, 1), np.float16), ()
    targets = torch.stack([direction(index, inspection.classifier.entry) for index in indexes])
    found = compute_maps(inspection, MapRequest(METHODS["hirescam"], targets, {}, float("inf"))).grids
    return _peaks(inspection), _halves(found), tuple(indexes)


def _field(inspection: Inspection, shape: tuple[int, ...]) -> Halves:
    frame, x = inspection.classifier.entry.frame, inspection.prepared.x
    mask = field_mask(x) if frame.field_of_view else np.ones(x.shape[:2], bool)
    return _halves(cells(mask, (shape[0], shape[1])))


def _halves(values: NDArray[np.float32]) -> Halves:
    """As float16; what is larger than it can hold becomes its largest."""
    most = float(np.finfo(np.float16).max)
    return np.clip(values, -most, most).astype(np.float16)
