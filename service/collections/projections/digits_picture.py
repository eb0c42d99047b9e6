"""The digits example as a picture: two maps side by side, every point the digit that it is."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from service.collections.projections.digits import AROUND, Example, View
from service.collections.projections.picture import COLOURS, DRAWING, GROUND, INK, LINE, PANEL, QUIET

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SOURCE = (
    "Optical Recognition of Handwritten Digits, Alpaydin & Kaynak, UCI 1998."
    " Near points are alike. Sizes of clusters and distances between them mean little."
)
DIGIT_SIZE = 38


def picture(found: Example) -> bytes:
    """A PNG of 1600 × 960."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415  takes a third of a second
    from matplotlib.figure import Figure  # noqa: PLC0415

    with DRAWING:
        figure = Figure(figsize=(12.8, 7.68), dpi=125, facecolor=GROUND)
        FigureCanvasAgg(figure)
        for view, left in zip(found.views, (0.025, 0.5125), strict=True):
            _panel(figure, view, found.labels, left)
        learned = (
            f"The network has learned from {found.learned} others; it calls {found.accuracy:.1%} of these by their name"
        )
        words = (
            (0.945, f"t-SNE of {len(found.labels)} handwritten digits", 17, INK, "bold"),
            (0.9, learned, 10.5, QUIET, "normal"),
            (0.025, SOURCE, 8.5, QUIET, "normal"),
        )
        for y, text, size, colour, weight in words:
            figure.text(0.025, y, text, size=size, color=colour, weight=weight, va="center")
        file = io.BytesIO()
        figure.savefig(file, format="png", facecolor=GROUND, metadata={"Software": None})
        return file.getvalue()


def told(view: View) -> str:
    """What a map says of itself, in one line."""
    return (
        f"{view.alike:.0%} of the {AROUND} nearest are the same digit; perplexity {view.perplexity:g},"
        f" KL divergence {view.divergence:.3f}"
    )


def _panel(figure: Figure, view: View, labels: NDArray[np.int64], left: float) -> None:
    axes = figure.add_axes((left, 0.115, 0.4625, 0.685), facecolor=PANEL)
    axes.set(xticks=[], yticks=[], aspect="equal", adjustable="datalim")
    axes.margins(0.03)
    for side in axes.spines.values():
        side.set_color(LINE)
    for digit, colour in enumerate(COLOURS[:10]):
        x, y = view.coordinates[labels == digit].T
        axes.scatter(x, y, s=DIGIT_SIZE, c=colour, marker=rf"$\mathbf{{{digit}}}$", linewidths=0)
    figure.text(left, 0.835, f"Their {view.what}", size=12.5, color=INK, weight="bold", va="center")
    figure.text(left, 0.085, told(view), size=9.5, color=QUIET, va="center")
