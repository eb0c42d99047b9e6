"""Ways in, and the answer that follows at once."""

from __future__ import annotations

import base64

from playwright.sync_api import expect

from tests.page.finder import NOTICE
from tests.page.pictures import encoded, marked
from tests.page.viewer import Viewer

RED = encoded(marked(red=(110, 90)))
GREEN = encoded(marked(green=(130, 70)))
DARK = encoded(marked().point(lambda value: value // 9))

MOST_BYTES = 100_000
"""Of bodies, as they are compressed, that the opening page fetches of its own files."""

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


def test_the_page_is_fetched_in_few_bytes(viewer: Viewer) -> None:
    fetched = [(body, all_) for path, body, all_ in viewer.page.evaluate(FETCHED) if path == "/" or "/page/" in path]
    assert len(fetched) > 50
    assert all(body and all_ for body, all_ in fetched)  # none of it comes from a cache
    assert sum(body for body, _ in fetched) < MOST_BYTES


def test_a_chosen_image_is_answered_with_bars_notice_and_map(viewer: Viewer) -> None:
    expect(viewer.page.locator("#notice-text")).to_have_text(NOTICE)
    answer = viewer.ask(RED)
    rows = viewer.page.locator(".classes li")
    assert rows.locator(".class-name").all_inner_texts() == [
        prediction["label"].replace("_", " ") for prediction in answer["predictions"]
    ]
    shares = [prediction["probability"] for prediction in answer["predictions"]]
    bars = rows.locator(".bar").evaluate_all("bars => bars.map(bar => Number(bar.style.getPropertyValue('--share')))")
    assert bars == shares
    said = [float(text.strip("<> %")) / 100 for text in rows.locator(".class-share").all_inner_texts()]
    assert all(abs(one - other) <= 0.001 for one, other in zip(said, shares, strict=True))
    assert viewer.text(".figure-title").startswith("red mark")
    expect(viewer.page.locator("#notice-text")).to_be_in_viewport()
    assert "where the model looked, not where disease is" in viewer.text(".notice")
    assert "red mark" in viewer.text("#live")


def test_a_dropped_and_a_pasted_image_are_opened(viewer: Viewer) -> None:
    data = base64.b64encode(RED).decode()
    viewer.page.evaluate(CARRY, ["red.png", data, "dragenter"])
    expect(viewer.page.locator("body")).to_have_class("welcome dropping")
    with viewer.answering():
        viewer.page.evaluate(CARRY, ["red.png", data, "drop"])
    assert "dropping" not in (viewer.page.locator("body").get_attribute("class") or "")
    with viewer.answering() as answer:
        viewer.page.evaluate(CARRY, ["green.png", base64.b64encode(GREEN).decode(), "paste"])
    assert answer["predictions"][0]["label"] == "green_mark"
    assert viewer.page.locator(".thumb").count() == 2


def test_a_sample_is_one_click_away(viewer: Viewer) -> None:
    with viewer.answering() as answer:
        viewer.page.locator(".sample").first.click()
    assert answer["image"]["format"] == "WEBP"
    expect(viewer.page.locator(".welcome-pane")).to_be_hidden()


def test_several_images_are_all_answered_and_one_is_looked_at(viewer: Viewer) -> None:
    viewer.open(RED, GREEN, DARK, b"no picture", names=("a.png", "b.png", "c.png", "<i>d</i>.png"))
    said = viewer.page.locator(".said")
    expect(said.nth(0)).to_contain_text("red mark")
    expect(said.nth(1)).to_contain_text("green mark")
    expect(said.nth(2)).to_have_text("refused")
    expect(said.nth(3)).to_have_text("no answer")
    expect(viewer.page.locator(".queue")).to_contain_text("4 of 4")
    assert viewer.text(".figure-title").startswith("red mark")
    with viewer.answering() as answer:
        viewer.press(".")
    assert answer["predictions"][0]["label"] == "green_mark"
    viewer.press(",")
    expect(viewer.page.locator(".figure-title")).to_contain_text("red mark")  # remembered, not asked again
    viewer.page.locator(".remove").nth(3).click()
    expect(viewer.page.locator(".thumb")).to_have_count(3)


def test_a_refused_image_gets_reasons_and_no_numbers(viewer: Viewer) -> None:
    viewer.ask(RED)
    with viewer.page.expect_response("**/analyze?*"):
        viewer.open(DARK)
    expect(viewer.page.locator("#progress")).to_contain_text("too poor to judge")
    expect(viewer.page.locator("#progress")).to_contain_text("Brightness is 0, and this model answers from 20 on.")
    assert viewer.page.locator(".classes li").count() == 0
    assert viewer.page.locator(".figure").count() == 1
    assert viewer.page.locator(".scale:visible").count() == 0
    viewer.page.locator("#tab-details").click()
    assert "refused" in viewer.text("#panel-details")


def test_another_model_is_asked_as_soon_as_it_is_chosen(viewer: Viewer) -> None:
    viewer.ask(RED)
    with viewer.answering() as answer:
        viewer.page.locator("#model").select_option("again")
    assert answer["model"]["name"] == "again"
    viewer.page.locator("#model").select_option("absent")
    expect(viewer.page.locator("#progress")).to_contain_text("This model cannot answer now.")
    expect(viewer.page.locator("#progress .detail")).not_to_be_empty()
    viewer.page.locator("#model").select_option("again")
    expect(viewer.page.locator(".figure-title")).to_contain_text("red mark")
