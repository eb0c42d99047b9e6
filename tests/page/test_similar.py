"""Similar cases: which collections are offered, what is near, what the labels say, and how a case looks up close."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Locator, Request, Route, expect

from tests.page.finder import NOTICE
from tests.page.pictures import encoded, marked
from tests.page.relay import Relay
from tests.page.viewer import Viewer

pytestmark = pytest.mark.usefixtures("shelf")

IMAGE = encoded(marked(red=(110, 90)))
DARK = encoded(marked().point(lambda value: value // 9))
NEIGHBORS = "**/neighbors?*"


def near(viewer: Viewer) -> dict[str, Any]:
    """Go to the panel and wait for the first answer there."""
    with viewer.page.expect_response(NEIGHBORS) as waiting:
        viewer.page.locator("#tab-similar").click()
    expect(tiles(viewer).first).to_be_visible()
    answer: dict[str, Any] = waiting.value.json()
    return answer


def tiles(viewer: Viewer) -> Locator:
    return viewer.page.locator(".cases button")


def panel(viewer: Viewer) -> Locator:
    return viewer.page.locator("#panel-similar")


def test_only_collections_that_fit_are_offered_and_the_others_explained(viewer: Viewer) -> None:
    def outdate(route: Route) -> None:
        told = route.fetch().json()
        for one in told["collections"]:
            one["stale"] = one["name"] == "marks-bare"
        route.fulfill(json=told)

    viewer.page.route("**/collections", outdate)
    viewer.page.locator("#tab-similar").click()
    expect(viewer.page.locator("#collection option")).to_have_text("marks-known · 12 images")
    viewer.page.get_by_text("Why others are not offered").click()
    said = viewer.text("#collections .reasons")
    assert "marks-bare was made with other weights than the model has now." in said
    assert "fovea collections reembed marks-bare" in said
    assert "marks-empty is still empty." in said
    assert "strange was made with the model again." in said


def test_where_none_fits_it_says_how_to_make_one(viewer: Viewer) -> None:
    viewer.page.locator("#model").select_option("whole")
    viewer.page.locator("#tab-similar").click()
    expect(viewer.page.locator("#collections code")).to_have_text("fovea collections import FOLDER --model whole")
    assert "strange was made with the model again." in viewer.text("#collections")
    assert viewer.page.locator("#collection").count() == 0


def test_the_nearest_cases_and_the_votes_of_their_labels(viewer: Viewer) -> None:
    viewer.ask(IMAGE)
    viewer.page.locator("#tab-similar").click()
    viewer.page.locator("#collection").select_option("marks-known")
    answer = near(viewer)
    told = [one["label"].replace("_", " ") for one in answer["neighbors"]]
    assert tiles(viewer).locator("strong").all_inner_texts() == told
    assert told[:4] == ["red mark"] * 4
    assert all(tiles(viewer).locator("img").evaluate_all("all => all.map(one => one.naturalWidth > 8)"))
    bars = panel(viewer).locator(".bar").evaluate_all("all => all.map(bar => bar.style.getPropertyValue('--share'))")
    assert [float(share) for share in bars] == [votes / 8 for votes in answer["votes"].values()]
    assert "4 of 8" in viewer.text("#panel-similar")
    assert "It does not mean the same diagnosis." in viewer.text("#panel-similar")


def test_pixels_beside_features_and_another_measure(viewer: Viewer) -> None:
    viewer.ask(IMAGE)
    near(viewer)
    asked: list[str] = []
    viewer.page.on("request", lambda request: asked.append(request.url) if "/neighbors" in request.url else None)
    viewer.page.get_by_label("Compare with plain pixels").check()
    expect(viewer.page.locator(".cases")).to_have_count(2)
    assert panel(viewer).locator("h3").all_inner_texts() == ["As the network sees them", "Pixel by pixel"]
    assert ["space=pixels" in url for url in asked] == [True]  # what the network makes of it is remembered
    viewer.page.locator("#count").select_option("4")
    viewer.page.locator("#metric").select_option("l2")
    expect(tiles(viewer)).to_have_count(8)
    assert "k=4" in asked[-1]
    assert "metric=l2" in asked[-1]


def test_a_case_up_close_by_keyboard_and_without_its_picture(viewer: Viewer) -> None:
    viewer.ask(IMAGE)
    viewer.page.locator("#tab-similar").click()
    viewer.page.locator("#collection").select_option("marks-bare")
    expect(tiles(viewer).locator(".no-picture").first).to_have_text("red mark")
    tiles(viewer).first.focus()
    viewer.press("Enter")
    case = viewer.page.locator("#case")
    expect(case).to_contain_text("The model says")
    expect(case.locator("dd").last).to_have_text("red mark")
    assert NOTICE in viewer.text("#case")
    first = viewer.text("#case")
    viewer.press("ArrowRight")
    assert viewer.text("#case") != first
    assert "2 · As the network sees them" in viewer.text("#case")
    viewer.press("Escape")
    expect(case).to_be_hidden()
    expect(tiles(viewer).first).to_be_focused()


def test_nothing_is_asked_before_the_panel_is_in_sight(viewer: Viewer) -> None:
    asked: list[Request] = []
    viewer.page.on("request", lambda request: asked.append(request) if "/collections" in request.url else None)
    viewer.ask(IMAGE)
    assert asked == []
    near(viewer)
    assert len(asked) == 2


def test_another_image_gets_its_own_and_a_refused_one_none(viewer: Viewer) -> None:
    viewer.ask(IMAGE)
    near(viewer)
    with viewer.page.expect_response(NEIGHBORS):
        viewer.open(DARK)
    expect(panel(viewer)).to_contain_text("The model does not answer for this image")
    assert tiles(viewer).count() == 0


def test_a_lost_connection_is_waited_for_and_trouble_told(wired: Viewer, relay: Relay) -> None:
    wired.ask(IMAGE)
    near(wired)
    relay.cut()
    wired.page.locator("#count").select_option("16")
    expect(panel(wired)).to_contain_text("The connection to the service is lost")
    relay.mend()
    wired.page.get_by_role("button", name="Try now").click()
    expect(tiles(wired)).to_have_count(12)
    wired.page.route(
        NEIGHBORS, lambda route: route.fulfill(status=503, json={"type": "/problems/model-fault"}), times=1
    )
    wired.page.locator("#count").select_option("4")
    expect(panel(wired)).to_contain_text("The model gave no usable numbers")
    panel(wired).get_by_role("button", name="Ask again").click()
    expect(tiles(wired)).to_have_count(4)
