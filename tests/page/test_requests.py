"""Long requests, slow and lost connections, and problems: progress, cancelling, explanations, and nothing lost."""

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


def test_a_long_request_shows_progress_and_is_cancelled(relayed: Viewer, relay: Relay) -> None:
    relay.responses.clear()
    relayed.open(IMAGE)
    expect(progress(relayed)).to_contain_text("The model is running")
    expect(progress(relayed).locator("progress")).to_be_visible()
    expect(relayed.view()).to_be_visible()  # the image is shown already
    with relayed.page.expect_event("requestfailed") as stopped:
        progress(relayed).get_by_role("button", name="Cancel").click()
    assert "/analyze" in stopped.value.url
    expect(progress(relayed)).to_contain_text("Cancelled")
    relay.responses.set()
    with relayed.expect_answer():
        progress(relayed).get_by_role("button", name="Try again").click()
    assert relayed.text(".figure-title").startswith("red mark")


def test_escape_cancels_and_keeps_the_previous_answer(relayed: Viewer, relay: Relay) -> None:
    relayed.analyze(IMAGE)
    relay.responses.clear()
    relayed.press("m")
    expect(progress(relayed)).to_contain_text("The model is running")
    relayed.press("Escape")
    expect(progress(relayed).locator("progress")).to_have_count(0)
    expect(relayed.page.locator(".figure-method")).to_contain_text("Grad-CAM")


def test_a_slow_upload_shows_the_share_that_is_sent(relayed: Viewer, relay: Relay) -> None:
    large = io.BytesIO()
    Image.effect_noise((3000, 3000), 60).save(large, "PNG", compress_level=0)  # more than the buffers of a socket hold
    relay.requests.clear()
    relayed.open(large.getvalue())
    expect(progress(relayed)).to_contain_text(re.compile(r"Sending the image, \d\d?\s%"))
    with relayed.expect_answer():
        relay.requests.set()


def test_a_slow_method_is_answered_after_the_fast_ones(viewer: Viewer) -> None:
    viewer.page.get_by_role("checkbox", name="Also show Score-CAM").check()
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


def test_a_slow_method_is_named_while_it_runs(relayed: Viewer, relay: Relay) -> None:
    relayed.analyze(IMAGE)
    relay.responses.clear()
    relayed.page.get_by_role("button", name="Score-CAM").click()
    expect(progress(relayed)).to_contain_text("Score-CAM takes a while")


def test_a_newer_request_replaces_an_older_one(relayed: Viewer, relay: Relay) -> None:
    relayed.analyze(IMAGE)
    requests: list[str] = []
    relayed.page.on("request", lambda request: requests.append(request.url))
    relay.responses.clear()
    relayed.press("m", "m")
    expect(progress(relayed)).to_contain_text("The model is running")
    relay.responses.set()
    relayed.wait_until_idle()
    expect(relayed.page.locator(".figure-method")).to_contain_text(relayed.text(".methods li.chosen"))
    assert len([url for url in requests if "/analyze?" in url]) == 2


def test_a_lost_connection_is_retried(relayed: Viewer, relay: Relay) -> None:
    relay.responses.clear()
    relayed.open(IMAGE)
    expect(progress(relayed)).to_contain_text("The model is running")
    relay.cut()
    expect(progress(relayed)).to_contain_text("The connection to the service is lost. Trying again")
    expect(relayed.view()).to_be_visible()
    relay.responses.set()
    with relayed.expect_answer():
        relay.mend()
    assert relayed.text(".figure-title").startswith("red mark")


def test_the_request_is_retried_as_soon_as_the_browser_is_online(viewer: Viewer) -> None:
    viewer.page.context.set_offline(True)
    viewer.open(IMAGE)
    expect(progress(viewer)).to_contain_text("The connection to the service is lost. Trying again")
    with viewer.expect_answer():
        viewer.page.context.set_offline(False)


def test_the_page_waits_for_a_service_that_starts_later(relayed: Viewer, relay: Relay) -> None:
    relayed.page.route("**/models", lambda route: route.abort(), times=1)
    relayed.page.reload()
    expect(relayed.page.locator("#live")).to_contain_text("Trying again")
    with relayed.expect_answer():
        relayed.open(IMAGE)


def test_an_image_opened_before_the_model_details_waits_for_them(viewer: Viewer) -> None:
    held: list[Route] = []
    viewer.page.route("**/models/again", lambda route: held.append(route))  # noqa: PLW0108  a bound method cannot be handled
    viewer.page.locator("#model").select_option("again")
    viewer.open(IMAGE)
    expect(progress(viewer)).to_contain_text("The model is running")
    with viewer.expect_answer() as answer:
        held[0].continue_()
    assert answer["model"]["name"] == "again"


def test_a_busy_service_is_retried_after_the_time_it_names(viewer: Viewer) -> None:
    viewer.page.route(ANALYZE, problem(429, "overloaded", "256 images are waiting", **{"Retry-After": "30"}), times=1)
    viewer.open(IMAGE)
    expect(progress(viewer)).to_contain_text("Trying again in 30 s")
    with viewer.expect_answer():
        progress(viewer).get_by_role("button", name="Try now").click()


def test_a_problem_is_explained_and_keeps_the_image(viewer: Viewer) -> None:
    viewer.analyze(IMAGE)
    viewer.page.route(ANALYZE, problem(503, "deadline-exceeded", "the answer was not ready in time"), times=1)
    viewer.press("m")
    expect(progress(viewer)).to_contain_text("took too long and was stopped")
    text = progress(viewer).text_content() or ""
    assert "the answer was not ready in time" in text
    assert "r-1" in text
    assert "No answer" in viewer.text("#live")
    with viewer.expect_answer():
        progress(viewer).get_by_role("button", name="Try again").click()


WRONG = {"not an image in a supported format": b"%PDF-1.7 no picture", "damaged": IMAGE[:200]}


@pytest.mark.parametrize("text", WRONG)
def test_an_unreadable_file_is_explained(viewer: Viewer, text: str) -> None:
    viewer.open(WRONG[text])
    expect(progress(viewer)).to_contain_text(text)
    with viewer.page.expect_file_chooser():
        progress(viewer).get_by_role("button", name="Choose another image").click()


def test_an_html_error_of_a_proxy_is_a_problem(viewer: Viewer) -> None:
    viewer.page.route(ANALYZE, lambda route: route.fulfill(status=502, body="<html>Bad gateway</html>"), times=1)
    viewer.open(IMAGE)
    expect(progress(viewer)).to_contain_text("could not answer")


def test_a_method_that_does_not_apply_offers_one_that_does(viewer: Viewer) -> None:
    viewer.analyze(IMAGE)
    viewer.page.route(ANALYZE, problem(409, "does-not-apply", "behind this layer there is another head"), times=1)
    viewer.press("m")
    expect(progress(viewer)).to_contain_text("does not apply to this model")
    viewer.page.get_by_role("button", name="Use Grad-CAM").click()
    expect(viewer.page.locator(".figure-method")).to_contain_text("Grad-CAM")
    expect(progress(viewer)).to_be_hidden()
