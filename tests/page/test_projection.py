"""The position of an image in a projection of its collection, and the computation of projections."""

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
from tests.page.mark_model import NOTICE
from tests.page.pictures import encoded, marked
from tests.page.reference_sets import add_items, compute_projection
from tests.page.relay import Relay
from tests.page.viewer import Viewer

pytestmark = pytest.mark.usefixtures("projections")

IMAGE = encoded(marked(red=(110, 90)))
DARK = encoded(marked().point(lambda value: value // 9))
RED, GREEN, BLUE = (0, 158, 115), (86, 180, 233), (230, 159, 0)
"""The colours of red, green and blue marks in the plot: labels are sorted, and the first is orange."""

POINTED = (108, 203, 217)
"""The ring around the point that is pointed at."""


@pytest.fixture
def temporary(server: Running) -> Iterator[httpx.Client]:
    """A collection with a projection, for one test."""
    made = server.client.post("/collections", params={"name": "temporary", "model": "marks"})
    assert made.status_code == 201, made.text
    add_items(server.client, "temporary")
    compute_projection(server.client, "temporary", "pca-2d")
    yield server.client
    assert server.client.delete("/collections/temporary").status_code == 200


def panel(viewer: Viewer) -> Locator:
    return viewer.page.locator("#panel-projection")


def tiles(viewer: Viewer) -> Locator:
    return panel(viewer).locator(".cases button")


def open_panel(viewer: Viewer, collection: str = "marks-known") -> None:
    """Open the panel and choose a collection."""
    viewer.page.locator("#tab-projection").click()
    viewer.page.locator("#collection").select_option(collection)


def place_image(viewer: Viewer, collection: str = "marks-known") -> dict[str, Any]:
    """Open the panel and wait until the image is placed."""
    with viewer.page.expect_response(f"**/{collection}/projection/*/place") as waiting:
        open_panel(viewer, collection)
    expect(tiles(viewer).first).to_be_visible()
    viewer.wait_until_painted()
    answer: dict[str, Any] = waiting.value.json()
    return answer


def plot_pixels(viewer: Viewer) -> np.ndarray:
    """The pixels of the plot: [h, w, 3]."""
    viewer.wait_until_painted()
    address = viewer.page.locator(".plot").evaluate("canvas => canvas.toDataURL('image/png')")
    picture = Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2])))
    return np.asarray(picture.convert("RGB")).astype(int)


def point_of(viewer: Viewer, colour: tuple[int, int, int]) -> tuple[float, float]:
    """A pixel well inside a point of this colour, in CSS pixels of the page."""
    same = np.abs(plot_pixels(viewer) - colour).max(2) < 9
    inside = same[1:-1, 1:-1] & same[2:, 1:-1] & same[:-2, 1:-1] & same[1:-1, 2:] & same[1:-1, :-2]
    row, column = np.argwhere(inside)[0] + 1
    box = viewer.page.locator(".plot").bounding_box()
    assert box
    return box["x"] + column + 0.5, box["y"] + row + 0.5


def test_a_missing_projection_is_computed_and_the_image_is_placed(viewer: Viewer) -> None:
    viewer.analyze(IMAGE)
    open_panel(viewer, "marks-bare")
    expect(panel(viewer)).to_contain_text("This collection has no projection yet")
    viewer.page.locator("#new-projection").select_option("pca-2d")
    with viewer.page.expect_response("**/place") as waiting:
        panel(viewer).get_by_role("button", name="Compute projection").click()
        expect(panel(viewer)).to_contain_text("The projection is being computed")
        expect(panel(viewer).get_by_role("progressbar", name="Progress of the job")).to_be_visible()
    placed = waiting.value.json()["placement"]
    labels = [one["label"].replace("_", " ") for one in placed["nearest"]]
    expect(tiles(viewer).locator("strong")).to_have_text(labels)
    expect(viewer.page.locator("#projection")).to_have_value("pca-2d")
    assert labels[0] == "red mark"
    alt = viewer.page.locator(".plot").get_attribute("aria-label") or ""
    assert "12 images" in alt
    assert ", ".join(labels) in alt
    assert ", ".join(labels) in viewer.text("#live")
    for text in ("It is not a diagnosis", "of the variance", "Distances are exact within these axes", NOTICE):
        assert text in viewer.text("#panel-projection")


