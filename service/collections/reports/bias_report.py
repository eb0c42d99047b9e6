"""What the bias report says, figure by figure."""

from __future__ import annotations

from typing import Literal

from service.collections.reports.value import Finite, Grid, Value

INTERPRETATION = (
    "Attention is where the evidence for the answer lay; it may be the same in every image, and then decides nothing.",
    "Decisive is what tells images apart: each place's part in the differences of a score, all places adding to 1.",
    "The verdict says whether what decides lies outside the anatomy more than if every place counted alike.",
    "It does not say what is printed or seen there; look at the images.",
    "A difference between classes inside the anatomy is no bias: classes have their signs in different places.",
    "Right and wrong answers are compared among answers of the same class, and show where errors come from.",
    "What is not in these images cannot be found: a shortcut shows only where images have it in different measure.",
    "A cell of a deep layer sees more than its own square, so shares blur into the neighbouring cells.",
)


class DecisiveShare(Value):
    """A part in what tells images apart: all places add to 1, and single ones may leave the range from 0 to 1."""

    share: Finite
    low: Finite
    """Lower end of the 95 % interval of this share alone."""
    high: Finite
    p: Finite
    """That the share is at most an even one, one-sided, adjusted (Holm) for all tests of the verdict."""


class OutsideShare(Value):
    """One class's shares outside the anatomy."""

    place: Literal["field of view", "mask"]
    """What counts as anatomy."""
    even: Finite
    """The share of the picture that lies outside: what attention spread evenly would have there."""
    attention: Finite | None
    """Mean over the images called so; null where there are none with a map."""
    decisive: DecisiveShare | None
    """Its part in what tells images apart; null where the images are too few, or nothing tells them apart."""


class Hotspot(Value):
    """A single cell outside the anatomy that decides more than twice its even share."""

    label: str
    row: int
    column: int
    where: str
    """In words."""
    times: Finite
    """Its decisive share as a multiple of an even one."""
    p: Finite
    """That it is at most twice an even one, one-sided, adjusted (Holm) for all tests of the verdict."""


class ClassReport(Value):
    """Where the model looks when it says one class."""

    label: str
    said: int
    """Images that were called so."""
    wrong: int
    """Those of them with another label."""
    empty: int
    """Those of them whose map has nothing positive; they have no attention."""
    attention: Grid | None
    """Mean share of every cell, summing to 1."""
    decisive: Grid | None
    """Part of every cell in what tells images apart, summing to 1; may be negative."""
    outside: list[OutsideShare]


class Difference(Value):
    """A cell in which attention differs between two groups of images."""

    label: str
    """The class that was said."""
    row: int
    column: int
    where: str
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
    right: Finite | None
    """Share of the labelled images that were called what they are."""
    alpha: Finite
    shape: tuple[int, int]
    """Rows and columns of the grid."""
    anatomy: Grid
    """Mean share of every cell inside the anatomy that the verdict is about."""
    classes: list[ClassReport]
    hot: list[Hotspot]
    between: list[Difference]
    """Cells in which the attention of one class differs from that of all other answers."""
    wrong: list[Difference]
    """Cells in which the wrong answers of one class differ from the right ones."""
    untested: list[str]
    """Comparisons that were not made, and why."""
    meaning: tuple[str, ...] = INTERPRETATION
    """What the figures can and cannot show."""
