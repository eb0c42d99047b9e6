"""What a dissection says, unit by unit and concept by concept."""

from __future__ import annotations

from service.collections.reports.value import Finite, Value

MEANING = (
    "A unit is a detector where the places of its largest activations overlap a concept's masks by an IoU above 0.04.",
    "That a unit fires where a concept is does not say that the model needs the unit, or the concept, for its answers.",
    "A unit's region is 0.5 % of all places. The ceiling is a perfect one's IoU: none can match a large concept.",
    "Enlarging a map shrinks or grows its region a little, so a small concept may come out above its ceiling.",
    "Concepts that lie in each other, as the cup in the disc, share their detectors; only the best is named.",
    "Concepts without masks cannot be found, and an image without a mask counts as one without the concept.",
)


class TopActivation(Value):
    """An image that excites a unit."""

    image: str
    activation: Finite
    """The unit's largest in this image."""


class Unit(Value):
    """One feature map of the layer."""

    unit: int
    threshold: Finite
    """The activation above which its largest ones lie."""
    concept: str
    """The one whose masks it overlaps most."""
    iou: Finite
    """With that concept, 0 to 1."""
    detector: bool
    exciting: list[TopActivation]
    """The images that excite it most, the first one most."""


class Concept(Value):
    """Something that masks mark."""

    name: str
    area: Finite
    """The share of all pixels that it covers."""
    ceiling: Finite
    """The IoU of a perfect region of the quantile's size; enlarging changes that size a little."""
    detectors: int
    """Units that detect it best of all concepts."""
    best_unit: int
    best_iou: Finite


class Dissection(Value):
    """The report."""

    layer: str
    images: int
    quantile: Finite
    """The share of a unit's activations that counts as firing."""
    detects_above: Finite
    """The IoU above which a unit is a detector."""
    detectors: int
    concepts: list[Concept]
    """Those with most detectors first."""
    units: list[Unit]
    """All of the layer, the highest IoU first."""
