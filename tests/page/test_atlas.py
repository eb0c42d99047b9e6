"""The place of an image on a map of its collection: made, cancelled, pointed at, turned, outdated, told in words."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Request, Route, expect

from tests.api.test_serving import Running
from tests.page.finder import NOTICE
from tests.page.pictures import encoded, marked
from tests.page.relay import Relay
from tests.page.shelf import drawn, put
from tests.page.viewer import Viewer

pytestmark = pytest.mark.usefixtures("maps")

IMAGE = encoded(marked(red=(110, 90)))
DARK = encoded(marked().point(lambda value: value // 9))
RED, GREEN, BLUE = (0, 158, 115), (86, 180, 233), (230, 159, 0)
"""What red, green and blue marks are drawn in: labels are sorted, and the first is orange."""

POINTED = (108, 203, 217)
"""The ring around the point that is pointed at."""


@pytest.fixture
def passing(server: Running) -> Iterator[httpx.Client]:
    """A collection with a map, for one test."""
    made = server.client.post("/collections", params={"name": "passing", "model": "marks"})
    assert made.status_code == 201, made.text
    put(server.client, "passing")
    drawn(server.client, "passing", "pca-2d")
    yield server.client
    assert server.client.delete("/collections/passing").status_code == 200


def panel(viewer: Viewer) -> Locator:
    return viewer.page.locator("#panel-atlas")


def tiles(viewer: Viewer) -> Locator:
    return panel(viewer).locator(".cases button")


def enter(viewer: Viewer, collection: str = "marks-known") -> None:
    """Go to the panel and choose a collection there."""
    viewer.page.locator("#tab-atlas").click()
    viewer.page.locator("#collection").select_option(collection)


def settled(viewer: Viewer, collection: str = "marks-known") -> dict[str, Any]:
    """Go to the panel and wait until the image has its place."""
    with viewer.page.expect_response(f"**/{collection}/projection/*/place") as waiting:
        enter(viewer, collection)
    expect(tiles(viewer).first).to_be_visible()
    viewer.settle()
    answer: dict[str, Any] = waiting.value.json()
    return answer


def plotted(viewer: Viewer) -> np.ndarray:
    """What is painted on the map: [h, w, 3]."""
    viewer.settle()
    address = viewer.page.locator(".plot").evaluate("canvas => canvas.toDataURL('image/png')")
    picture = Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2])))
    return np.asarray(picture.convert("RGB")).astype(int)


def spot(viewer: Viewer, colour: tuple[int, int, int]) -> tuple[float, float]:
    """A pixel well inside a mark of this colour, in CSS pixels of the page."""
    alike = np.abs(plotted(viewer) - colour).max(2) < 9
    inside = alike[1:-1, 1:-1] & alike[2:, 1:-1] & alike[:-2, 1:-1] & alike[1:-1, 2:] & alike[1:-1, :-2]
    row, column = np.argwhere(inside)[0] + 1
    box = viewer.page.locator(".plot").bounding_box()
    assert box
    return box["x"] + column + 0.5, box["y"] + row + 0.5


def test_where_there_is_no_map_one_is_made_and_the_image_is_placed_on_it(viewer: Viewer) -> None:
    viewer.ask(IMAGE)
    enter(viewer, "marks-bare")
    expect(panel(viewer)).to_contain_text("There is no map of this collection yet")
    viewer.page.locator("#kind").select_option("pca-2d")
    with viewer.page.expect_response("**/place") as waiting:
        panel(viewer).get_by_role("button", name="Make this map").click()
        expect(panel(viewer)).to_contain_text("The map is being made")
        expect(panel(viewer).get_by_role("progressbar", name="How far the work is")).to_be_visible()
    placed = waiting.value.json()["placed"]
    labels = [one["label"].replace("_", " ") for one in placed["nearest"]]
    expect(tiles(viewer).locator("strong")).to_have_text(labels)
    expect(viewer.page.locator("#map")).to_have_value("pca-2d")
    assert labels[0] == "red mark"
    alt = viewer.page.locator(".plot").get_attribute("aria-label") or ""
    assert "12 images" in alt
    assert ", ".join(labels) in alt
    assert ", ".join(labels) in viewer.text("#live")
    for said in ("It is not a diagnosis", "of the variance", "Distances are true as far as these axes go", NOTICE):
        assert said in viewer.text("#panel-atlas")


def test_a_map_in_the_making_is_cancelled_and_found_again(viewer: Viewer, server: Running) -> None:
    enter(viewer, "marks-bare")
    viewer.page.get_by_text("Make another map").or_(panel(viewer).locator("#kind")).first.click()
    viewer.page.locator("#kind").select_option("umap-2d")
    panel(viewer).get_by_role("button", name="Make this map").click()
    expect(panel(viewer).get_by_role("progressbar", name="How far the work is")).to_be_visible()
    viewer.page.locator("#tab-model").click()
    viewer.page.locator("#tab-atlas").click()
    with viewer.page.expect_response(lambda response: response.request.method == "DELETE"):
        panel(viewer).get_by_role("button", name="Cancel").click()
    expect(viewer.page.locator("#toast")).to_contain_text("The map was not finished")
    expect(panel(viewer).get_by_role("progressbar")).to_have_count(0)
    assert server.client.get("/jobs").json()["jobs"][0]["state"] == "cancelled"
    there = server.client.get("/collections/marks-bare/projection").json()["projections"]
    assert "umap-2d" not in [one["map"] for one in there]


def test_points_are_named_by_hand_and_opened(viewer: Viewer) -> None:
    viewer.ask(IMAGE)
    settled(viewer)
    x, y = spot(viewer, GREEN)
    viewer.page.mouse.move(x, y)
    bubble = viewer.page.locator(".point")
    expect(bubble).to_contain_text("green mark")
    expect(bubble).to_contain_text("green/")
    assert bubble.locator("img").evaluate("one => one.complete")
    viewer.page.mouse.click(x, y)
    expect(viewer.page.locator("#case")).to_contain_text("green mark")
    viewer.press("Escape")
    viewer.page.mouse.move(5, 5)
    expect(bubble).to_be_hidden()


def test_keys_go_from_the_nearest_case_to_the_next_and_back(viewer: Viewer) -> None:
    viewer.ask(IMAGE)
    nearest = settled(viewer)["placed"]["nearest"]
    viewer.page.locator(".frame:has(.plot)").focus()
    told = panel(viewer).locator(".plot-keys")
    expect(told).to_be_hidden()  # the focus came by hand, not by key
    viewer.press("+", "0")
    expect(told).to_be_visible()
    viewer.press("Shift+ArrowRight")
    expect(told).to_be_hidden()
    heard = [viewer.text("#live")]
    for _ in range(2):
        viewer.press("Shift+ArrowDown")
        heard.append(viewer.text("#live"))
    assert heard == [f"{one['label'].replace('_', ' ')}, {one['name']}" for one in nearest[:3]]
    viewer.press("Shift+ArrowLeft")
    assert viewer.text("#live") == heard[1]
    viewer.press("Enter")
    expect(viewer.page.locator("#case")).to_contain_text(nearest[1]["name"])
    viewer.press("Escape")
    tiles(viewer).nth(2).focus()
    expect(viewer.page.locator(".point")).to_contain_text(nearest[2]["name"])


def test_a_near_view_keeps_the_image_and_follows_the_keys(viewer: Viewer) -> None:
    viewer.ask(IMAGE)
    settled(viewer)
    viewer.page.locator(".frame:has(.plot)").focus()
    viewer.press(*"++++++++")
    white = (plotted(viewer) == 255).all(2)
    assert white.sum() > 40  # the cross of the image itself is still in sight
    for _ in range(12):
        viewer.press("Shift+ArrowRight")
        assert (np.abs(plotted(viewer) - POINTED).max(2) < 9).sum() > 40, viewer.text("#live")


def test_labels_are_switched_off_and_on(viewer: Viewer) -> None:
    enter(viewer)
    expect(panel(viewer)).to_contain_text("Open an image to see its place here")
    legend = panel(viewer).locator(".legend button")
    expect(legend).to_have_text(["blue mark · 4", "green mark · 4", "red mark · 4"])
    spot(viewer, RED)
    legend.nth(2).click()
    assert legend.nth(2).get_attribute("aria-pressed") == "false"
    assert (np.abs(plotted(viewer) - RED).max(2) >= 9).all()
    x, y = spot(viewer, GREEN)
    viewer.page.mouse.move(x, y)
    expect(viewer.page.locator(".point")).to_contain_text("green mark")
    legend.nth(2).click()
    spot(viewer, RED)


def test_it_is_moved_zoomed_and_turned(viewer: Viewer) -> None:
    viewer.ask(IMAGE)
    settled(viewer)
    flat = plotted(viewer)
    for name, same in (("Zoom in", False), ("Show all of it, upright", True)):
        panel(viewer).get_by_role("button", name=name).click()
        viewer.page.mouse.move(5, 5)
        assert (plotted(viewer) == flat).all() == same, name
    with viewer.page.expect_response("**/pca-3d/place"):
        viewer.page.locator("#map").select_option("pca-3d")
    expect(tiles(viewer).first).to_be_visible()
    front = plotted(viewer)
    box = viewer.page.locator(".plot").bounding_box()
    assert box
    viewer.page.mouse.move(box["x"] + 40, box["y"] + 40)
    viewer.page.mouse.down()
    viewer.page.mouse.move(box["x"] + 140, box["y"] + 60, steps=4)
    viewer.page.mouse.up()
    viewer.page.mouse.move(5, 5)
    assert (plotted(viewer) != front).any()
    expect(viewer.page.locator("#case")).to_be_hidden()  # it was dragged, not clicked
    viewer.page.locator(".frame:has(.plot)").focus()
    viewer.press("0")
    assert (plotted(viewer) == front).all()
    viewer.press("+", "ArrowLeft")
    assert (plotted(viewer) != front).any()
    assert viewer.text("#zoom .level") == "100%"  # the picture stayed as it was


def test_an_outdated_map_says_so_and_is_made_anew(viewer: Viewer, passing: httpx.Client) -> None:
    viewer.ask(IMAGE)
    put(passing, "passing", places=((100, 70),))
    settled(viewer, "passing")
    expect(panel(viewer)).to_contain_text("Images were added or removed since this map was made")
    expect(panel(viewer)).to_contain_text("12 images.")
    panel(viewer).get_by_role("button", name="Make it anew").click()
    expect(panel(viewer)).to_contain_text("15 images.")
    assert "were added or removed" not in viewer.text("#panel-atlas")


def test_a_refused_image_has_no_place_and_the_map_stays(viewer: Viewer) -> None:
    viewer.open(DARK)
    with viewer.page.expect_response("**/marks-known/projection/*/place") as waiting:
        enter(viewer)
    assert waiting.value.json()["placed"] is None
    expect(panel(viewer)).to_contain_text("so it has no place here")
    expect(viewer.page.locator(".plot")).to_be_visible()
    assert "This image" not in viewer.text(".legend")
    assert tiles(viewer).count() == 0


def test_without_a_collection_it_says_how_to_make_one(viewer: Viewer) -> None:
    viewer.page.locator("#model").select_option("whole")
    viewer.page.locator("#tab-atlas").click()
    expect(viewer.page.locator("#collections code")).to_have_text("fovea collections import FOLDER --model whole")
    expect(viewer.page.locator(".plot")).to_be_hidden()
    assert panel(viewer).get_by_role("button", name="Make this map").count() == 0


def test_what_is_known_is_not_asked_again(viewer: Viewer) -> None:
    asked: list[Request] = []
    viewer.page.on("request", lambda request: asked.append(request) if "/marks-known/proj" in request.url else None)
    viewer.ask(IMAGE)
    assert asked == []
    settled(viewer)
    for tab in ("similar", "atlas"):
        viewer.page.locator(f"#tab-{tab}").click()
    expect(tiles(viewer).first).to_be_visible()
    assert [request.url.rpartition("/")[2] for request in asked] == ["projection", "tsne-2d", "place", "projection"]


def test_a_failed_map_says_why_and_a_lost_line_is_waited_for(wired: Viewer, relay: Relay) -> None:
    def failed(route: Route) -> None:
        told = route.fetch().json()
        error = {"type": "/problems/job-failed", "status": 500, "detail": "the disk is full", "request_id": "r-1"}
        route.fulfill(json=told | {"state": "failed", "error": error})

    enter(wired)
    expect(wired.page.locator(".plot")).to_be_visible()
    wired.page.get_by_text("Make another map").click()
    wired.page.locator("#kind").select_option("pca-2d")
    wired.page.route("**/jobs/*", failed, times=1)
    panel(wired).get_by_role("button", name="Make this map").click()
    expect(panel(wired)).to_contain_text("the disk is full")
    wired.page.unroute("**/jobs/*")
    relay.cut()
    panel(wired).get_by_role("button", name="Ask again").click()
    expect(panel(wired)).to_contain_text("The connection to the service is lost")
    relay.mend()
    panel(wired).get_by_role("button", name="Try now").click()
    expect(wired.page.locator(".plot")).to_be_visible()


def test_a_slow_line_shows_that_it_goes_on(wired: Viewer, relay: Relay) -> None:
    wired.ask(IMAGE)
    settled(wired)
    relay.answers.clear()
    wired.page.locator("#map").select_option("pca-3d")
    expect(panel(wired).get_by_role("progressbar")).to_be_visible()
    relay.answers.set()
    expect(tiles(wired).first).to_be_visible()
    expect(panel(wired).get_by_role("progressbar")).to_have_count(0)
