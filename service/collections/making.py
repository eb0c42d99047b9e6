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
from service.runtime.look import Look, Wanted, maps

MOST_MAPPED = 32
"""Classes whose maps are kept, the likeliest ones."""

THUMBNAIL = 128
"""Longer side of a thumbnail, pixels."""

Halves = NDArray[np.float16]


def make(look: Look, data: bytes, collection: Collection, name: str = "", label: str = "") -> Item:
    """All that is kept of an image. data: its bytes as sent. look: at the default cut, with a preview for a thumbnail.

    Raises ModelFault where anything the model gave is not finite.
    """
    ranked = predictions(look)
    probabilities = np.zeros(len(ranked), np.float32)
    for one in ranked:
        probabilities[one.index] = one.probability
    vector, x = embedding(look).vector.astype(np.float32), look.prepared.x
    peaks, grids, mapped = _maps(look, [one.index for one in ranked[:MOST_MAPPED]])
    if not (np.isfinite(vector).all() and np.isfinite(grids).all()):
        raise ModelFault(f"model {look.classifier.entry.name!r} gave numbers that are not finite for this image")
    preview = look.prepared.preview
    return Item(
        sha256=look.prepared.sha256,
        name=name,
        label=label,
        predicted=ranked[0].index,
        probabilities=probabilities,
        embedding=vector,
        pixels=small(x),
        peaks=peaks,
        maps=grids,
        mapped=mapped,
        field=_field(look, grids.shape[1:]),
        thumbnail=jpeg(preview) if collection.thumbnails and preview is not None else None,
        original=data if collection.originals else None,
    )


def masked(item: Item, covered: NDArray[np.float32], data: bytes, collection: Collection) -> Item:
    """An item with a mask. covered [s, s]: the share of each pixel the model saw. data: the mask's bytes as sent."""
    grid = (item.field.shape[0], item.field.shape[1])
    return replace(item, mask=_halves(cells(covered, grid)), mask_original=data if collection.originals else None)


def small(x: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What the model saw, uint8 [s, s, 3], as uint8 [32, 32, 3]: each pixel the mean of those it covers."""
    return np.asarray(Image.fromarray(x).resize((PIXELS, PIXELS), Image.Resampling.BOX))


@torch.no_grad()
def _peaks(look: Look) -> Halves:
    return _halves(spatial(look.A, nn.Identity())[0][0].amax((1, 2)).numpy())


def _maps(look: Look, indexes: list[int]) -> tuple[Halves, Halves, tuple[int, ...]]:
    """Peaks [C], maps [n, h, w] and the classes they are of; nothing of a model without maps."""
    if not look.classifier.spatial(look.layer):
        return np.zeros(0, np.float16), np.zeros((0, 1, 1), np.float16), ()
    targets = torch.stack([direction(index, look.classifier.entry) for index in indexes])
    found = maps(look, Wanted(METHODS["hirescam"], targets, {}, float("inf"))).grids
    return _peaks(look), _halves(found), tuple(indexes)


def _field(look: Look, shape: tuple[int, ...]) -> Halves:
    frame, x = look.classifier.entry.frame, look.prepared.x
    mask = field_mask(x) if frame.field_of_view else np.ones(x.shape[:2], bool)
    return _halves(cells(mask, (shape[0], shape[1])))


def _halves(values: NDArray[np.float32]) -> Halves:
    """As float16; what is larger than it can hold becomes its largest."""
    most = float(np.finfo(np.float16).max)
    return np.clip(values, -most, most).astype(np.float16)
