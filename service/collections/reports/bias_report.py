"""The bias report, figure by figure."""

from __future__ import annotations

from typing import Literal

from service.collections.reports.value import Finite, Grid, Value

INTERPRETATION = (
    "Attention is where the evidence for the answer lies; it may be the same in every image and then decides nothing.",
    "Decisive shares say how much each position contributes to the differences of a score between images.",
    "The verdict says whether positions outside the anatomy contribute more than if all positions contributed equally.",
    "It does not say what can be seen there; look at the images.",
    "A difference between classes inside the anatomy is no bias: classes have their signs at different positions.",
    "Right and wrong answers are compared among answers of the same class, and show where errors come from.",
    "A shortcut is found only where the images have it to different degrees.",
    "A cell of a deep layer depends on more than its own square, so shares blur into the neighbouring cells.",
)


class DecisiveShare(Value):
    """A share of the differences between images. All positions sum to 1; a single one may be below 0 or above 1."""

    share: Finite
    low: Finite
    """Lower end of the 95 % interval of this share alone."""
    high: Finite
    p: Finite
    """That the share is at most the expected one, one-sided, adjusted (Holm) for all tests of the verdict."""


class OutsideShare(Value):
    """The shares of one class outside a region."""

    region: Literal["field of view", "mask"]
    """What counts as anatomy."""
    expected: Finite
    """The share of the picture outside the region: what evenly distributed attention would have there."""
    attention: Finite | None
    """Mean over the images with this prediction; null where there are none with a map."""
    decisive: DecisiveShare | None
    """Its share of the differences between images; null where images are too few, or all scores are equal."""


class Hotspot(Value):
    """A single cell outside the anatomy whose decisive share is more than twice the expected one."""

    label: str
    row: int
    column: int
    position: str
    """In words."""
    ratio: Finite
    """Its decisive share divided by the expected one."""
    p: Finite
    """That the ratio is at most 2, one-sided, adjusted (Holm) for all tests of the verdict."""


class ClassReport(Value):
    """Where the evidence lies when the model predicts one class."""

    label: str
    predicted: int
    """Images with this prediction."""
    wrong: int
    """Those of them with another label."""
    empty: int
    """Those of them whose map has nothing positive; they have no attention."""
    attention: Grid | None
    """Mean share of every cell, summing to 1."""
    decisive: Grid | None
    """The share of every cell in the differences between images, summing to 1; may be negative."""
    outside: list[OutsideShare]


class Difference(Value):
    """A cell in which attention differs between two groups of images."""

    label: str
    """The predicted class."""
    row: int
    column: int
    position: str
    """In words."""
    outside: bool
    """Whether the cell lies outside the anatomy."""
    effect: Finite
    """Cliff's delta, −1 to 1; above 0 there is more attention in this class, or in its wrong answers."""
    p: Finite
    """Two-sided, by permutation, adjusted (maxT) for all cells and classes of its family."""


Verdict = Literal["found", "not_found", "cannot_say"]


class Bias(Value):
    """The report."""

    verdict: Verdict
    reason: str
    images: int
    accuracy: Finite | None
    """Share of the labelled images whose prediction is their label."""
    alpha: Finite
    shape: tuple[int, int]
    """Rows and columns of the grid."""
    anatomy: Grid
    """Mean share of every cell inside the anatomy that the verdict is about."""
    classes: list[ClassReport]
    hotspots: list[Hotspot]
    between_classes: list[Difference]
    """Cells in which the attention of one class differs from that of all other answers."""
    between_outcomes: list[Difference]
    """Cells in which the wrong answers of one class differ from the right ones."""
    untested: list[str]
    """Comparisons that were not made, with the reason."""
    interpretation: tuple[str, ...] = INTERPRETATION
    """What the figures can and cannot show."""
