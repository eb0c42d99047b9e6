"""The digits example as a picture: two projections side by side, each point drawn as its digit."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from service.collections.projections.digits import NEIGHBORS, DigitsExample, DigitsProjection
from service.collections.projections.picture import BACKGROUND, COLOURS, DRAWING, INK, LINE, MUTED, PANEL

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SOURCE = (
    "Optical Recognition of Handwritten Digits, Alpaydin & Kaynak, UCI 1998."
    " Near points are similar. Sizes of clusters and distances between them mean little."
)
DIGIT_SIZE = 38


def picture(found: DigitsExample) -> bytes:
    """A PNG of 1600 × 960."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415  takes a third of a second
    from matplotlib.figure import Figure  # noqa: PLC0415

    with DRAWING:
        figure = Figure(figsize=(12.8, 7.68), dpi=125, facecolor=BACKGROUND)
        FigureCanvasAgg(figure)
        for projection, left in zip(found.projections, (0.025, 0.5125), strict=True):
            _panel(figure, projection, found.labels, left)
        network = f"The network was trained on {found.training_images} others; accuracy on these: {found.accuracy:.1%}"
        texts = (
            (0.945, f"t-SNE of {len(found.labels)} handwritten digits", 17, INK, "bold"),
            (0.9, network, 10.5, MUTED, "normal"),
            (0.025, SOURCE, 8.5, MUTED, "normal"),
        )
        for y, text, size, colour, weight in texts:
            figure.text(0.025, y, text, size=size, color=colour, weight=weight, va="center")
        file = io.BytesIO()
        figure.savefig(file, format="png", facecolor=BACKGROUND, metadata={"Software": None})
        return file.getvalue()


def describe(projection: DigitsProjection) -> str:
    """The figures of a projection, in one line."""
    return (
        f"{projection.purity:.0%} of the {NEIGHBORS} nearest are the same digit; perplexity {projection.perplexity:g},"
        f" KL divergence {projection.divergence:.3f}"
    )


def _panel(figure: Figure, projection: DigitsProjection, labels: NDArray[np.int64], left: float) -> None:
    axes = figure.add_axes((left, 0.115, 0.4625, 0.685), facecolor=PANEL)
    axes.set(xticks=[], yticks=[], aspect="equal", adjustable="datalim")
    axes.margins(0.03)
    for side in axes.spines.values():
        side.set_color(LINE)
    for digit, colour in enumerate(COLOURS[:10]):
        x, y = projection.coordinates[labels == digit].T
        axes.scatter(x, y, s=DIGIT_SIZE, c=colour, marker=rf"$\mathbf{{{digit}}}$", linewidths=0)
    figure.text(left, 0.835, f"By {projection.vectors}", size=12.5, color=INK, weight="bold", va="center")
    figure.text(left, 0.085, describe(projection), size=9.5, color=MUTED, va="center")
