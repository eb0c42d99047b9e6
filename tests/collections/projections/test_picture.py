"""Maps as pictures: each label in its own colour where its points are, and any text as text."""

from __future__ import annotations

import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageColor

from service.collections.collection import Revision
from service.collections.projection import MethodName, ProjectionFacts
from service.collections.projections.picture import BACKGROUND, COLOURS, NO_LABEL, PANEL, Caption, describe, picture

QUALITIES: dict[MethodName, dict[str, object]] = {
    "pca": {"explained_variance": [0.5, 0.25]},
    "tsne": {"perplexity": 30.0, "kl_divergence": 0.71234},
    "umap": {"neighbors": 15, "min_dist": 0.1},
}


def facts(method: MethodName = "tsne", dimensions: int = 2) -> ProjectionFacts:
    return ProjectionFacts(method, dimensions, {}, QUALITIES[method], 60, Revision(1, 0, 60), 0.0)


def drawn(points: NDArray[np.float32], labels: list[str], **more: object) -> NDArray[np.int64]:
    given = {"found": facts(), "title": "the collection set", "notice": "SYNTHETIC"} | more
    caption = Caption(given["title"], given["notice"], bool(more.get("outdated")))  # type: ignore[arg-type]
    data = picture(given["found"], points, labels, caption)  # type: ignore[arg-type]
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"), np.int64)


def where(pixels: NDArray[np.int64], colour: str) -> NDArray[np.int64]:
    """Columns, 0 to 1, of the panel's pixels in a colour; a little of the ground shines through points."""
    panel = pixels[:, : int(0.72 * pixels.shape[1])]
    seen = 0.86 * np.array(ImageColor.getrgb(colour)) + 0.14 * np.array(ImageColor.getrgb(PANEL))
    close = np.abs(panel - seen).max(2) < 20
    return np.nonzero(close)[1] / panel.shape[1]


def clouds() -> tuple[NDArray[np.float32], list[str]]:
    random = np.random.default_rng(0)
    points = random.normal(0, 0.4, (60, 2)) + np.repeat([[-9, 0], [0, 0], [9, 0]], 20, axis=0)
    return points.astype(np.float32), ["alpha"] * 20 + [""] * 20 + ["beta"] * 20


def test_each_label_has_its_colour_where_its_points_are() -> None:
    """Fails where labels are sorted and points are not (tried)."""
    points, labels = clouds()
    for order in (np.arange(60), np.random.default_rng(1).permutation(60)):
        pixels = drawn(points[order], [labels[i] for i in order])
        for colour, begin, end in ((COLOURS[0], 0.0, 0.4), (NO_LABEL, 0.4, 0.65), (COLOURS[1], 0.65, 1.0)):
            columns = where(pixels[110:700], colour)
            assert len(columns) > 500
            assert ((begin < columns) & (columns < end)).mean() > 0.9  # the rest are edges of others


HOSTILE = [
    "$x^{2$ \\frac{1}{0}",
    "a\nb\tc\0",
    "網膜の写真",
    "\u202egnp.exe",
    "<b>&amp;",
    "x" * 500,
    "_nolegend_",
    "<script>alert(1)</script>" * 400,
    "\x1b[31m\x7f\x85\ud800",
    "{}%s",
    " ",
]


def test_any_label_is_text_and_nothing_else() -> None:
    """matplotlib reads mathematics between $ signs, warns of letters it has not, and hides what begins with _."""
    points, _ = clouds()
    labels = [HOSTILE[i % len(HOSTILE)] for i in range(60)]
    pixels = drawn(points, labels, title="$\\frac", notice="$$ 網膜")
    legend = pixels[80:, int(0.745 * pixels.shape[1]) :]
    ink = (np.abs(legend[:, :25] - np.array(ImageColor.getrgb(BACKGROUND))).max(2) > 60).any(1)  # the coloured dots
    lines = int((np.diff(ink.astype(int)) == 1).sum())
    assert lines == len(HOSTILE)
    assert not (np.abs(legend[:, -6:] - np.array(ImageColor.getrgb(BACKGROUND))).max(2) > 60).any(), (
        "it ends in the picture"
    )


@pytest.mark.parametrize("count", [0, 1, 2])
@pytest.mark.parametrize("dimensions", [2, 3])
def test_hardly_any_points(count: int, dimensions: int) -> None:
    drawn(np.zeros((count, dimensions), np.float32), ["a"] * count, found=facts("pca", dimensions))


def test_more_labels_than_there_is_room_for() -> None:
    points = np.random.default_rng(0).normal(size=(400, 3)).astype(np.float32)
    drawn(points, [f"label {i % 80}" for i in range(400)], found=facts("umap", 3), outdated=True)


def test_what_a_map_says_of_itself() -> None:
    assert describe(facts("pca")) == "explains 75% of the variance (50.0%, 25.0%)"
    assert describe(facts("tsne")) == "perplexity 30, KL divergence 0.712"
    assert describe(facts("umap")) == "15 neighbours, minimum distance 0.1"


EYES = {
    "common": np.eye(3),
    "no red": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "no green": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "no blue": [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
}
"""Machado, Oliveira & Fernandes: A Physiologically-based Model for Simulation of Color Vision Deficiency, 2009."""


@pytest.mark.parametrize("eye", EYES)
def test_colours_are_apart_for_every_kind_of_eye(eye: str) -> None:
    """By their distance in CIELAB, where 2.3 is just seen; twelve at random come to about 5 (tried)."""
    seen = np.array([ImageColor.getrgb(colour) for colour in COLOURS]) / 255
    linear = np.where(seen <= 0.04045, seen / 12.92, ((seen + 0.055) / 1.055) ** 2.4)
    linear = (linear @ np.array(EYES[eye]).T).clip(0, 1)
    xyz = linear @ np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]).T
    f = xyz / [0.9505, 1, 1.089]
    f = np.where(f > 0.008856, np.cbrt(f), 7.787 * f + 16 / 116)
    lab = np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], 1)
    apart = np.linalg.norm(lab[:, None] - lab[None], axis=2) + np.diag([np.inf] * len(lab))
    assert apart.min() > 20
    assert (lab[:, 0] < 82).all(), "on a white ground"
