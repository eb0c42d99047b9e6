"""The stage: view modes, opacity, colours, boxes, raw values, zoom and pan, by mouse, finger and keyboard."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import Browser, expect

from tests.api.test_serving import Running
from tests.page.mark_model import CROP, RESIZE
from tests.page.pictures import encoded, marked
from tests.page.test_alignment import is_red
from tests.page.viewer import Viewer, new_context

SIZE, MARK = (240, 160), (110, 90)
IMAGE = encoded(marked(*SIZE, red=MARK))


def at(viewer: Viewer, x: float, y: float) -> tuple[float, float]:
    """The point of the view over a place of the image, in CSS pixels."""
    scale, left, top = viewer.placement(*SIZE)
    return left + x * scale, top + y * scale


def hover(viewer: Viewer, x: float, y: float) -> None:
    px, py = at(viewer, x, y)
    viewer.view().hover(position={"x": px, "y": py})
    viewer.wait_until_painted()


def test_the_view_modes_show_image_heatmap_and_both(viewer: Viewer) -> None:
    viewer.analyze(IMAGE)
    overlay = viewer.pixels()
    viewer.press("2")
    image = viewer.pixels()
    viewer.press("3")
    alone = viewer.pixels()
    x, y = (round(value) for value in at(viewer, *MARK))
    assert abs(image[y, x] - (255, 0, 0)).max() < 5
    assert alone[y, x].sum() > 450
    assert abs(overlay[y, x] - image[y, x]).max() > 40
    viewer.press("4")
    assert viewer.page.locator(".view").count() == 2
    assert viewer.view(1).get_attribute("aria-label") != viewer.view(0).get_attribute("aria-label")
    viewer.press("5")
    swiped = viewer.pixels()
    half = swiped.shape[1] // 2
    assert (swiped[:, : half - 15] == image[:, : half - 15]).all()
    assert abs(swiped[:, half + 15 :] - overlay[:, half + 15 :]).max() <= 1  # rounding at the edge of the region


SCREENS = [(1280, 800), (1143, 757), (811, 700), (380, 700)]


def are_registered(viewer: Viewer, case: object) -> None:
    """All views have the same size, and show the red mark at the same pixels."""
    boxes = [box for view in viewer.page.locator(".view").all() if (box := view.bounding_box())]
    assert len({(box["width"], box["height"]) for box in boxes}) == 1, case
    for box in boxes[1:]:  # in the same row at the same height
        assert box["y"] == pytest.approx(boxes[0]["y"], abs=0.01) or box["y"] > boxes[0]["y"] + box["height"], case
    first, *others = (is_red(viewer.pixels(number)) for number in range(len(boxes)))
    assert first.any(), case
    assert all((first == other).all() for other in others), case


@pytest.mark.parametrize("classes", [1, 2])
def test_views_side_by_side_show_the_same_place_at_the_same_pixel(viewer: Viewer, classes: int) -> None:
    """While zooming, panning and resizing; the heatmap is transparent, so that the mark is red in every view."""
    viewer.analyze(IMAGE)
    if classes == 2:
        with viewer.expect_answer():
            viewer.press("w")
    viewer.page.locator("#strength").fill("0")
    viewer.press("4")
    expect(viewer.page.locator(".view")).to_have_count(classes + 1)
    for width, height in SCREENS:
        viewer.page.set_viewport_size({"width": width, "height": height})
        viewer.wait_until_painted()
        for keys in [("0",), ("+", "+", "+"), ("ArrowRight", "ArrowDown")]:
            viewer.press(*keys)
            are_registered(viewer, (width, keys))


def test_the_divider_of_a_swipe_is_dragged_and_moved_by_keys(viewer: Viewer) -> None:
    viewer.analyze(IMAGE)
    viewer.press("5")
    box = viewer.view().bounding_box()
    assert box
    middle = box["y"] + box["height"] / 2
    viewer.page.mouse.move(box["x"] + box["width"] / 2, middle)
    viewer.page.mouse.down()
    viewer.page.mouse.move(box["x"] + box["width"] / 4, middle, steps=3)
    viewer.page.mouse.up()
    expect(viewer.page.locator("#strength")).to_have_value("25")
    viewer.press("]", "]")
    expect(viewer.page.locator("#strength")).to_have_value("35")


def test_opacity_and_colour_scale_change_the_picture_at_once(viewer: Viewer) -> None:
    viewer.analyze(IMAGE)
    x, y = (round(value) for value in at(viewer, *MARK))
    strong = viewer.pixels()[y, x]
    viewer.page.locator("#strength").fill("0")
    assert abs(viewer.pixels()[y, x] - (255, 0, 0)).max() < 5
    viewer.page.locator("#strength").fill("65")
    viewer.page.locator("#colormap").select_option("viridis")
    assert abs(viewer.pixels()[y, x] - strong).max() > 20
    viewer.load()
    expect(viewer.page.locator("#colormap")).to_have_value("viridis")  # stored as a preference


def test_boxes_lie_around_the_mark(viewer: Viewer) -> None:
    answer = viewer.analyze(IMAGE)
    without = viewer.pixels()
    viewer.press("b")
    changed = np.abs(viewer.pixels() - without).sum(2) > 60
    scale, left, top = viewer.placement(*SIZE)
    (box,) = answer["explanations"][0]["maps"][0]["boxes"]
    rows, columns = np.nonzero(changed)
    edges = [(columns.min() - left) / scale, (rows.min() - top) / scale]
    edges += [(columns.max() + 1 - left) / scale, (rows.max() + 1 - top) / scale]
    assert edges == pytest.approx(box["box"], abs=2)
    assert box["box"][0] < MARK[0] < box["box"][2]


def test_the_raw_value_under_the_pointer_is_that_of_the_grid(viewer: Viewer) -> None:
    answer = viewer.analyze(IMAGE)
    grid = np.array(answer["explanations"][0]["maps"][0]["grid"])
    assert grid.shape == (CROP, CROP)
    viewer.press("h")  # cells as they are
    cell = SIZE[1] / RESIZE
    left, top = (SIZE[0] - CROP * cell) / 2, (SIZE[1] - CROP * cell) / 2
    for x, y in (MARK, (100, 80), (150, 120)):
        hover(viewer, x + 0.4, y + 0.4)
        value = grid[int((y - top) / cell), int((x - left) / cell)]
        assert float(viewer.text(".value").split(" ")[0]) == pytest.approx(value, rel=0.01, abs=1e-9)
        assert f"x {x}, y {y} px" in viewer.text("#position")
    assert "RGB 90 90 90" in viewer.text("#position")
    hover(viewer, 20, 80)
    assert viewer.text(".value") == "not seen by the model"
    viewer.page.locator("#views").focus()
    viewer.press("Shift+ArrowRight")
    assert "not seen by the model" in viewer.text("#live")  # the keyboard's pointer is announced
    viewer.page.mouse.move(5, 5)
    assert "px" in viewer.text("#cells")


def test_the_wheel_zooms_about_the_pointer_and_dragging_pans(viewer: Viewer) -> None:
    viewer.analyze(IMAGE)
    viewer.press("2")
    hover(viewer, *MARK)
    x, y = (round(value) for value in at(viewer, *MARK))
    viewer.page.mouse.wheel(0, -700)
    viewer.wait_until_painted()
    zoomed = viewer.pixels()
    assert "100\u00a0%" not in viewer.text(".level")
    assert abs(zoomed[y, x] - (255, 0, 0)).max() < 5
    assert (np.abs(zoomed - (255, 0, 0)).max(2) < 5).sum() > 3 * 24**2 * viewer.placement(*SIZE)[0] ** 2
    box = viewer.view().bounding_box()
    assert box
    viewer.page.mouse.down()
    viewer.page.mouse.move(box["x"] + x + 150, box["y"] + y + 60, steps=4)
    viewer.page.mouse.up()
    moved = viewer.pixels()
    assert abs(moved[y + 60, x + 150] - (255, 0, 0)).max() < 5
    viewer.press("0")
    assert viewer.text(".level") == "100\u00a0%"


def test_keys_zoom_and_pan(viewer: Viewer) -> None:
    viewer.analyze(IMAGE)
    viewer.press("2", "+", "+", "+")
    before = viewer.pixels()
    viewer.press("ArrowRight")
    after = viewer.pixels()
    assert (after[:, 100:-100] == before[:, 160:-40]).mean() > 0.95  # panned by 60 pixels
    viewer.press("-", "-", "-")
    assert viewer.text(".level") == "100\u00a0%"


def test_two_fingers_zoom_and_one_pans(browser: Browser, server: Running) -> None:
    phone = {"viewport": {"width": 380, "height": 700}, "has_touch": True, "is_mobile": True}
    with new_context(browser, **phone) as context, Viewer.opened(context, server.port) as viewer:
        viewer.analyze(IMAGE)
        viewer.page.locator("#views").scroll_into_view_if_needed()
        box = viewer.view().bounding_box()
        assert box
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        fingers = viewer.page.context.new_cdp_session(viewer.page)

        def touch(kind: str, *points: tuple[float, float]) -> None:
            given = [{"x": px, "y": py, "id": number} for number, (px, py) in enumerate(points)]
            fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": given})

        touch("touchStart", (x - 20, y), (x + 20, y))
        for apart in (30, 45, 60):
            touch("touchMove", (x - apart, y), (x + apart, y))
        touch("touchEnd")
        viewer.wait_until_painted()
        assert float(viewer.text(".level").strip("\u00a0%").replace(",", "")) == pytest.approx(300, abs=40)
        viewer.press("2")
        before = viewer.pixels()
        touch("touchStart", (x, y))
        touch("touchMove", (x + 20, y))
        touch("touchMove", (x + 40, y))
        touch("touchEnd")
        assert np.abs(viewer.pixels() - before).max() > 0
        assert not viewer.errors


def test_heatmap_and_colours_equal_those_of_the_service(viewer: Viewer) -> None:
    from service.images.colormap import COLORMAPS, table
    from service.images.picture import upsample

    grid = np.random.default_rng(7).normal(size=(5, 8)).astype(np.float32)
    ours = viewer.page.evaluate(
        """async ([grid]) => {
            const { upsample } = await import("./page/stage/heatmap.js");
            const { COLORMAPS, table } = await import("./page/stage/colormaps.js");
            return [[...upsample(grid, 224, 224)], COLORMAPS.map((name) => [name, [...table(name)]])];
        }""",
        [grid.tolist()],
    )
    assert np.array(ours[0]).reshape(224, 224) == pytest.approx(upsample(grid, (224, 224)), abs=1e-5)
    assert [name for name, _ in ours[1]] == list(COLORMAPS)
    for name, colours in ours[1]:
        assert (np.array(colours).reshape(256, 3) == table(name)).all()
