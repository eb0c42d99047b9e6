"""A map as a picture: points coloured by label, with what the map says of itself beside them."""

from __future__ import annotations

import io
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from service.collections.projection import PROJECTION_METHODS, ProjectionFacts

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, QUIET, GROUND, PANEL, WARN = "#12191f", "#4d5b66", "#eaeef1", "#fbfcfd", "#8a5a00"
LINE = "#d3dbe1"
NONE = "#aab4bc"
"""Of points without a label."""

COLOURS = (
    "#0f3563", "#ffa505", "#7e07f2", "#cd2801", "#9fc292", "#5089fc",
    "#59232f", "#a66cb2", "#770f02", "#d4b963", "#717a73", "#07d4c9",
)  # fmt: skip
"""Apart for every kind of eye: see the test."""

MARKERS = "os^Dv"
"""Beyond the colours the shapes change, so that labels stay apart."""

MOST_NAMED = 24
"""Labels in the legend; the rest are counted together."""

LONGEST = 22
"""Characters of a label."""

DRAWING = threading.Lock()
"""matplotlib's caches of fonts are not made for threads."""


def picture(
    facts: ProjectionFacts,
    coordinates: NDArray[np.float32],
    labels: list[str],
    title: str,
    notice: str,
    outdated: bool = False,
) -> bytes:
    """A PNG. labels: of each point of coordinates [N, d], empty for none. title: what the points are, in words."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415  takes a third of a second
    from matplotlib.figure import Figure  # noqa: PLC0415

    with DRAWING:
        figure = Figure(figsize=(9.6, 6.4), dpi=125, facecolor=GROUND)
        FigureCanvasAgg(figure)
        axes = _axes(figure, facts)
        _points(axes, coordinates, labels)
        _words(figure, facts, title, notice, outdated)
        file = io.BytesIO()
        figure.savefig(file, format="png", facecolor=GROUND, metadata={"Software": None})
        return file.getvalue()


def told(facts: ProjectionFacts) -> str:
    """What a map says of itself, in one line."""
    quality = facts.quality
    if facts.method == "pca":
        shares = quality["explained_variance"]
        return f"keeps {sum(shares):.0%} of the variance ({', '.join(f'{share:.1%}' for share in shares)})"
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


def _points(axes: Any, coordinates: NDArray[np.float32], labels: list[str]) -> None:
    rows: dict[str, list[int]] = {}
    for row, label in enumerate(labels):
        rows.setdefault(label, []).append(row)
    bare = rows.pop("", [])
    shown = sorted(sorted(rows, key=lambda label: -len(rows[label]))[:MOST_NAMED])
    groups = [(label, rows[label]) for label in [*shown, *sorted(rows.keys() - set(shown))]]
    size, words = float(np.clip(9000 / max(len(labels), 1), 5, 46)), list[str]()
    for i, (label, found) in enumerate([*groups, *([("", bare)] if bare else [])]):
        named = i < len(shown) or not label
        if named:
            words.append(f"{plain(label) if label else 'no label'}  {len(found)}")
        inspection = {
            "c": COLOURS[i % len(COLOURS)] if label else NONE,
            "marker": MARKERS[i // len(COLOURS) % len(MARKERS)] if label else "o",
            "label": "." if named else None,
        }
        axes.scatter(*coordinates[found].T, s=size, linewidths=0.4, edgecolors=PANEL, alpha=0.86, **inspection)
    if labels:
        _legend(axes, words, f"and {len(rows) - len(shown)} more" if len(rows) > len(shown) else "")


def _legend(axes: Any, words: list[str], more: str) -> None:
    """Words are set afterwards: matplotlib reads formulas between $ signs, and passes over what begins with _."""
    legend = axes.legend(
        loc="upper left", bbox_to_anchor=(0.745, 0.875), bbox_transform=axes.figure.transFigure, title=more or None,
        frameon=False, fontsize=9, labelcolor=INK, handletextpad=0.2, borderaxespad=0, borderpad=0,
    )  # fmt: skip
    for handle in legend.legend_handles:
        handle.set(sizes=[42], alpha=1)
    for text, word in zip(legend.get_texts(), words, strict=True):
        text.set(parse_math=False, text=word)


def _words(figure: Figure, facts: ProjectionFacts, title: str, notice: str, outdated: bool) -> None:
    method = PROJECTION_METHODS[facts.method].title
    told_of = f"{facts.images} images in {facts.dimensions} dimensions, {told(facts)}"
    old = ". Outdated: images came or went since" if outdated else ""
    write = [
        (0.035, 0.945, f"{method} of {plain(title, 60)}", 15, INK, "bold"),
        (0.035, 0.905, told_of + old, 9.5, QUIET, "normal"),
        (0.035, 0.05, plain(notice, 110), 9.5, WARN, "bold"),
        (0.035, 0.02, _caveat(facts), 8, QUIET, "normal"),
    ]
    for x, y, text, size, colour, weight in write:
        figure.text(x, y, text, size=size, color=colour, weight=weight, va="center", parse_math=False)


def _caveat(facts: ProjectionFacts) -> str:
    if facts.method == "pca":
        return "Straight shadows of the vectors: distances on the map are never larger than the true ones."
    return "Near points are alike. Sizes of clusters and distances between them mean little."


def plain(text: str, longest: int = LONGEST) -> str:
    """Text on one line, as far as the font can show it."""
    from matplotlib import font_manager  # noqa: PLC0415

    font = font_manager.get_font(font_manager.findfont("DejaVu Sans"))
    known = "".join(one if font.get_char_index(ord(one)) and one.isprintable() else "�" for one in text)
    return known if len(known) <= longest else known[: longest - 1] + "…"
