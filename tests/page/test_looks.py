"""What every state looks like, from a phone to a wall: nothing sticks out, axe-core finds nothing serious, and a
screenshot is kept under artefacts/viewer for people to judge."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from tests.api.test_serving import Running
from tests.page.pictures import encoded, marked
from tests.page.viewer import Viewer

ARTEFACTS = Path(__file__).parents[2] / "artefacts" / "viewer"
IMAGE = encoded(marked(red=(110, 90), green=(150, 60)))
DARK = encoded(marked().point(lambda value: value // 9))


def card(viewer: Viewer) -> None:
    viewer.page.locator("#tab-model").click()


def answered(viewer: Viewer) -> None:
    viewer.page.locator("#tab-answer").click()
    viewer.ask(IMAGE)


def facts(viewer: Viewer) -> None:
    viewer.page.locator("#tab-details").click()


def similar(viewer: Viewer) -> None:
    viewer.page.locator("#tab-similar").click()
    viewer.page.get_by_label("Compare with plain pixels").check()
    expect(viewer.page.locator(".cases")).to_have_count(2)


def case(viewer: Viewer) -> None:
    viewer.page.locator("#collection").select_option("marks-known")
    viewer.page.locator(".cases button:has(img)").first.click()
    expect(viewer.page.locator("#case dd").last).to_have_text("red mark")


def atlas(viewer: Viewer) -> None:
    viewer.press("Escape")
    viewer.page.locator("#tab-atlas").click()
    viewer.page.locator("#collection").select_option("marks-known")
    expect(viewer.page.locator("#panel-atlas .cases button").first).to_be_visible()
    viewer.page.locator(".frame:has(.plot)").focus()
    viewer.press("Shift+ArrowRight")
    expect(viewer.page.locator(".point")).to_be_visible()
    viewer.page.locator(".plot").scroll_into_view_if_needed()


def making(viewer: Viewer) -> None:
    made = {"id": "1", "state": "running", "progress": 0.42, "stage": "moving points, round 300 of 750"}
    viewer.page.route("**/collections/*/projection?*", lambda route: route.fulfill(status=202, json=made))
    viewer.page.route("**/jobs/1", lambda route: route.fulfill(json=made))
    viewer.page.get_by_text("Make another map").click()
    viewer.page.get_by_role("button", name="Make this map").click()
    expect(viewer.page.locator("#panel-atlas")).to_contain_text("round 300")


def several(viewer: Viewer) -> None:
    viewer.press("Escape")
    viewer.page.locator("#tab-answer").click()
    viewer.open(IMAGE, DARK, b"no picture")
    expect(viewer.page.locator(".queue")).to_contain_text("4 of 4")
    with viewer.answering():
        viewer.press("g")


def refused(viewer: Viewer) -> None:
    viewer.page.locator(".thumb").nth(2).click()
    expect(viewer.page.locator("#progress")).to_contain_text("does not answer")


def wrong(viewer: Viewer) -> None:
    viewer.page.locator(".thumb").nth(3).click()
    expect(viewer.page.locator("#progress")).to_contain_text("not an image")


def keys(viewer: Viewer) -> None:
    viewer.press("?")


STATES: dict[str, Callable[[Viewer], None]] = {
    "empty": lambda viewer: None,
    "card": card,
    "answered": answered,
    "facts": facts,
    "similar": similar,
    "case": case,
    "atlas": atlas,
    "making": making,
    "several": several,
    "refused": refused,
    "wrong": wrong,
    "keys": keys,
}
"""How each is reached from the one before."""

SCREENS = {
    "phone-light": (380, 700, "light"),
    "phone-dark": (380, 700, "dark"),
    "tablet-dark": (820, 1100, "dark"),
    "desk-light": (1280, 800, "light"),
    "desk-dark": (1280, 800, "dark"),
    "wall-light": (3840, 2160, "light"),
}
AXED = {380, 1280}
CUT = """() => [...document.querySelectorAll("button, select, label")]
    .filter((one) => one.clientWidth > 1 && one.scrollWidth > one.clientWidth + 2)
    .map((one) => one.textContent + one.id)"""


@pytest.mark.usefixtures("maps")
@pytest.mark.parametrize("screen", SCREENS)
def test_every_state_is_whole_and_open_to_everybody(browser: Browser, server: Running, screen: str) -> None:
    width, height, theme = SCREENS[screen]
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    with Viewer.on(browser, server.port, color_scheme=theme, viewport={"width": width, "height": height}) as viewer:
        for name, reach in STATES.items():
            reach(viewer)
            viewer.rest()
            viewer.page.screenshot(path=ARTEFACTS / f"{name}-{screen}.png")
            assert viewer.page.evaluate("document.documentElement.scrollWidth") <= width, name
            assert viewer.page.evaluate(CUT) == [], name
            assert width not in AXED or serious(viewer) == [], name


@pytest.mark.parametrize(("width", "height"), [(320, 600), (380, 700), (768, 1024), (1280, 720), (3840, 2160)])
def test_the_picture_is_the_centre(browser: Browser, server: Running, width: int, height: int) -> None:
    with Viewer.on(browser, server.port, viewport={"width": width, "height": height}) as viewer:
        viewer.ask(IMAGE, IMAGE)
        box = viewer.view().bounding_box()
        assert box
        assert box["width"] > 0.6 * width
        assert box["width"] * box["height"] > 0.3 * width * min(height, width)


def serious(viewer: Viewer) -> list[str]:
    """What axe-core finds that is serious or critical."""
    found = Axe().run(viewer.page).response["violations"]
    return [
        f"{one['id']}: {one['nodes'][0]['target']} {one['nodes'][0]['failureSummary']}"
        for one in found
        if one["impact"] in {"serious", "critical"}
    ]