def test_a_running_projection_is_found_again_and_cancelled(viewer: Viewer, server: Running) -> None:
    open_panel(viewer, "marks-bare")
    viewer.page.get_by_text("Compute another projection").or_(panel(viewer).locator("#new-projection")).first.click()
    viewer.page.locator("#new-projection").select_option("umap-2d")
    panel(viewer).get_by_role("button", name="Compute projection").click()
    expect(panel(viewer).get_by_role("progressbar", name="Progress of the job")).to_be_visible()
    viewer.page.locator("#tab-model").click()
    viewer.page.locator("#tab-projection").click()
    with viewer.page.expect_response(lambda response: response.request.method == "DELETE"):
        panel(viewer).get_by_role("button", name="Cancel").click()
    expect(viewer.page.locator("#toast")).to_contain_text("The projection was cancelled")
    expect(panel(viewer).get_by_role("progressbar")).to_have_count(0)
    assert server.client.get("/jobs").json()["jobs"][0]["state"] == "cancelled"
    there = server.client.get("/collections/marks-bare/projection").json()["projections"]
    assert "umap-2d" not in [one["projection"] for one in there]


def test_the_pointer_names_points_and_a_click_opens_one(viewer: Viewer) -> None:
    viewer.analyze(IMAGE)
    place_image(viewer)
    x, y = point_of(viewer, GREEN)
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


def test_keys_step_through_the_cases_by_distance(viewer: Viewer) -> None:
    viewer.analyze(IMAGE)
    nearest = place_image(viewer)["placement"]["nearest"]
    viewer.page.locator(".frame:has(.plot)").focus()
    hint = panel(viewer).locator(".plot-keys")
    expect(hint).to_be_hidden()  # the focus came by script, not by key
    viewer.press("+", "0")
    expect(hint).to_be_visible()
    viewer.press("Shift+ArrowRight")
    expect(hint).to_be_hidden()
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


def test_a_zoomed_plot_follows_the_selected_case(viewer: Viewer) -> None:
    viewer.analyze(IMAGE)
    place_image(viewer)
    viewer.page.locator(".frame:has(.plot)").focus()
    viewer.press(*"++++++++")
    white = (plot_pixels(viewer) == 255).all(2)
    assert white.sum() > 40  # the cross of the image itself is still in sight
    for _ in range(12):
        viewer.press("Shift+ArrowRight")
        assert (np.abs(plot_pixels(viewer) - POINTED).max(2) < 9).sum() > 40, viewer.text("#live")


def test_labels_are_hidden_and_shown(viewer: Viewer) -> None:
    open_panel(viewer)
    expect(panel(viewer)).to_contain_text("Open an image to see its position")
    legend = panel(viewer).locator(".legend button")
    expect(legend).to_have_text(["blue mark · 4", "green mark · 4", "red mark · 4"])
    point_of(viewer, RED)
    legend.nth(2).click()
    assert legend.nth(2).get_attribute("aria-pressed") == "false"
    assert (np.abs(plot_pixels(viewer) - RED).max(2) >= 9).all()
    x, y = point_of(viewer, GREEN)
    viewer.page.mouse.move(x, y)
    expect(viewer.page.locator(".point")).to_contain_text("green mark")
    legend.nth(2).click()
    point_of(viewer, RED)


def test_the_plot_is_moved_zoomed_and_rotated(viewer: Viewer) -> None:
    viewer.analyze(IMAGE)
    place_image(viewer)
    flat = plot_pixels(viewer)
    for name, same in (("Zoom in", False), ("Reset the view", True)):
        panel(viewer).get_by_role("button", name=name).click()
        viewer.page.mouse.move(5, 5)
        assert (plot_pixels(viewer) == flat).all() == same, name
    with viewer.page.expect_response("**/pca-3d/place"):
        viewer.page.locator("#projection").select_option("pca-3d")
    expect(tiles(viewer).first).to_be_visible()
    front = plot_pixels(viewer)
    box = viewer.page.locator(".plot").bounding_box()
    assert box
    viewer.page.mouse.move(box["x"] + 40, box["y"] + 40)
    viewer.page.mouse.down()
    viewer.page.mouse.move(box["x"] + 140, box["y"] + 60, steps=4)
    viewer.page.mouse.up()
    viewer.page.mouse.move(5, 5)
    assert (plot_pixels(viewer) != front).any()
    expect(viewer.page.locator("#case")).to_be_hidden()  # it was dragged, not clicked
    viewer.page.locator(".frame:has(.plot)").focus()
    viewer.press("0")
    assert (plot_pixels(viewer) == front).all()
    viewer.press("+", "ArrowLeft")
    assert (plot_pixels(viewer) != front).any()
    assert viewer.text("#zoom .level") == "100\u00a0%"  # the picture stayed as it was


