"""A dissection, unit by unit and concept by concept."""

from __future__ import annotations

from service.collections.reports.value import Finite, Value

INTERPRETATION = (
    "A unit is a detector where its largest activations overlap a concept's masks with an IoU above 0.04.",
    "A unit that is active where a concept is does not show that the model uses the unit, or the concept, for answers.",
    "A unit's region is 0.5 % of all positions. The ceiling is the IoU of a perfect unit, low for large concepts.",
    "Enlarging a map changes the size of its region a little, so a small concept may exceed its ceiling.",
    "Concepts that lie within each other, as the cup in the disc, share their detectors; only the best is named.",
    "Concepts without masks cannot be found, and an image without a mask counts as one without the concept.",
)


class TopActivation(Value):
    """An image that activates a unit."""

    image: str
    activation: Finite
    """The unit's largest in this image."""


class Unit(Value):
    """One feature map of the layer."""

    unit: int
    threshold: Finite
    """The unit's region is where its activation is above this."""
    concept: str
    """The one whose masks it overlaps most."""
    iou: Finite
    """With that concept, 0 to 1."""
    detector: bool
    top_activations: list[TopActivation]
    """The images with its largest activations, the largest first."""


class Concept(Value):
    """Something that masks mark."""

    name: str
    area: Finite
    """The share of all pixels that it covers."""
    ceiling: Finite
    """The IoU of a perfect region of the quantile's size; enlarging changes that size a little."""
    detectors: int
    """Units whose best concept it is, and that detect it."""
    best_unit: int
    best_iou: Finite


class Dissection(Value):
    """The report."""

    layer: str
    images: int
    quantile: Finite
    """The share of a unit's activations that are above its threshold."""
    iou_threshold: Finite
    """The IoU above which a unit is a detector."""
    detectors: int
    concepts: list[Concept]
    """Those with most detectors first."""
    units: list[Unit]
    """All of the layer, the highest IoU first."""
