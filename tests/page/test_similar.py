"""Similar cases: the choice of a collection, the nearest cases and their labels, and a case in its dialog."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Locator, Request, Route, expect

from tests.page.mark_model import NOTICE
from tests.page.pictures import encoded, marked
from tests.page.relay import Relay
from tests.page.viewer import Viewer

pytestmark = pytest.mark.usefixtures("collections")

IMAGE = encoded(marked(red=(110, 90)))
DARK = encoded(marked().point(lambda value: value // 9))
NEIGHBORS = "**/neighbors?*"


def open_panel(viewer: Viewer, collection: str = "marks-bare") -> dict[str, Any]:
    """Open the panel, choose a collection, and wait for its answer; the first collection is chosen already."""
    with viewer.page.expect_response(f"**/{collection}/neighbors?*") as waiting:
        viewer.page.locator("#tab-similar").click()
        viewer.page.locator("#collection").select_option(collection)
    expect(tiles(viewer).first).to_be_visible()
    answer: dict[str, Any] = waiting.value.json()
    return answer


def tiles(viewer: Viewer) -> Locator:
    return viewer.page.locator(".cases button")


def panel(viewer: Viewer) -> Locator:
    return viewer.page.locator("#panel-similar")


def test_only_suitable_collections_are_offered_and_the_others_explained(viewer: Viewer) -> None:
    def outdate(route: Route) -> None:
        body = route.fetch().json()
        for one in body["collections"]:
            one["stale"] = one["name"] == "marks-bare"
        route.fulfill(json=body)

    viewer.page.route("**/collections", outdate)
    viewer.page.locator("#tab-similar").click()
    expect(viewer.page.locator("#collection option")).to_have_text("marks-known · 12 images")
    viewer.page.get_by_text("Why other collections are not offered").click()
    text = viewer.text("#collections .reasons")
    assert "marks-bare was made with other weights than the model has now." in text
    assert "fovea collections reembed marks-bare" in text
    assert "marks-empty is empty." in text
    assert "strange was made with the model again." in text


def test_without_a_suitable_collection_the_panel_explains_how_to_import_one(viewer: Viewer) -> None:
    viewer.page.locator("#model").select_option("whole")
    viewer.page.locator("#tab-similar").click()
    expect(viewer.page.locator("#collections code")).to_have_text("fovea collections import FOLDER --model whole")
    assert "strange was made with the model again." in viewer.text("#collections")
    assert viewer.page.locator("#collection").count() == 0


def test_the_nearest_cases_and_their_labels_are_shown(viewer: Viewer) -> None:
    viewer.analyze(IMAGE)
    answer = open_panel(viewer, "marks-known")
    labels = [one["label"].replace("_", " ") for one in answer["neighbors"]]
    expect(tiles(viewer).locator("img")).to_have_count(8)
    assert tiles(viewer).locator("strong").all_inner_texts() == labels
    assert labels[:4] == ["red mark"] * 4
    assert all(tiles(viewer).locator("img").evaluate_all("all => all.map(one => one.naturalWidth > 8)"))
    bars = panel(viewer).locator(".bar").evaluate_all("all => all.map(bar => bar.style.getPropertyValue('--share'))")
    assert [float(share) for share in bars] == [votes / 8 for votes in answer["votes"].values()]
    assert "4 of 8" in viewer.text("#panel-similar")
    assert "not necessarily the same diagnosis" in viewer.text("#panel-similar")


def test_raw_pixels_are_compared_with_features_and_the_metric_is_chosen(viewer: Viewer) -> None:
    viewer.analyze(IMAGE)
    open_panel(viewer)
    requests: list[str] = []
    viewer.page.on("request", lambda request: requests.append(request.url) if "/neighbors" in request.url else None)
    viewer.page.get_by_label("Compare with raw pixels").check()
    expect(viewer.page.locator(".cases")).to_have_count(2)
    assert panel(viewer).locator("h3").all_inner_texts() == ["By the model’s features", "By raw pixels"]
    assert ["space=pixels" in url for url in requests] == [True]  # the answer by features is cached
    viewer.page.locator("#count").select_option("4")
    viewer.page.locator("#metric").select_option("l2")
    expect(tiles(viewer)).to_have_count(8)
    assert "k=4" in requests[-1]
    assert "metric=l2" in requests[-1]


def test_a_case_without_thumbnail_opens_by_keyboard(viewer: Viewer) -> None:
    viewer.analyze(IMAGE)
    viewer.page.locator("#tab-similar").click()
    viewer.page.locator("#collection").select_option("marks-bare")
    expect(tiles(viewer).locator(".no-picture").first).to_have_text("red mark")
    tiles(viewer).first.focus()
    viewer.press("Enter")
    case = viewer.page.locator("#case")
    expect(case).to_contain_text("Predicted class")
    expect(case.locator("dd").last).to_have_text("red mark")
    assert NOTICE in viewer.text("#case")
    first = viewer.text("#case")
    viewer.press("ArrowRight")
    assert viewer.text("#case") != first
    assert "2 · By the model’s features" in viewer.text("#case")
    viewer.press("Escape")
    expect(case).to_be_hidden()
    expect(tiles(viewer).first).to_be_focused()


def test_nothing_is_requested_before_the_panel_is_in_sight(viewer: Viewer) -> None:
    requests: list[Request] = []
    viewer.page.on("request", lambda request: requests.append(request) if "/collections" in request.url else None)
    viewer.analyze(IMAGE)
    assert requests == []
    open_panel(viewer)
    assert len(requests) == 2


def test_a_refused_image_has_no_similar_cases(viewer: Viewer) -> None:
    viewer.analyze(IMAGE)
    open_panel(viewer)
    with viewer.page.expect_response(NEIGHBORS):
        viewer.open(DARK)
    expect(panel(viewer)).to_contain_text("The model does not answer for this image")
    assert tiles(viewer).count() == 0


def test_a_lost_connection_is_retried_and_a_problem_explained(relayed: Viewer, relay: Relay) -> None:
    relayed.analyze(IMAGE)
    open_panel(relayed)
    relay.cut()
    relayed.page.locator("#count").select_option("16")
    expect(panel(relayed)).to_contain_text("The connection to the service is lost")
    relay.mend()
    relayed.page.get_by_role("button", name="Try now").click()
    expect(tiles(relayed)).to_have_count(12)
    relayed.page.route(
        NEIGHBORS, lambda route: route.fulfill(status=503, json={"type": "/problems/model-fault"}), times=1
    )
    relayed.page.locator("#count").select_option("4")
    expect(panel(relayed)).to_contain_text("The model gave no usable numbers")
    panel(relayed).get_by_role("button", name="Try again").click()
    expect(tiles(relayed)).to_have_count(4)