def test_an_outdated_projection_is_marked_and_rebuilt(viewer: Viewer, temporary: httpx.Client) -> None:
    viewer.analyze(IMAGE)
    add_items(temporary, "temporary", centres=((100, 70),))
    place_image(viewer, "temporary")
    expect(panel(viewer)).to_contain_text("Images were added or removed since this projection was computed")
    expect(panel(viewer)).to_contain_text("12 images.")
    panel(viewer).get_by_role("button", name="Rebuild").click()
    expect(panel(viewer)).to_contain_text("15 images.")
    assert "were added or removed" not in viewer.text("#panel-projection")


def test_a_refused_image_has_no_position(viewer: Viewer) -> None:
    viewer.open(DARK)
    with viewer.page.expect_response("**/marks-known/projection/*/place") as waiting:
        open_panel(viewer)
    assert waiting.value.json()["placement"] is None
    expect(panel(viewer)).to_contain_text("so it has no position")
    expect(viewer.page.locator(".plot")).to_be_visible()
    assert "This image" not in viewer.text(".legend")
    assert tiles(viewer).count() == 0


def test_without_a_collection_the_panel_explains_how_to_import_one(viewer: Viewer) -> None:
    viewer.page.locator("#model").select_option("whole")
    viewer.page.locator("#tab-projection").click()
    expect(viewer.page.locator("#collections code")).to_have_text("fovea collections import FOLDER --model whole")
    expect(viewer.page.locator(".plot")).to_be_hidden()
    assert panel(viewer).get_by_role("button", name="Compute projection").count() == 0


def test_known_answers_are_not_requested_again(viewer: Viewer) -> None:
    requests: list[Request] = []
    viewer.page.on("request", lambda request: requests.append(request) if "/marks-known/proj" in request.url else None)
    viewer.analyze(IMAGE)
    assert requests == []
    place_image(viewer)
    for tab in ("similar", "projection"):
        viewer.page.locator(f"#tab-{tab}").click()
    expect(tiles(viewer).first).to_be_visible()
    assert [request.url.rpartition("/")[2] for request in requests] == ["projection", "tsne-2d", "place", "projection"]


def test_a_failed_job_shows_its_cause_and_a_lost_connection_is_retried(relayed: Viewer, relay: Relay) -> None:
    def failed(route: Route) -> None:
        body = route.fetch().json()
        error = {"type": "/problems/job-failed", "status": 500, "detail": "the disk is full", "request_id": "r-1"}
        route.fulfill(json=body | {"state": "failed", "error": error})

    open_panel(relayed)
    expect(relayed.page.locator(".plot")).to_be_visible()
    relayed.page.get_by_text("Compute another projection").click()
    relayed.page.locator("#new-projection").select_option("pca-2d")
    relayed.page.route("**/jobs/*", failed, times=1)
    panel(relayed).get_by_role("button", name="Compute projection").click()
    expect(panel(relayed)).to_contain_text("the disk is full")
    relayed.page.unroute("**/jobs/*")
    relay.cut()
    panel(relayed).get_by_role("button", name="Try again").click()
    expect(panel(relayed)).to_contain_text("The connection to the service is lost")
    relay.mend()
    panel(relayed).get_by_role("button", name="Try now").click()
    expect(relayed.page.locator(".plot")).to_be_visible()


def test_a_slow_connection_shows_progress(relayed: Viewer, relay: Relay) -> None:
    relayed.analyze(IMAGE)
    place_image(relayed)
    relay.responses.clear()
    relayed.page.locator("#projection").select_option("pca-3d")
    expect(panel(relayed).get_by_role("progressbar")).to_be_visible()
    relay.responses.set()
    expect(tiles(relayed).first).to_be_visible()
    expect(panel(relayed).get_by_role("progressbar")).to_have_count(0)
