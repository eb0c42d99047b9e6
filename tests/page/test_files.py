"""Opening images, and the answer that follows."""

from __future__ import annotations

import base64

from playwright.sync_api import Browser, expect

from tests.api.test_serving import Running
from tests.page.mark_model import NOTICE
from tests.page.pictures import encoded, marked
from tests.page.viewer import Viewer, new_context

RED = encoded(marked(red=(110, 90)))
GREEN = encoded(marked(green=(130, 70)))
DARK = encoded(marked().point(lambda value: value // 9))

MOST_BYTES = 125_000
"""Compressed bytes of all files of the page."""

FETCHED = """() => performance.getEntries().filter((one) => "encodedBodySize" in one)
    .map((one) => [new URL(one.name).pathname, one.encodedBodySize, one.transferSize])"""

CARRY = """([name, data, kind]) => {
    const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
    const carried = new DataTransfer();
    carried.items.add(new File([bytes], name, { type: "image/png" }));
    const event = kind === "paste"
        ? new ClipboardEvent("paste", { clipboardData: carried, bubbles: true, cancelable: true })
        : new DragEvent(kind, { dataTransfer: carried, bubbles: true, cancelable: true });
    document.body.dispatchEvent(event);
}"""


def test_the_page_is_small(browser: Browser, server: Running) -> None:
    with new_context(browser) as context, Viewer.opened(context, server.port) as viewer:
        entries = viewer.page.evaluate(FETCHED)
    fetched = [(body, transfer) for path, body, transfer in entries if path == "/" or "/page/" in path]
    assert len(fetched) > 50
    assert all(body and transfer for body, transfer in fetched)  # nothing comes from a cache
    assert sum(body for body, _ in fetched) < MOST_BYTES


def test_a_chosen_image_gets_probabilities_notice_and_heatmap(viewer: Viewer) -> None:
    expect(viewer.page.locator("#notice-text")).to_have_text(NOTICE)
    answer = viewer.analyze(RED)
    rows = viewer.page.locator(".classes li")
    assert rows.locator(".class-name").all_inner_texts() == [
        prediction["label"].replace("_", " ") for prediction in answer["predictions"]
    ]
    shares = [prediction["probability"] for prediction in answer["predictions"]]
    bars = rows.locator(".bar").evaluate_all("bars => bars.map(bar => Number(bar.style.getPropertyValue('--share')))")
    assert bars == shares
    percentages = [float(text.strip("<>\u00a0%")) / 100 for text in rows.locator(".class-share").all_inner_texts()]
    assert all(abs(one - other) <= 0.001 for one, other in zip(percentages, shares, strict=True))
    assert viewer.text(".figure-title").startswith("red mark")
    expect(viewer.page.locator("#notice-text")).to_be_in_viewport()
    assert "where the model looked, not where disease is" in viewer.text(".notice")
    assert "red mark" in viewer.text("#live")


def test_a_dropped_and_a_pasted_image_are_opened(viewer: Viewer) -> None:
    data = base64.b64encode(RED).decode()
    viewer.page.evaluate(CARRY, ["red.png", data, "dragenter"])
    expect(viewer.page.locator("body")).to_have_class("welcome dropping")
    with viewer.expect_answer():
        viewer.page.evaluate(CARRY, ["red.png", data, "drop"])
    assert "dropping" not in (viewer.page.locator("body").get_attribute("class") or "")
    with viewer.expect_answer() as answer:
        viewer.page.evaluate(CARRY, ["green.png", base64.b64encode(GREEN).decode(), "paste"])
    assert answer["predictions"][0]["label"] == "green_mark"
    assert viewer.page.locator(".thumb").count() == 2


def test_a_click_opens_a_sample(viewer: Viewer) -> None:
    with viewer.expect_answer() as answer:
        viewer.page.locator(".sample").first.click()
    assert answer["image"]["format"] == "WEBP"
    expect(viewer.page.locator(".welcome-pane")).to_be_hidden()


def test_all_open_images_are_answered_and_one_is_shown(viewer: Viewer) -> None:
    viewer.open(RED, GREEN, DARK, b"no picture", names=("a.png", "b.png", "c.png", "<i>d</i>.png"))
    outcomes = viewer.page.locator(".outcome")
    expect(outcomes.nth(0)).to_contain_text("red mark")
    expect(outcomes.nth(1)).to_contain_text("green mark")
    expect(outcomes.nth(2)).to_have_text("refused: quality too low")
    expect(outcomes.nth(3)).to_have_text("no answer: not an image in a supported format")
    assert viewer.page.locator(".file").all_inner_texts() == ["a.png", "b.png", "c.png", "<i>d</i>.png"]
    expect(viewer.page.locator(".queue")).to_contain_text("4 of 4")
    assert viewer.text(".figure-title").startswith("red mark")
    with viewer.expect_answer() as answer:
        viewer.press(".")
    assert answer["predictions"][0]["label"] == "green_mark"
    viewer.press(",")
    expect(viewer.page.locator(".figure-title")).to_contain_text("red mark")  # from the cache
    viewer.page.locator(".remove").nth(3).click()
    expect(viewer.page.locator(".thumb")).to_have_count(3)


def test_a_refused_image_gets_reasons_and_no_scores(viewer: Viewer) -> None:
    viewer.analyze(RED)
    with viewer.page.expect_response("**/analyze?*"):
        viewer.open(DARK)
    expect(viewer.page.locator("#progress")).to_contain_text("quality is too low")
    expect(viewer.page.locator("#progress")).to_contain_text("Brightness 0 (minimum 20)")
    assert viewer.page.locator(".classes li").count() == 0
    assert viewer.page.locator(".figure").count() == 1
    assert viewer.page.locator(".scale:visible").count() == 0
    viewer.page.locator("#tab-details").click()
    assert "refused" in viewer.text("#panel-details")


def test_choosing_another_model_requests_its_answer(viewer: Viewer) -> None:
    viewer.analyze(RED)
    with viewer.expect_answer() as answer:
        viewer.page.locator("#model").select_option("again")
    assert answer["model"]["name"] == "again"
    viewer.page.locator("#model").select_option("marks")
    expect(viewer.page.locator(".figure-title")).to_contain_text("red mark")  # from the cache


def test_a_model_that_cannot_answer_cannot_be_chosen(viewer: Viewer, server: Running) -> None:
    group = viewer.page.locator("#model optgroup")
    assert group.get_attribute("label") == "Cannot be chosen: weights missing"
    assert group.is_disabled()
    assert group.locator("option").all_inner_texts() == ["absent"]
    problem = server.client.get("/models/absent").json()["problem"]
    assert group.locator("option").get_attribute("title") == problem
    viewer.page.locator("#tab-model").click()
    reasons = viewer.page.locator("#panel-model section", has_text="Models that cannot be chosen")
    assert problem.replace("`", "") in reasons.inner_text()
    viewer.page.evaluate("localStorage.setItem('fovea.model', '\"absent\"')")  # chosen before its weights were removed
    viewer.load()
    viewer.page.evaluate("localStorage.removeItem('fovea.model')")
