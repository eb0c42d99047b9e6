"""Many local images through one model, in batches: for evaluation, reference sets and reports."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray

from service.images.coverage import centres, visible
from service.images.frame import Geometry
from service.images.measures import measure
from service.images.workers import Prepared
from service.models.classifier import Classifier
from service.runtime.inspection import Inspection


@dataclass(frozen=True)
class LabelledImage:
    """One image with its label and masks.

    pixels: uint8 [h, w, 3], upright. label: its class, "" if unknown. masks: bool [h, w] by the concept they mark.
    """

    name: str
    label: str
    pixels: NDArray[np.uint8]
    masks: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)


@dataclass(frozen=True)
class InspectedImage:
    """An image with its inspection. logits: float32 [K]."""

    image: LabelledImage
    inspection: Inspection
    logits: torch.Tensor


def inspect_all(
    classifier: Classifier, images: Iterable[LabelledImage], layer: str | None = None, batch: int = 16
) -> Iterator[InspectedImage]:
    """Each image with its feature maps at a layer, in order. layer: None for the classifier's default cut.

    The next batch is framed on a second thread while the current one is computed; at most two batches are in memory.
    Raises what `images` raises.
    """
    remaining, cut = iter(images), layer or classifier.cut
    framer = ThreadPoolExecutor(1, "frame")
    try:
        following = framer.submit(_framed, classifier, remaining, batch)
        while group := following.result():
            following = framer.submit(_framed, classifier, remaining, batch)
            A = classifier.engine.features(torch.from_numpy(np.stack([one.x for _, one in group])), cut)
            with torch.no_grad():
                logits = classifier.head(cut)(A)
            for row, (image, prepared) in enumerate(group):
                inspection = Inspection(classifier, prepared, cut, A[row : row + 1])
                yield InspectedImage(image, inspection, logits[row])
    finally:  # without waiting: the framing thread itself may close this generator
        framer.shutdown(wait=False, cancel_futures=True)


def _framed(
    classifier: Classifier, remaining: Iterator[LabelledImage], batch: int
) -> list[tuple[LabelledImage, Prepared]]:
    return [(image, _prepared(classifier, image)) for image in islice(remaining, batch)]


def _prepared(classifier: Classifier, image: LabelledImage) -> Prepared:
    height, width = image.pixels.shape[:2]
    x, geometry = classifier.entry.frame.apply(image.pixels, width, height)
    digest = hashlib.sha256(image.pixels.tobytes()).hexdigest()
    return Prepared(digest, "", (), x, geometry, None, measure(x))


def frame_mask(mask: NDArray[np.bool_], geometry: Geometry) -> NDArray[np.bool_]:
    """A mask of the original [h, w], sampled at the pixels of x: bool [height, width]; false where x is padded."""
    rows, columns = centres(geometry)
    nearest = np.ix_(rows.astype(int).clip(0, mask.shape[0] - 1), columns.astype(int).clip(0, mask.shape[1] - 1))
    framed: NDArray[np.bool_] = mask[nearest] & visible(geometry)
    return framed
