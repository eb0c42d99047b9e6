"""Long work, lost connections and errors: progress, a way to cancel, plain words, and nothing lost."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Route, expect

from tests.page.pictures import encoded, marked
from tests.page.viewer import Viewer

IMAGE = encoded(marked(red=(110, 90)))
ANALYZE = "**/analyze?*"


def held(viewer: Viewer) -> list[Route]:
    """From now on questions wait, until the test lets them go."""
    routes: list[Route] = []
    viewer.page.route(ANALYZE, lambda route: routes.append(route))  # noqa: PLW0108  a bound method cannot be handled
    return routes


def problem(status: int, slug: str, detail: str, **headers: str) -> Callable[[Route], None]:
    def answer(route: Route) -> None:
        body = {"type": f"/problems/{slug}", "status": status, "title": slug, "detail": detail, "request_id": "r-1"}
        route.fulfill(status=status, json=body, headers=headers)

    return answer


def test_long_work_shows_that_it_goes_on_and_is_cancelled(viewer: Viewer) -> None:
    routes = held(viewer)
    viewer.open(IMAGE)
    progress = viewer.page.locator("#progress")
    expect(progress).to_contain_text("The model is looking")
    expect(progress.locator("progress")).to_be_visible()
    expect(viewer.page.locator(".view")).to_be_visible()  # the image is there already
    with viewer.page.expect_event("requestfailed") as stopped:
        progress.get_by_role("button", name="Cancel").click()
    assert "/analyze" in stopped.value.url
    expect(progress).to_contain_text("Cancelled")
    viewer.page.unroute(ANALYZE)
    assert len(routes) == 1
    with viewer.answering():
        progress.get_by_role("button", name="Ask again").click()
    assert viewer.text(".figure-title").startswith("red mark")


def test_escape_cancels_as_well(viewer: Viewer) -> None:
    viewer.ask(IMAGE)
    held(viewer)
    viewer.press("m")
    expect(viewer.page.locator("#progress")).to_contain_text("The model is looking")
    viewer.press("Escape")
    expect(viewer.page.locator("#progress progress")).to_have_count(0)
    expect(viewer.page.locator(".figure-method")).to_have_text("Grad-CAM")  # the answer before is still there


def test_a_slow_method_comes_after_the_quick_ones(viewer: Viewer) -> None:
    viewer.page.get_by_role("checkbox", name="Show Score-CAM as well").check()
    routes: list[Route] = []

    def hold_slow(route: Route) -> None:
        routes.append(route) if "scorecam" in route.request.url else route.continue_()

    viewer.page.route(ANALYZE, hold_slow)
    viewer.open(IMAGE)
    expect(viewer.page.locator(".figure-title")).to_contain_text("red mark")
    expect(viewer.page.locator("#progress")).to_contain_text("Score-CAM takes a while")
    assert viewer.page.locator(".view").count() == 1
    routes[0].continue_()
    expect(viewer.page.locator(".view")).to_have_count(2)


def test_a_newer_question_overtakes_an_older_one(viewer: Viewer) -> None:
    viewer.ask(IMAGE)
    routes = held(viewer)
    viewer.press("m", "m")
    expect(viewer.page.locator("#progress")).to_contain_text("The model is looking")
    viewer.page.unroute(ANALYZE)
    routes[-1].continue_()
    expect(viewer.page.locator(".figure-method")).to_have_text(viewer.text(".methods li.chosen"))
    assert len(routes) == 2


def test_a_lost_connection_is_waited_for(viewer: Viewer) -> None:
    viewer.page.context.set_offline(True)
    viewer.open(IMAGE)
    progress = viewer.page.locator("#progress")
    expect(progress).to_contain_text("The connection to the service is lost. Trying again")
    assert viewer.page.locator(".view").is_visible()
    with viewer.answering():
        viewer.page.context.set_offline(False)  # which the browser notices, and the page at once
    assert viewer.text(".figure-title").startswith("red mark")


def test_a_busy_service_is_asked_again_when_it_says(viewer: Viewer) -> None:
    viewer.page.route(ANALYZE, problem(429, "overloaded", "256 images are waiting", **{"Retry-After": "30"}), times=1)
    viewer.open(IMAGE)
    progress = viewer.page.locator("#progress")
    expect(progress).to_contain_text("Trying again in 30 s")
    with viewer.answering():
        progress.get_by_role("button", name="Try now").click()


def test_errors_speak_plainly_and_keep_the_image(viewer: Viewer) -> None:
    viewer.ask(IMAGE)
    viewer.page.route(ANALYZE, problem(503, "deadline-exceeded", "the answer was not ready in time"), times=1)
    viewer.press("m")
    progress = viewer.page.locator("#progress")
    expect(progress).to_contain_text("took too long and was stopped")
    assert "the answer was not ready in time" in progress.inner_text()
    assert "r-1" in progress.inner_text()
    assert "No answer" in viewer.text("#live")
    with viewer.answering():
        progress.get_by_role("button", name="Ask again").click()


def test_what_is_no_image_is_told_in_plain_words(viewer: Viewer) -> None:
    viewer.open(b"%PDF-1.7 no picture")
    expect(viewer.page.locator("#progress")).to_contain_text("not an image that can be read")
    viewer.open(IMAGE[:200])
    expect(viewer.page.locator("#progress")).to_contain_text("damaged")
    viewer.page.route(ANALYZE, lambda route: route.fulfill(status=502, body="<html>Bad gateway</html>"), times=1)
    viewer.open(IMAGE)
    expect(viewer.page.locator("#progress")).to_contain_text("could not answer")


def test_a_method_that_does_not_apply_offers_one_that_does(viewer: Viewer) -> None:
    viewer.ask(IMAGE)
    viewer.page.route(ANALYZE, problem(409, "does-not-apply", "behind this layer there is another head"), times=1)
    viewer.press("m")
    expect(viewer.page.locator("#progress")).to_contain_text("has no meaning for this model")
    viewer.page.get_by_role("button", name="Use Grad-CAM").click()
    expect(viewer.page.locator(".figure-method")).to_have_text("Grad-CAM")
    expect(viewer.page.locator("#progress")).to_be_hidden()
