"""The layout of every state from phones to wall displays: nothing overflows, no control is too small, and axe-core has
no serious finding.

Screenshots are written to artefacts/viewer.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page, expect

from tests.page.pictures import encoded, marked
from tests.page.viewer import Viewer

ARTEFACTS = Path(__file__).parents[2] / "artefacts" / "viewer"
IMAGE = encoded(marked(red=(110, 90), green=(150, 60)))
DARK = encoded(marked().point(lambda value: value // 9))


def card(viewer: Viewer) -> None:
    viewer.page.locator("#tab-model").click()


def answered(viewer: Viewer) -> None:
    viewer.page.locator("#tab-answer").click()
    viewer.analyze(IMAGE)


def details(viewer: Viewer) -> None:
    viewer.page.locator("#tab-details").click()


def similar(viewer: Viewer) -> None:
    viewer.page.locator("#tab-similar").click()
    viewer.page.get_by_label("Compare with raw pixels").check()
    expect(viewer.page.locator(".cases")).to_have_count(2)


def case(viewer: Viewer) -> None:
    viewer.page.locator("#collection").select_option("marks-known")
    viewer.page.locator(".cases button:has(img)").first.click()
    expect(viewer.page.locator("#case dd").last).to_have_text("red mark")


def projection(viewer: Viewer) -> None:
    viewer.press("Escape")
    viewer.page.locator("#tab-projection").click()
    viewer.page.locator("#collection").select_option("marks-known")
    expect(viewer.page.locator("#panel-projection .cases button").first).to_be_visible()
    viewer.page.locator(".frame:has(.plot)").focus()
    viewer.press("Shift+ArrowRight")
    expect(viewer.page.locator(".point")).to_be_visible()
    viewer.page.locator(".plot").scroll_into_view_if_needed()


def computing(viewer: Viewer) -> None:
    job = {"id": "1", "state": "running", "progress": 0.42, "stage": "optimising, iteration 300 of 750"}
    viewer.page.route("**/collections/*/projection?*", lambda route: route.fulfill(status=202, json=job))
    viewer.page.route("**/jobs/1", lambda route: route.fulfill(json=job))
    viewer.page.get_by_text("Compute another projection").click()
    viewer.page.get_by_role("button", name="Compute projection").click()
    expect(viewer.page.locator("#panel-projection")).to_contain_text("iteration 300")


def several(viewer: Viewer) -> None:
    viewer.press("Escape")
    viewer.page.locator("#tab-answer").click()
    viewer.open(IMAGE, DARK, b"no picture")
    expect(viewer.page.locator(".queue")).to_contain_text("4 of 4")
    with viewer.expect_answer():
        viewer.press("g")


def refused(viewer: Viewer) -> None:
    viewer.page.locator(".thumb").nth(2).click()
    expect(viewer.page.locator("#progress")).to_contain_text("does not answer")


def failed(viewer: Viewer) -> None:
    viewer.page.locator(".thumb").nth(3).click()
    expect(viewer.page.locator("#progress")).to_contain_text("not an image")


def shortcuts(viewer: Viewer) -> None:
    viewer.press("?")


STATES: dict[str, Callable[[Viewer], None]] = {
    "empty": lambda viewer: None,
    "card": card,
    "answered": answered,
    "details": details,
    "similar": similar,
    "case": case,
    "projection": projection,
    "computing": computing,
    "several": several,
    "refused": refused,
    "failed": failed,
    "shortcuts": shortcuts,
}
"""How to reach each state from the one before."""

SCREENS = {
    "desk-light": (1280, 800, "light"),
    "desk-dark": (1280, 800, "dark"),
    "phone-light": (380, 700, "light"),
    "phone-dark": (380, 700, "dark"),
    "tablet-dark": (820, 1100, "dark"),
    "wall-light": (3840, 2160, "light"),
}
AXE_SCREENS = {"desk-light", "desk-dark", "phone-light", "phone-dark"}

OVERFLOWING = """() => [...document.querySelectorAll("button, select, label")]
    .filter((one) => one.clientWidth > 1 && one.scrollWidth > one.clientWidth + 2)
    .map((one) => one.textContent + one.id)"""

SMALL = """() => [...document.querySelectorAll("button, a[href], input, select, textarea, summary")]
    .filter((one) => one.checkVisibility())
    .map((one) => [one, (one.closest("label") ?? one).getBoundingClientRect()])
    .filter(([, { width, height }]) => width < 24 || height < 24)
    .map(([one, { width, height }]) => `${one.outerHTML.slice(0, 90)} ${width} × ${height}`)"""
"""The controls below 24 × 24 CSS pixels (WCAG 2.5.8). A label belongs to the control in it."""

RUN_AXE = """() => axe.run({ resultTypes: ["violations"] }).then(({ violations }) => violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes[0].target} ${nodes[0].failureSummary}`))"""


def resize(page: Page, screen: str) -> None:
    """Show a page on another screen."""
    width, height, theme = SCREENS[screen]
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]


@pytest.mark.usefixtures("projections")
def test_every_state_fits_every_screen_and_passes_axe(viewer: Viewer) -> None:
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    viewer.page.evaluate(AXE_SCRIPT)
    for state, reach in STATES.items():
        reach(viewer)
        for screen, (width, _, _) in SCREENS.items():
            resize(viewer.page, screen)
            viewer.wait_until_idle()
            viewer.page.screenshot(path=ARTEFACTS / f"{state}-{screen}.png")
            assert viewer.page.evaluate("document.documentElement.scrollWidth") <= width, (state, screen)
            assert viewer.page.evaluate(OVERFLOWING) == [], (state, screen)
            assert viewer.page.evaluate(SMALL) == [], (state, screen)
            assert screen not in AXE_SCREENS or viewer.page.evaluate(RUN_AXE) == [], (state, screen)
        resize(viewer.page, "desk-light")


@pytest.mark.parametrize(("width", "height"), [(320, 600), (380, 700), (768, 1024), (1280, 720), (3840, 2160)])
def test_the_image_fills_most_of_the_screen(viewer: Viewer, width: int, height: int) -> None:
    viewer.page.set_viewport_size({"width": width, "height": height})
    viewer.analyze(IMAGE, IMAGE)
    box = viewer.view().bounding_box()
    assert box
    assert box["width"] > 0.6 * width
    assert box["width"] * box["height"] > 0.3 * width * min(height, width)
