"""The selection: methods, classes, the comparison of two classes, layers, parameters and quality."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.page.pictures import encoded, marked
from tests.page.viewer import Viewer, is_answer

IMAGE = encoded(marked(red=(100, 60), green=(140, 100)))


def query_after(viewer: Viewer, *keys: str) -> dict[str, list[str]]:
    """The query that follows on keys."""
    with viewer.page.expect_response(is_answer) as waiting:
        viewer.press(*keys)
    viewer.wait_until_idle()
    return parse_qs(urlsplit(waiting.value.url).query)


def test_all_methods_come_from_one_request_in_a_grid(viewer: Viewer) -> None:
    viewer.analyze(IMAGE)
    calls: list[str] = []
    viewer.page.on("request", lambda request: calls.append(request.url))
    with viewer.expect_answer() as answer:
        viewer.page.get_by_role("button", name="Compare all").click()
    names = [explanation["method"] for explanation in answer["explanations"]]
    assert len(names) >= 8
    assert "scorecam" not in names  # slow methods are not included
    assert len([url for url in calls if "/analyze" in url]) == 1
    assert viewer.page.locator(".view").count() == len(names)
    boxes = [viewer.view(number).bounding_box() for number in range(len(names))]
    assert len({(round(box["width"]), round(box["height"])) for box in boxes if box}) == 1
    assert "Grad-CAM++" in viewer.page.locator(".figure-title").all_inner_texts()
    viewer.view(0).hover(position={"x": 60, "y": 60})
    viewer.page.mouse.wheel(0, -400)
    viewer.wait_until_painted()
    assert viewer.page.locator(".cross:not([hidden])").count() == len(names)  # all views point at the same place
    assert viewer.page.locator(".value:not(:empty)").count() == len(names)


def test_one_of_several_heatmaps_is_enlarged_and_put_back(viewer: Viewer) -> None:
    viewer.analyze(IMAGE)
    query_after(viewer, "g")
    several = viewer.page.locator(".view").count()
    viewer.page.get_by_role("button", name="Enlarge Grad-CAM++").click()
    expect(viewer.page.locator(".view")).to_have_count(1)
    assert viewer.text(".figure-title") == "Grad-CAM++"
    viewer.press("Escape")
    expect(viewer.page.locator(".view")).to_have_count(several)


def test_several_classes_are_shown_side_by_side(viewer: Viewer) -> None:
    viewer.analyze(IMAGE)
    with viewer.expect_answer() as answer:
        viewer.page.locator(".classes input").nth(1).click()
    maps = answer["explanations"][0]["maps"]
    assert [one["target"]["label"] for one in maps] == [row["label"] for row in answer["predictions"][:2]]
    assert viewer.page.locator(".view").count() == 2
    scales = viewer.page.locator(".scale")
    tops = scales.locator(".top").all_inner_texts()
    assert tops[0] == tops[1]
    assert float(tops[0]) == pytest.approx(max(one["maximum"] for one in maps), rel=0.01)
    assert scales.locator(".kind").all_inner_texts() == ["same scale"] * 2
    viewer.page.get_by_role("button", name="Same scale").click()
    assert scales.locator(".kind").all_inner_texts() == ["own scale"] * 2
    tops = scales.locator(".top").all_inner_texts()
    assert [float(text) for text in tops] == pytest.approx([one["maximum"] for one in maps], rel=0.01)


def test_a_weak_class_looks_weak_and_stands_last(viewer: Viewer) -> None:
    picture = marked(red=(100, 60), green=(140, 100))
    picture.paste((255, 0, 0), (88, 90, 112, 114))  # twice as much red as green
    viewer.analyze(encoded(picture))
    with viewer.expect_answer():
        viewer.page.get_by_role("button", name="green mark").click()
    with viewer.expect_answer():
        viewer.page.get_by_role("checkbox", name="blue mark").check()
    with viewer.expect_answer() as answer:
        viewer.page.get_by_role("checkbox", name="red mark").check()
    maps = answer["explanations"][0]["maps"]
    assert maps[0]["target"]["label"] == "green_mark"  # as requested
    shares = [row["probability"] for row in answer["predictions"]]
    names = [row["label"].replace("_", " ") for row in answer["predictions"]]
    assert shares == sorted(shares, reverse=True)
    shown = viewer.page.locator(".figure-title").all_inner_texts()
    assert shown == [name for name in names if name in shown]
    assert shown[0] == "red mark"


def test_the_title_has_the_answer_whatever_is_drawn(viewer: Viewer) -> None:
    picture = marked(red=(100, 60), green=(140, 100))
    picture.paste((255, 0, 0), (88, 90, 112, 114))
    viewer.analyze(encoded(picture))
    title = viewer.page.locator("#title")
    answer = "Model’s answer: red mark > 99.9\u00a0%".replace("> ", ">\u00a0")
    expect(title).to_have_text(answer)
    with viewer.expect_answer():
        viewer.page.get_by_role("button", name="green mark").click()
    expect(title).to_contain_text(answer)
    expect(title).to_contain_text("Heatmap for another class: green mark")
    title.get_by_role("button", name="Back to the answer").click()
    expect(title).to_have_text(answer)


def test_a_comparison_ends_with_its_image(viewer: Viewer) -> None:
    viewer.analyze(IMAGE, IMAGE)
    viewer.page.get_by_role("button", name="Compare two classes").click()
    with viewer.expect_answer():
        viewer.page.get_by_role("button", name="blue mark").click()
    expect(viewer.page.locator("#title")).to_contain_text("Heatmap for a comparison")
    query = query_after(viewer, ".")
    assert query["methods"] == ["gradcam"]
    assert not {"target", "versus"} & set(query)
    expect(viewer.page.locator("#title")).not_to_contain_text("comparison")
    expect(viewer.page.get_by_role("button", name="Compare two classes")).to_have_attribute("aria-pressed", "false")


def test_two_classes_are_compared_by_two_clicks(viewer: Viewer) -> None:
    picture = marked(red=(100, 60), green=(140, 100))
    picture.paste((255, 0, 0), (88, 90, 112, 114))  # twice as much red as green
    viewer.analyze(encoded(picture))
    viewer.page.get_by_role("button", name="Compare two classes").click()
    viewer.wait_until_idle()
    rows = viewer.page.locator(".class")
    names = [text.split("\n")[0] for text in rows.all_inner_texts()]
    assert names[0] == "red mark"
    green = names.index("green mark")
    with viewer.page.expect_response(is_answer) as waiting:
        rows.nth(green).click()
    query = parse_qs(urlsplit(waiting.value.url).query)
    assert (query["methods"], query["target"], query["versus"]) == (["finercam"], ["red_mark"], ["green_mark"])
    expect(viewer.page.locator(".figure-title")).to_have_text("red mark versus green mark")
    (explanation,) = waiting.value.json()["explanations"]
    grid = np.array(explanation["maps"][0]["grid"])
    assert grid.min() < 0 < grid.max()  # the green mark speaks against
    viewer.page.get_by_role("button", name="Swap").click()
    expect(viewer.page.locator(".figure-title")).to_have_text("green mark versus red mark")
    with viewer.expect_answer():
        viewer.page.get_by_role("button", name="Compare two classes").click()
    assert viewer.page.locator(".methods li.chosen").inner_text() == "Grad-CAM"


def test_heatmaps_of_several_layers_are_combined(viewer: Viewer) -> None:
    viewer.analyze(IMAGE)
    viewer.page.get_by_text("Combine layers").click()
    with viewer.expect_answer() as answer:
        viewer.page.get_by_role("checkbox", name="coarse").check()
    fused = np.array(answer["explanations"][0]["maps"][0]["grid"])
    assert fused.shape == (24, 24)  # the finest of them
    assert fused.max() == pytest.approx(1)
    with viewer.page.expect_response(is_answer) as waiting:
        viewer.page.locator("#fusion").select_option("product")
    query = parse_qs(urlsplit(waiting.value.url).query)
    assert (query["layer"], query["fusion"]) == (["relu", "coarse"], ["product"])
    expect(viewer.page.get_by_role("checkbox", name="coarse")).to_be_checked()


def test_any_layer_and_a_method_that_does_not_apply(viewer: Viewer) -> None:
    viewer.analyze(IMAGE)
    cam = viewer.page.get_by_role("button", name="Class activation map")
    expect(cam).to_be_disabled()  # behind relu this model has another head
    assert "another head" in (viewer.page.locator(".methods li", has=cam).get_attribute("title") or "")
    with viewer.expect_answer() as answer:
        viewer.page.locator("#layer").select_option("coarse")
    assert answer["explanations"][0]["layer"] == "coarse"
    assert len(answer["explanations"][0]["maps"][0]["grid"]) == 12
    viewer.page.locator("#views").focus()
    viewer.press("l")
    expect(viewer.page.locator("#layer")).to_have_value("relu")  # the default again, from the cache
    assert query_after(viewer, "l")["layer"] == ["conv"]


def test_the_parameters_of_a_method_are_requested(viewer: Viewer) -> None:
    viewer.analyze(IMAGE)
    with viewer.expect_answer():
        viewer.page.get_by_role("button", name="Finer-CAM").click()
    with viewer.expect_answer() as answer:
        viewer.page.locator("#parameter-gamma").fill("0.9")
    assert answer["explanations"][0]["parameters"]["gamma"] == 0.9
    with viewer.expect_answer() as answer:
        viewer.page.locator("#parameter-base").select_option("layercam")
    assert answer["explanations"][0]["parameters"]["base"] == "layercam"


def test_the_quality_of_heatmaps_is_measured_on_request(viewer: Viewer) -> None:
    viewer.analyze(IMAGE)
    query_after(viewer, "w")
    with viewer.expect_answer() as answer:
        viewer.page.get_by_role("button", name="Measure").click()
    rows = viewer.page.locator("#quality tbody tr")
    first, second = (one["quality"] for one in answer["explanations"][0]["maps"])
    assert rows.count() == len(first) >= 5
    texts = rows.first.locator("td").all_inner_texts()
    figures = [float(text.split()[0]) for text in texts]
    assert figures == pytest.approx([first["deletion"], second["deletion"]], rel=0.01)
    shares = [row["probability"] for row in answer["predictions"][:2]]
    good = [figure < share / 2 for figure, share in zip(figures, shares, strict=True)]
    assert rows.first.locator(".verdict").all_inner_texts() == ["good" if one else "weak" for one in good]
    expect(rows.first).to_contain_text("half of the class’s probability")
    rows.first.locator(".info").click()
    expect(rows.first.locator(".bubble")).to_contain_text("Low is good")


def test_keys_step_through_methods_and_classes(viewer: Viewer) -> None:
    viewer.analyze(IMAGE)
    assert query_after(viewer, "m")["methods"] == ["gradcam++"]
    assert "target" in query_after(viewer, "c")
    assert len(query_after(viewer, "w")["target"]) == 2
