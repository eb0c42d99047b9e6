"""Links: the address names the view, never the image; back and forward lead from view to view."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import expect

from tests.page.pictures import encoded, marked
from tests.page.viewer import Viewer

IMAGE = encoded(marked(red=(100, 60), green=(140, 100)))


def view_of(viewer: Viewer) -> dict[str, list[str]]:
    """What the address names."""
    return parse_qs(urlsplit(viewer.page.url).fragment)


def follow(viewer: Viewer, fragment: str) -> None:
    """Open a link in a new document."""
    viewer.page.goto("about:blank")
    viewer.page.goto(viewer.address + fragment)
    expect(viewer.page.locator("#layer")).to_be_visible()


def test_a_link_reopens_model_method_class_and_layer(viewer: Viewer) -> None:
    viewer.open(IMAGE, names=("Jane Canary.png",))
    viewer.page.locator("#model").select_option("whole")
    with viewer.expect_answer():
        viewer.page.get_by_role("button", name="LayerCAM").click()
    with viewer.expect_answer():
        viewer.page.get_by_role("button", name="blue mark").click()
    with viewer.expect_answer():
        viewer.page.locator("#layer").select_option("coarse")
    wanted = {"model": ["whole"], "method": ["layercam"], "class": ["blue_mark"], "layer": ["coarse"]}
    assert view_of(viewer) == wanted
    assert "Canary" not in viewer.page.url + viewer.page.title()  # the browser's history stores both
    follow(viewer, "#" + urlsplit(viewer.page.url).fragment)
    answer = viewer.analyze(IMAGE)
    (explanation,) = answer["explanations"]
    assert (answer["model"]["name"], explanation["method"], explanation["layer"]) == ("whole", "layercam", "coarse")
    assert [one["target"]["label"] for one in explanation["maps"]] == ["blue_mark"]
    expect(viewer.page.locator("#title")).to_contain_text("Heatmap for another class: blue mark")
    assert view_of(viewer) == wanted


def test_back_and_forward_lead_from_view_to_view(viewer: Viewer) -> None:
    viewer.analyze(IMAGE)
    methods = viewer.page.locator(".methods li.chosen")
    with viewer.expect_answer():
        viewer.press("m")
    with viewer.expect_answer():
        viewer.page.locator("#model").select_option("whole")
    assert (view_of(viewer)["model"], view_of(viewer)["method"]) == (["whole"], ["gradcam++"])
    viewer.page.go_back()
    expect(viewer.page.locator("#model")).to_have_value("marks")
    expect(methods).to_have_text("Grad-CAM++")
    viewer.page.go_back()
    expect(methods).to_have_text("Grad-CAM")
    expect(viewer.page.locator(".figure-method")).to_have_text("50.0\u00a0% · Grad-CAM")
    viewer.page.go_forward()
    viewer.page.go_forward()
    expect(viewer.page.locator("#model")).to_have_value("whole")
    expect(methods).to_have_text("Grad-CAM++")


def test_another_image_is_no_step_of_the_history(viewer: Viewer) -> None:
    viewer.analyze(IMAGE, IMAGE)
    with viewer.expect_answer():
        viewer.page.get_by_role("button", name="blue mark").click()
    steps = viewer.page.evaluate("history.length")
    with viewer.expect_answer():
        viewer.press(".")
    assert view_of(viewer) == {"model": ["marks"], "method": ["gradcam"]}
    assert viewer.page.evaluate("history.length") == steps


def test_a_link_names_what_the_service_does_not_have(viewer: Viewer) -> None:
    follow(viewer, "#model=absent&class=blue_mark")
    expect(viewer.page.locator("#toast")).to_contain_text("not available here: absent.")
    expect(viewer.page.locator("#model")).to_have_value("marks")
    assert view_of(viewer) == {"model": ["marks"], "method": ["gradcam"]}
    follow(viewer, "#model=again&class=<b>cat</b>&class=blue_mark&method=cam")
    expect(viewer.page.locator("#toast")).to_contain_text("not available here: cam, <b>cat</b>.")
    assert view_of(viewer) == {"model": ["again"], "method": ["gradcam"], "class": ["blue_mark"]}
    viewer.page.locator(".skip").press("Enter")
    assert view_of(viewer)["model"] == ["again"]
