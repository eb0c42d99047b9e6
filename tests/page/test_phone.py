"""On a phone: the image and the answer stay above an open panel, and hints speak of fingers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.api.test_serving import Running
from tests.page.pictures import encoded, marked
from tests.page.viewer import Viewer, new_context

IMAGE = encoded(marked(red=(110, 90), green=(150, 60)))
PHONE = {"viewport": {"width": 380, "height": 700}, "has_touch": True, "is_mobile": True}


@pytest.fixture
def phone(browser: Browser, server: Running) -> Iterator[Viewer]:
    with new_context(browser, **PHONE) as context, Viewer.opened(context, server.port) as viewer:
        yield viewer
        assert not viewer.errors


def test_image_and_answer_stay_in_view_above_an_open_panel(phone: Viewer) -> None:
    expect(phone.page.locator("#open-hint")).not_to_contain_text("Drop")
    phone.analyze(IMAGE)
    full = phone.view().bounding_box()
    expect(phone.page.locator("#position")).to_have_text("Touch the image to read raw values. Two fingers zoom.")
    for panel in ("answer", "model", "details"):
        phone.page.locator(f"#tab-{panel}").tap()
        for scroll in (0, 150):
            phone.page.evaluate("by => scrollBy(0, by)", scroll)
            phone.wait_until_painted()
            for part in ("#title", ".view", "#notice"):
                expect(phone.page.locator(part).first).to_be_in_viewport(ratio=1)
            expect(phone.page.locator(f"#panel-{panel}")).to_be_in_viewport(ratio=0.1)
        covered = phone.page.evaluate(
            """() => { const box = document.querySelector(".view").getBoundingClientRect();
                return document.elementFromPoint(box.left + box.width / 2, box.top + 5).className; }"""
        )
        assert covered == "view"
    phone.page.evaluate("scrollTo(0, 0)")
    expect(phone.page.locator(".reading")).to_have_count(0)
    phone.wait_until_painted()
    assert phone.view().bounding_box() == full
