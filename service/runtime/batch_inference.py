"""Many local images through one model, in batches: what evaluation, reference sets and reports are made from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray

from service.images.frame import Geometry
from service.images.guard import measure
from service.images.workers import Prepared
from service.models.classifier import Classifier
from service.runtime.inspection import Inspection


@dataclass(frozen=True)
class LabelledImage:
    """One image with what is known of it.

    pixels: uint8 [h, w, 3], upright. label: its class, "" where unknown. masks: bool [h, w] by what they mark.
    """

    name: str
    label: str
    pixels: NDArray[np.uint8]
    masks: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)


@dataclass(frozen=True)
class InspectedImage:
    """A specimen and what the model makes of it. logits: float32 [K]."""

    image: LabelledImage
    inspection: Inspection
    logits: torch.Tensor


def inspect_all(
    classifier: Classifier, images: Iterable[LabelledImage], layer: str | None = None, batch: int = 16
) -> Iterator[InspectedImage]:
    """Each specimen seen at a layer, in order. layer: left out, the classifier's default cut.

    Images are framed on a second thread while the last batch is computed; at most two batches are held at a time.
    Raises whatever the specimens raise.
    """
    waiting, cut = iter(images), layer or classifier.cut
    framer = ThreadPoolExecutor(1, "frame")
    try:
        following = framer.submit(_framed, classifier, waiting, batch)
        while group := following.result():
            following = framer.submit(_framed, classifier, waiting, batch)
            A = classifier.engine.features(torch.from_numpy(np.stack([one.x for _, one in group])), cut)
            with torch.no_grad():
                logits = classifier.head(cut)(A)
            for place, (image, prepared) in enumerate(group):
                inspection = Inspection(classifier, prepared, cut, A[place : place + 1])
                yield InspectedImage(image, inspection, logits[place])
    finally:  # without waiting: who lets go of this generator early may be the very thread that frames
        framer.shutdown(wait=False, cancel_futures=True)


def _framed(
    classifier: Classifier, waiting: Iterator[LabelledImage], batch: int
) -> list[tuple[LabelledImage, Prepared]]:
    return [(image, _prepared(classifier, image)) for image in islice(waiting, batch)]


def _prepared(classifier: Classifier, image: LabelledImage) -> Prepared:
    height, width = image.pixels.shape[:2]
    x, geometry = classifier.entry.frame.apply(image.pixels, width, height)
    digest = hashlib.sha256(image.pixels.tobytes()).hexdigest()
    return Prepared(digest, "", (), x, geometry, None, measure(x))


def frame_mask(mask: NDArray[np.bool_], geometry: Geometry) -> NDArray[np.bool_]:
    """A mask of the original [h, w] where the model sees it, [size, size]."""
    centres = np.arange(geometry.size) + 0.5
    left, top = geometry.to_original(0.0, 0.0)
    right, bottom = geometry.to_original(float(geometry.size), float(geometry.size))
    columns = (left + centres * (right - left) / geometry.size).astype(int).clip(0, mask.shape[1] - 1)
    rows = (top + centres * (bottom - top) / geometry.size).astype(int).clip(0, mask.shape[0] - 1)
    seen: NDArray[np.bool_] = mask[np.ix_(rows, columns)]
    return seen
