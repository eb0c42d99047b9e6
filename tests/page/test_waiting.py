"""Long work, slow and lost connections, and errors: progress, a way to cancel, plain words, and nothing lost."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import pytest
from PIL import Image
from playwright.sync_api import Locator, Route, expect

from tests.page.pictures import encoded, marked
from tests.page.relay import Relay
from tests.page.viewer import Viewer

IMAGE = encoded(marked(red=(110, 90)))
ANALYZE = "**/analyze?*"


def progress(viewer: Viewer) -> Locator:
    return viewer.page.locator("#progress")


def problem(status: int, slug: str, detail: str, **headers: str) -> Callable[[Route], None]:
    def answer(route: Route) -> None:
        body = {"type": f"/problems/{slug}", "status": status, "title": slug, "detail": detail, "request_id": "r-1"}
        route.fulfill(status=status, json=body, headers=headers)

    return answer


def test_long_work_shows_that_it_goes_on_and_is_cancelled(wired: Viewer, relay: Relay) -> None:
    relay.answers.clear()
    wired.open(IMAGE)
    expect(progress(wired)).to_contain_text("The model is looking")
    expect(progress(wired).locator("progress")).to_be_visible()
    expect(wired.view()).to_be_visible()  # the image is there already
    with wired.page.expect_event("requestfailed") as stopped:
        progress(wired).get_by_role("button", name="Cancel").click()
    assert "/analyze" in stopped.value.url
    expect(progress(wired)).to_contain_text("Cancelled")
    relay.answers.set()
    with wired.answering():
        progress(wired).get_by_role("button", name="Ask again").click()
    assert wired.text(".figure-title").startswith("red mark")


def test_escape_cancels_and_keeps_the_answer_before(wired: Viewer, relay: Relay) -> None:
    wired.ask(IMAGE)
    relay.answers.clear()
    wired.press("m")
    expect(progress(wired)).to_contain_text("The model is looking")
    wired.press("Escape")
    expect(progress(wired).locator("progress")).to_have_count(0)
    expect(wired.page.locator(".figure-method")).to_contain_text("Grad-CAM")


def test_a_slow_upload_tells_how_much_is_sent(wired: Viewer, relay: Relay) -> None:
    large = io.BytesIO()
    Image.effect_noise((3000, 3000), 60).save(large, "PNG", compress_level=0)  # more than a socket's buffers hold
    relay.questions.clear()
    wired.open(large.getvalue())
    expect(progress(wired)).to_contain_text(re.compile(r"Sending the image, \d\d?%"))
    with wired.answering():
        relay.questions.set()


def test_a_slow_method_comes_after_the_quick_ones(viewer: Viewer) -> None:
    viewer.page.get_by_role("checkbox", name="Show Score-CAM as well").check()
    routes: list[Route] = []

    def hold_slow(route: Route) -> None:
        routes.append(route) if "scorecam" in route.request.url else route.continue_()

    viewer.page.route(ANALYZE, hold_slow)
    viewer.open(IMAGE)
    expect(viewer.page.locator(".figure-title")).to_contain_text("red mark")
    expect(progress(viewer)).to_be_visible()
    assert viewer.page.locator(".view").count() == 1
    routes[0].continue_()
    expect(viewer.page.locator(".view")).to_have_count(2)


def test_a_slow_method_is_named_while_it_works(wired: Viewer, relay: Relay) -> None:
    wired.ask(IMAGE)
    relay.answers.clear()
    wired.page.get_by_role("button", name="Score-CAM").click()
    expect(progress(wired)).to_contain_text("Score-CAM takes a while")


def test_a_newer_question_overtakes_an_older_one(wired: Viewer, relay: Relay) -> None:
    wired.ask(IMAGE)
    asked: list[str] = []
    wired.page.on("request", lambda request: asked.append(request.url))
    relay.answers.clear()
    wired.press("m", "m")
    expect(progress(wired)).to_contain_text("The model is looking")
    relay.answers.set()
    wired.rest()
    expect(wired.page.locator(".figure-method")).to_contain_text(wired.text(".methods li.chosen"))
    assert len([url for url in asked if "/analyze?" in url]) == 2


def test_a_connection_cut_in_the_middle_is_taken_up_again(wired: Viewer, relay: Relay) -> None:
    relay.answers.clear()
    wired.open(IMAGE)
    expect(progress(wired)).to_contain_text("The model is looking")
    relay.cut()
    expect(progress(wired)).to_contain_text("The connection to the service is lost. Trying again")
    expect(wired.view()).to_be_visible()
    relay.answers.set()
    with wired.answering():
        relay.mend()
    assert wired.text(".figure-title").startswith("red mark")


def test_a_network_that_is_back_is_noticed_at_once(viewer: Viewer) -> None:
    viewer.page.context.set_offline(True)
    viewer.open(IMAGE)
    expect(progress(viewer)).to_contain_text("The connection to the service is lost. Trying again")
    with viewer.answering():
        viewer.page.context.set_offline(False)


def test_a_page_opened_before_its_service_waits_for_it(wired: Viewer, relay: Relay) -> None:
    wired.page.route("**/models", lambda route: route.abort(), times=1)
    wired.page.reload()
    expect(wired.page.locator("#live")).to_contain_text("Trying again")
    with wired.answering():
        wired.open(IMAGE)


def test_an_image_opened_before_the_model_is_known_waits_for_it(viewer: Viewer) -> None:
    held: list[Route] = []
    viewer.page.route("**/models/again", lambda route: held.append(route))  # noqa: PLW0108  a bound method cannot be handled
    viewer.page.locator("#model").select_option("again")
    viewer.open(IMAGE)
    expect(progress(viewer)).to_contain_text("The model is looking")
    with viewer.answering() as answer:
        held[0].continue_()
    assert answer["model"]["name"] == "again"


def test_a_busy_service_is_asked_again_when_it_says(viewer: Viewer) -> None:
    viewer.page.route(ANALYZE, problem(429, "overloaded", "256 images are waiting", **{"Retry-After": "30"}), times=1)
    viewer.open(IMAGE)
    expect(progress(viewer)).to_contain_text("Trying again in 30 s")
    with viewer.answering():
        progress(viewer).get_by_role("button", name="Try now").click()


def test_errors_speak_plainly_and_keep_the_image(viewer: Viewer) -> None:
    viewer.ask(IMAGE)
    viewer.page.route(ANALYZE, problem(503, "deadline-exceeded", "the answer was not ready in time"), times=1)
    viewer.press("m")
    expect(progress(viewer)).to_contain_text("took too long and was stopped")
    said = progress(viewer).text_content() or ""
    assert "the answer was not ready in time" in said
    assert "r-1" in said
    assert "No answer" in viewer.text("#live")
    with viewer.answering():
        progress(viewer).get_by_role("button", name="Ask again").click()


WRONG = {"not an image that can be read": b"%PDF-1.7 no picture", "damaged": IMAGE[:200]}


@pytest.mark.parametrize("said", WRONG)
def test_what_is_no_image_is_told_in_plain_words(viewer: Viewer, said: str) -> None:
    viewer.open(WRONG[said])
    expect(progress(viewer)).to_contain_text(said)
    with viewer.page.expect_file_chooser():
        progress(viewer).get_by_role("button", name="Choose another image").click()


def test_a_proxy_that_speaks_html_is_a_problem_like_any_other(viewer: Viewer) -> None:
    viewer.page.route(ANALYZE, lambda route: route.fulfill(status=502, body="<html>Bad gateway</html>"), times=1)
    viewer.open(IMAGE)
    expect(progress(viewer)).to_contain_text("could not answer")


def test_a_method_that_does_not_apply_offers_one_that_does(viewer: Viewer) -> None:
    viewer.ask(IMAGE)
    viewer.page.route(ANALYZE, problem(409, "does-not-apply", "behind this layer there is another head"), times=1)
    viewer.press("m")
    expect(progress(viewer)).to_contain_text("has no meaning for this model")
    viewer.page.get_by_role("button", name="Use Grad-CAM").click()
    expect(viewer.page.locator(".figure-method")).to_contain_text("Grad-CAM")
    expect(progress(viewer)).to_be_hidden()
