"""From single images to the evidence of a set, whether the images are read from a folder or from a collection."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.collections.reports.evidence import Evidence


@dataclass(frozen=True)
class ImageEvidence:
    """One image.

    label: its class, or any other text. predicted: index of a class. maps: [K, h, w], raw and signed. field, mask:
    [h, w], the share of every cell inside. pixels: uint8 [s, s, 3], what the model saw.
    """

    label: str
    predicted: int
    maps: NDArray[np.floating]
    field: NDArray[np.floating]
    mask: NDArray[np.floating] | None
    pixels: NDArray[np.uint8]


@dataclass(frozen=True)
class EvidenceSet:
    """evidence: of all images. backgrounds: the mean image uint8 [s, s, 3] of those with each prediction.

    masked: how many images have a mask; the evidence has masks only where all of them do.
    """

    evidence: Evidence
    backgrounds: dict[str, NDArray[np.uint8]]
    masked: int


class EvidenceBuilder:
    """Collects images one after the other. names, rivals: see `Evidence`."""

    def __init__(self, names: tuple[str, ...], rivals: bool) -> None:
        self._names, self._rivals = names, rivals
        self._images: list[ImageEvidence] = []
        self._sums: dict[int, NDArray[np.float64]] = {}

    def add(self, image: ImageEvidence) -> None:
        """Take in one image; of its pixels only their sum is kept."""
        pixels = image.pixels.astype(np.float64)
        self._sums[image.predicted] = self._sums.get(image.predicted, 0) + pixels
        self._images.append(ImageEvidence(**(vars(image) | {"pixels": image.pixels[:0]})))

    def __len__(self) -> int:
        return len(self._images)

    def build(self) -> EvidenceSet:
        """The evidence of all images; there must be some."""
        images, names = self._images, self._names
        masks = [image.mask for image in images if image.mask is not None]
        predicted = [image.predicted for image in images]
        evidence = Evidence(
            labels=np.array([names.index(i.label) if i.label in names else -1 for i in images], np.int64),
            predicted=np.array(predicted, np.int64),
            maps=np.stack([image.maps for image in images]).astype(np.float32),
            field=np.stack([image.field for image in images]).astype(np.float32),
            mask=np.stack(masks).astype(np.float32) if len(masks) == len(images) else None,
            names=names,
            rivals=self._rivals,
        )
        means = {names[k]: np.rint(total / predicted.count(k)).astype(np.uint8) for k, total in self._sums.items()}
        return EvidenceSet(evidence, means, len(masks))
