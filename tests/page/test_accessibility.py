"""Keyboard, screen readers, themes and reduced motion."""

from __future__ import annotations

import json

from playwright.sync_api import expect

from tests.page.pictures import encoded, marked
from tests.page.viewer import Viewer

IMAGE = encoded(marked(red=(110, 90), green=(150, 60)))


def test_every_control_is_reached_by_the_tab_key_with_a_visible_focus(viewer: Viewer) -> None:
    viewer.analyze(IMAGE, IMAGE)
    reached = []
    for _ in range(90):
        viewer.page.keyboard.press("Tab")
        focused = viewer.page.evaluate(
            """() => {
                const { activeElement: on } = document;
                const style = getComputedStyle(on);
                return [on.id || on.dataset.key || on.dataset.mode || on.tagName,
                    style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1];
            }"""
        )
        if focused[0] == "BODY":
            break
        reached.append(focused)
    names = [name for name, _ in reached]
    for wanted in ("model", "open", "png", "json", "theme", "help", "overlay", "strength", "colormap", "views"):
        assert wanted in names
    for wanted in ("class 0", "check 1", "method gradcam", "layer", "tab-answer", "compare", "all"):
        assert wanted in names
    assert [name for name, ringed in reached if not ringed] == []


def test_the_help_lists_all_shortcuts_and_single_keys_can_be_switched_off(viewer: Viewer) -> None:
    viewer.analyze(IMAGE)
    viewer.press("?")
    help_ = viewer.page.locator("#shortcuts")
    expect(help_).to_be_visible()
    assert help_.locator("dt").count() > 20
    help_.get_by_label("Single-key shortcuts").uncheck()
    viewer.press("Escape", "2")
    assert viewer.page.locator("[data-mode=overlay]").get_attribute("aria-pressed") == "true"
    viewer.load()
    viewer.press("?")
    expect(help_).to_be_hidden()
    viewer.page.locator("#help").click()
    expect(help_).to_be_visible()


def test_shortcuts_are_inactive_in_fields(viewer: Viewer) -> None:
    viewer.analyze(IMAGE)
    viewer.page.locator("#colormap").focus()
    viewer.press("3")
    assert viewer.page.locator("[data-mode=overlay]").get_attribute("aria-pressed") == "true"
    viewer.press("Control+b")
    assert viewer.page.locator("[data-switch=boxes]").get_attribute("aria-pressed") == "false"


def test_tabs_follow_the_arrow_keys(viewer: Viewer) -> None:
    viewer.page.locator("#tab-answer").focus()
    viewer.press("ArrowRight")
    expect(viewer.page.locator("#tab-similar")).to_be_focused()
    expect(viewer.page.locator("#panel-similar")).to_be_visible()
    viewer.press("End")
    expect(viewer.page.locator("#panel-details")).to_be_visible()
    viewer.press("Home")
    expect(viewer.page.locator("#panel-answer")).to_be_visible()


def test_the_theme_follows_the_system_until_one_is_chosen(viewer: Viewer) -> None:
    ground = "() => getComputedStyle(document.body).backgroundColor"
    viewer.page.emulate_media(color_scheme="light")
    light = viewer.page.evaluate(ground)
    viewer.page.emulate_media(color_scheme="dark")
    dark = viewer.page.evaluate(ground)
    assert light != dark
    viewer.press("t")
    assert viewer.page.evaluate(ground) == light
    viewer.load()
    assert viewer.page.evaluate(ground) == light
    viewer.press("t")
    assert viewer.page.evaluate(ground) == dark


def test_heatmaps_have_a_text_alternative(viewer: Viewer) -> None:
    viewer.analyze(encoded(marked(red=(80, 40))))
    text = viewer.view().get_attribute("aria-label") or ""
    assert "Grad-CAM at layer relu for red mark" in text
    assert "strongest in the upper" in text
    viewer.analyze(encoded(marked(blue=(140, 120))))
    text = viewer.view().get_attribute("aria-label") or ""
    assert "strongest at the bottom" in text or "strongest in the lower" in text


def test_reduced_motion_switches_animations_off(viewer: Viewer) -> None:
    moving = viewer.page.evaluate(
        """() => [...document.querySelectorAll("*")].filter((one) => {
            const style = getComputedStyle(one);
            return style.animationName !== "none" || parseFloat(style.transitionDuration) > 0;
        }).length"""
    )
    assert moving == 0


def test_labels_and_names_never_become_markup(viewer: Viewer) -> None:
    viewer.open(IMAGE, IMAGE, names=("<img src=x onerror=alert(1)>.png", "b.png"))
    expect(viewer.page.locator("#png")).to_be_enabled()
    assert viewer.page.locator("img[src=x]").count() == 0
    viewer.page.locator("#tab-details").click()
    assert "<img src=x onerror=alert(1)>.png" in viewer.text("#panel-details")
    assert json.dumps(viewer.errors) == "[]"
