"""The model card, the details of an answer, and its downloads."""

from __future__ import annotations

import io
import json
import shlex
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Route, expect

from tests.api.test_serving import Running
from tests.page.mark_model import NOTICE
from tests.page.pictures import encoded, marked
from tests.page.viewer import Viewer

IMAGE = encoded(marked(red=(110, 90)))


def test_the_card_is_shown_in_full(viewer: Viewer) -> None:
    fetched = "() => performance.getEntriesByName(document.querySelector('.filters').src).length"
    assert viewer.page.evaluate(fetched) == 0  # the filters load with the card
    viewer.page.locator("#tab-model").click()
    panel = viewer.text("#panel-model")
    for text in (NOTICE, "Finding marks in tests.", "Anything <b>else</b>.", "its weights are written by hand"):
        assert text in panel
    for text in (
        "Apache-2.0",
        "A. Tester",
        "accuracy",
        "87.5\u00a0%",
        "0.9 (95 % CI 0.8 to 1.0)",
        "red mark, green mark",
    ):
        assert text in panel
    link = viewer.page.locator("#panel-model a")
    assert link.get_attribute("href") == "https://example.org/marks"
    filters = viewer.page.locator(".filters")
    expect(filters).to_be_visible()
    assert filters.evaluate("picture => picture.decode().then(() => picture.naturalWidth)") > 8


def test_empty_fields_of_the_card_are_left_out(viewer: Viewer) -> None:
    def remove(route: Route) -> None:
        body = route.fetch().json()
        body["card"] |= {"references": [], "authors": [], "figures": {}, "notice": ""}
        route.fulfill(json=body)

    viewer.page.route("**/models/marks", remove)
    viewer.load()
    viewer.page.locator("#tab-model").click()
    panel = viewer.text("#panel-model")
    assert "Apache-2.0" in panel
    assert not {"References", "Authors", "Measured performance"} & set(panel.split("\n"))


def test_the_card_lists_the_sensitivity_of_each_method(viewer: Viewer, server: Running) -> None:
    while not (sanity := server.client.get("/models/marks").json()["sanity"]):  # measured soon after loading
        viewer.wait_until_painted()
    viewer.load()
    viewer.page.locator("#tab-model").click()
    viewer.page.get_by_text("Sensitivity of the methods to the model’s weights").click()
    rows = viewer.page.locator("#panel-model details[open] tbody tr")
    assert [text.split("\t")[0] for text in rows.all_inner_texts()] == list(sanity["changed"])
    blind = [name for name, changed in sanity["changed"].items() if not changed]
    assert rows.filter(has_text="insensitive").count() == len(blind)


def test_an_insensitive_method_is_marked_on_its_heatmap(viewer: Viewer) -> None:
    def shuffle(route: Route) -> None:
        body = route.fetch().json() | {"sanity": {"changed": {"gradcam": False}, "steps": [], "images": 4}}
        route.fulfill(json=body)

    viewer.page.route("**/models/marks", shuffle)
    viewer.load()
    viewer.analyze(IMAGE)
    assert "Insensitive to the model’s weights." in viewer.text(".remark")


def test_the_details_name_model_image_engine_and_times(viewer: Viewer) -> None:
    answer = viewer.analyze(IMAGE)
    viewer.page.locator("#tab-details").click()
    panel = viewer.text("#panel-details")
    for text in (answer["request_id"], answer["image"]["sha256"], answer["model"]["weights_sha256"]):
        assert text in panel
    assert "torch, f32" in panel
    assert "forward" in panel
    assert "240 × 160 pixels" in panel
    assert "x 60 to 180, y 20 to 140" in panel


def test_the_answer_is_saved_unchanged_and_without_the_file_name(viewer: Viewer) -> None:
    with viewer.page.expect_response("**/analyze?*") as waiting, viewer.expect_answer():
        viewer.open(IMAGE, names=("Jane Canary.png",))
    with viewer.page.expect_download() as saving:
        viewer.page.locator("#json").click()
    assert Path(saving.value.path()).read_text() == waiting.value.text()
    assert "Canary" not in saving.value.suggested_filename  # a file name may be a patient's name
    with viewer.page.expect_download() as saving:
        viewer.press("p")
    assert "Canary" not in saving.value.suggested_filename


def test_the_saved_picture_has_view_legend_and_notice(viewer: Viewer) -> None:
    answer = viewer.analyze(IMAGE)
    with viewer.page.expect_download() as saving:
        viewer.page.locator("#png").click()
    sheet = np.asarray(Image.open(io.BytesIO(Path(saving.value.path()).read_bytes())).convert("RGB")).astype(int)
    view = viewer.view().bounding_box()
    assert view
    assert sheet.shape[0] > 2 * view["height"] + 120
    assert sheet.shape[1] > 2 * view["width"]
    amber = np.abs(sheet - (0xF6, 0xD5, 0x8A)).max(2) < 30
    assert amber[int(2 * view["height"]) :].sum() > 300  # the letters of the notice, below the view
    captions = viewer.page.evaluate(
        """async () => {
            const { captions } = await import("./page/stage/snapshot.js");
            const { state } = (await import("./page/main.js")).store;
            return captions(state.answer, state.view).map(({ text }) => text).join("\\n");
        }"""
    )
    assert NOTICE in captions
    assert "not where disease is" in captions
    assert answer["image"]["sha256"][:12] in captions
    assert "layer relu" in captions


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is missing")
@pytest.mark.parametrize("name", ["eye.png", 'it\'s an; "eye", no?.png'])
def test_the_curl_command_gives_the_same_answer(viewer: Viewer, name: str, tmp_path: Path) -> None:
    viewer.open(IMAGE, names=(name,))
    expect(viewer.page.locator("#png")).to_be_enabled()
    with viewer.expect_answer() as answer:
        viewer.press("g")
    viewer.page.locator("#tab-details").click()
    command = shlex.split(viewer.page.locator(".command").input_value())
    (tmp_path / name).write_bytes(IMAGE)
    done = subprocess.run([*command, "-sS"], cwd=tmp_path, capture_output=True, check=True, timeout=60)
    again = json.loads(done.stdout)
    for changing in ("request_id", "timing_ms"):
        answer.pop(changing), again.pop(changing)
    assert again == answer


def test_the_curl_command_is_copied(viewer: Viewer) -> None:
    viewer.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    viewer.analyze(IMAGE)
    viewer.press("u")
    expect(viewer.page.locator("#toast")).to_have_text("Copied.")
    copied = viewer.page.evaluate("() => navigator.clipboard.readText()")
    assert copied.startswith("curl -F 'image=@image0.png'")
    assert "methods=gradcam" in copied
