"""Image and heatmap are upright and agree with each other, for every crop, orientation and format."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from tests.page.mark_model import RESIZE
from tests.page.pictures import encoded, in_field_of_view, marked, middle
from tests.page.viewer import Viewer

LOSSLESS = [("WEBP", 6), ("WEBP", 7), ("PNG", 5), ("PNG", 8)]
"""Formats and orientations that not every browser applies."""


def is_red(pixels: np.ndarray) -> np.ndarray:
    return (pixels[..., 0] > 180) & (pixels[..., 1] < 90) & (pixels[..., 2] < 90)


def strongest(viewer: Viewer) -> tuple[float, float]:
    """The middle of the strongest part of a heatmap that is shown alone."""
    heat = viewer.pixels()
    bright = np.where(heat[..., 2] < 200, heat.sum(2), 0)
    return middle(heat, bright > 0.85 * bright.max())


def check(viewer: Viewer, image: bytes, size: tuple[int, int], mark: tuple[int, int], case: object) -> None:
    """The picture shows the mark in its place, and the heatmap lies on it within half a cell."""
    viewer.press("1")
    viewer.analyze(image)
    scale, left, top = viewer.placement(*size)
    there = np.array([left + mark[0] * scale, top + mark[1] * scale])
    viewer.press("2")
    picture = viewer.pixels()
    assert np.abs(np.array(middle(picture, is_red(picture))) - there).max() < 1.5, case
    viewer.press("3")
    assert np.abs(strongest(viewer) - there).max() < min(size) / RESIZE * scale / 2, case
    viewer.press("Delete")


@pytest.mark.parametrize("model", ["marks", "whole", "field"])
def test_image_and_heatmap_agree_for_every_exif_orientation(viewer: Viewer, model: str) -> None:
    """For a central crop, the central square, and a field of view at one side."""
    viewer.page.locator("#model").select_option(model)
    mark = (100, 110)
    picture = marked(red=mark)
    if model == "field":
        picture = in_field_of_view(picture, 20, 8, 140)
    for orientation in range(1, 9):
        check(viewer, encoded(picture, "JPEG", orientation), (240, 160), mark, orientation)


def test_heat_in_the_padding_of_a_letterbox_is_not_painted(viewer: Viewer) -> None:
    """The padding is red like the mark; the heatmap ends at the image, and the mark is where it is in the picture."""
    viewer.page.locator("#model").select_option("letterbox")
    size, mark = (120, 240), (60, 150)
    image = encoded(marked(*size, side=16, red=mark))
    viewer.analyze(image)
    scale, left, top = viewer.placement(*size)
    viewer.press("2")
    plain = viewer.pixels()
    columns = np.arange(plain.shape[1])
    outside = (columns < left - 3) | (columns > left + size[0] * scale + 3)  # a box at the edge has a line of 3 pixels
    for mode in "13":
        viewer.press(mode)
        assert np.abs(viewer.pixels() - plain)[:, outside].max() == 0, "nothing is painted beside the image"
    viewer.press("3")
    heat = viewer.pixels()
    inner = heat.copy()
    inner[:, : round(left + 15 * scale)] = inner[:, round(left + 105 * scale) :] = 0  # the padding shines in by a cell
    bright = np.where(inner[..., 2] < 200, inner.sum(2), 0)
    there = np.array([left + mark[0] * scale, top + mark[1] * scale])
    assert np.abs(np.array(middle(heat, bright > 0.85 * bright.max())) - there).max() < size[1] / RESIZE * scale / 2


def test_image_and_heatmap_agree_in_formats_that_browsers_may_not_turn(viewer: Viewer) -> None:
    mark = (100, 110)
    for kind, orientation in LOSSLESS:
        check(viewer, encoded(marked(red=mark), kind, orientation), (240, 160), mark, (kind, orientation))


def test_image_and_heatmap_agree_for_wide_tall_and_large_images(viewer: Viewer) -> None:
    for width, height in ((300, 100), (90, 400), (1800, 2300)):
        short = min(width, height)
        mark = (width // 2 + short // 8, height // 2 - short // 8)
        image = encoded(marked(width, height, side=2 * (short // 16), red=mark), "JPEG")
        check(viewer, image, (width, height), mark, (width, height))


def test_the_service_provides_the_picture_of_a_format_unknown_to_the_browser(viewer: Viewer) -> None:
    mark = (100, 110)
    viewer.analyze(encoded(marked(240, 160, red=mark), "TIFF"))
    assert "The service prepared this picture" in viewer.text("#note")
    scale, left, top = viewer.placement(240, 160)
    viewer.press("3")
    there = np.array([left + mark[0] * scale, top + mark[1] * scale])
    assert np.abs(strongest(viewer) - there).max() < 160 / RESIZE * scale / 2
    viewer.press("2")
    around = viewer.pixels()[int(top + 20 * scale), int(left + 20 * scale)]
    assert np.abs(around - 90).max() < 30


def test_the_overlay_equals_that_of_the_service(viewer: Viewer) -> None:
    """The same colours at the same places as in the overlay of the service, at the same opacity."""
    image = encoded(marked(240, 160, red=(100, 110), green=(150, 60)))
    viewer.analyze(image)
    response = viewer.page.request.post(
        viewer.address + "explain/gradcam",
        multipart={"image": {"name": "x.png", "mimeType": "image/png", "buffer": image}},
        headers={"Accept": "image/png"},
    )
    expected = np.asarray(Image.open(io.BytesIO(response.body())).convert("RGB")).astype(int)[:160, :240]
    actual = np.asarray(Image.open(io.BytesIO(painted_alone(viewer, 240, 160))).convert("RGB")).astype(int)
    inner = np.s_[24:136, 64:176]  # the region is 60 to 180 × 20 to 140; the page alone draws a frame around it
    assert np.abs(actual - expected)[inner].mean() < 2
    assert np.percentile(np.abs(actual - expected)[inner], 99) < 12


def painted_alone(viewer: Viewer, width: int, height: int) -> bytes:
    """The overlay, painted by the page's own code at one pixel per pixel: a PNG."""
    address = viewer.page.evaluate(
        """async ([width, height]) => {
            const { paint } = await import("./page/stage/paint.js");
            const { HOME } = await import("./page/core/camera.js");
            const { view, current, answer } = (await import("./page/main.js")).store.state;
            const canvas = Object.assign(document.createElement("canvas"), { width, height });
            const [map] = answer.explanations[0].maps;
            paint(canvas.getContext("2d"), { width, height }, 1, {
                image: answer.image, bitmap: current.bitmap, map, maximum: map.maximum, camera: HOME, view,
            });
            return canvas.toDataURL("image/png");
        }""",
        [width, height],
    )
    return base64.b64decode(address.partition(",")[2])
