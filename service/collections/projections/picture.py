"""A projection as a picture: points coloured by label, with the figures of the method beside them."""

from __future__ import annotations

import io
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from service.collections.projection import PROJECTION_METHODS, ProjectionFacts

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, MUTED, BACKGROUND, PANEL, WARNING = "#12191f", "#4d5b66", "#eaeef1", "#fbfcfd", "#8a5a00"
LINE = "#d3dbe1"
NO_LABEL = "#aab4bc"
"""Colour of points without a label."""

COLOURS = (
    "#0f3563", "#ffa505", "#7e07f2", "#cd2801", "#9fc292", "#5089fc",
    "#59232f", "#a66cb2", "#770f02", "#d4b963", "#717a73", "#07d4c9",
)  # fmt: skip
"""Distinguishable with every kind of colour vision; a test proves it."""

MARKERS = "os^Dv"
"""With more labels than colours the shapes change, so that labels remain distinguishable."""

MAX_LEGEND_LABELS = 24
"""Labels in the legend; the others are counted together."""

MAX_LABEL_LENGTH = 22

DRAWING = threading.Lock()
"""matplotlib's font caches are not safe for threads."""


@dataclass(frozen=True)
class Caption:
    """The texts of a picture. title: what the points are. notice: the model's; may be empty."""

    title: str
    notice: str = ""
    outdated: bool = False


def picture(facts: ProjectionFacts, coordinates: NDArray[np.float32], labels: list[str], caption: Caption) -> bytes:
    """A PNG. labels: of each point of coordinates [N, d], empty for none."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415  takes a third of a second
    from matplotlib.figure import Figure  # noqa: PLC0415

    with DRAWING:
        figure = Figure(figsize=(9.6, 6.4), dpi=125, facecolor=BACKGROUND)
        FigureCanvasAgg(figure)
        axes = _axes(figure, facts)
        _draw_points(axes, coordinates, labels)
        _draw_texts(figure, facts, caption)
        file = io.BytesIO()
        figure.savefig(file, format="png", facecolor=BACKGROUND, metadata={"Software": None})
        return file.getvalue()


def describe(facts: ProjectionFacts) -> str:
    """The figures of a projection, in one line."""
    quality = facts.quality
    if facts.method == "pca":
        shares = quality["explained_variance"]
        return f"explains {sum(shares):.0%} of the variance ({', '.join(f'{share:.1%}' for share in shares)})"
    if facts.method == "tsne":
        return f"perplexity {quality['perplexity']:g}, KL divergence {quality['kl_divergence']:.3f}"
    return f"{quality['neighbors']:g} neighbours, minimum distance {quality['min_dist']:g}"


def _axes(figure: Figure, facts: ProjectionFacts) -> Any:
    """2-D or 3-D axes; matplotlib has no common type for them."""
    if facts.dimensions == 3:
        axes: Any = figure.add_axes((0.0, 0.075, 0.73, 0.84), projection="3d", facecolor="none")
        axes.view_init(elev=20, azim=-58)
        axes.set_box_aspect(None, zoom=1.18)
        for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
            axis.set(ticklabels=[], pane_color=PANEL)
            axis.line.set_color(LINE)
            axis._axinfo["grid"].update(color=LINE, linewidth=0.6)
            axis._axinfo["tick"].update(inward_factor=0, outward_factor=0)
        return axes
    axes = figure.add_axes((0.035, 0.105, 0.69, 0.77), facecolor=PANEL)
    axes.set(xticks=[], yticks=[], aspect="equal", adjustable="datalim")
    axes.margins(0.04)
    for side in axes.spines.values():
        side.set_color(LINE)
    return axes


def _draw_points(axes: Any, coordinates: NDArray[np.float32], labels: list[str]) -> None:
    rows: dict[str, list[int]] = {}
    for row, label in enumerate(labels):
        rows.setdefault(label, []).append(row)
    unlabelled = rows.pop("", [])
    listed = sorted(sorted(rows, key=lambda label: -len(rows[label]))[:MAX_LEGEND_LABELS])
    groups = [(label, rows[label]) for label in [*listed, *sorted(rows.keys() - set(listed))]]
    size, legend = float(np.clip(9000 / max(len(labels), 1), 5, 46)), list[str]()
    for i, (label, points) in enumerate([*groups, *([("", unlabelled)] if unlabelled else [])]):
        in_legend = i < len(listed) or not label
        if in_legend:
            legend.append(f"{plain(label) if label else 'no label'}  {len(points)}")
        style = {
            "c": COLOURS[i % len(COLOURS)] if label else NO_LABEL,
            "marker": MARKERS[i // len(COLOURS) % len(MARKERS)] if label else "o",
            "label": "." if in_legend else None,
        }
        axes.scatter(*coordinates[points].T, s=size, linewidths=0.4, edgecolors=PANEL, alpha=0.86, **style)
    if labels:
        _draw_legend(axes, legend, f"and {len(rows) - len(listed)} more" if len(rows) > len(listed) else "")


def _draw_legend(axes: Any, texts: list[str], more: str) -> None:
    """Texts are set afterwards: matplotlib reads formulas between $ signs, and ignores labels that begin with _."""
    legend = axes.legend(
        loc="upper left", bbox_to_anchor=(0.745, 0.875), bbox_transform=axes.figure.transFigure, title=more or None,
        frameon=False, fontsize=9, labelcolor=INK, handletextpad=0.2, borderaxespad=0, borderpad=0,
    )  # fmt: skip
    for handle in legend.legend_handles:
        handle.set(sizes=[42], alpha=1)
    for entry, text in zip(legend.get_texts(), texts, strict=True):
        entry.set(parse_math=False, text=text)


def _draw_texts(figure: Figure, facts: ProjectionFacts, caption: Caption) -> None:
    method = PROJECTION_METHODS[facts.method].title
    figures = f"{facts.images} images in {facts.dimensions} dimensions, {describe(facts)}"
    outdated = ". Outdated: images were added or removed since" if caption.outdated else ""
    texts = [
        (0.035, 0.945, f"{method} of {plain(caption.title, 60)}", 15, INK, "bold"),
        (0.035, 0.905, figures + outdated, 9.5, MUTED, "normal"),
        (0.035, 0.05, plain(caption.notice, 110), 9.5, WARNING, "bold"),
        (0.035, 0.02, _caveat(facts), 8, MUTED, "normal"),
    ]
    for x, y, text, size, colour, weight in texts:
        figure.text(x, y, text, size=size, color=colour, weight=weight, va="center", parse_math=False)


def _caveat(facts: ProjectionFacts) -> str:
    if facts.method == "pca":
        return "A linear projection of the vectors: distances in the picture are never larger than the true ones."
    return "Near points are similar. Sizes of clusters and distances between them mean little."


def plain(text: str, max_length: int = MAX_LABEL_LENGTH) -> str:
    """Text on one line, as far as the font can show it."""
    from matplotlib import font_manager  # noqa: PLC0415

    font = font_manager.get_font(font_manager.findfont("DejaVu Sans"))
    shown = "".join(one if font.get_char_index(ord(one)) and one.isprintable() else "�" for one in text)
    return shown if len(shown) <= max_length else shown[: max_length - 1] + "…"
