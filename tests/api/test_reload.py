"""Models that are replaced while a real server answers: over HTTP, by SIGHUP, and by watching the files."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.test_serving import Running, serving
from tests.models.tiny import add
from tests.runtime.test_answers import picture

SEEDS = (1, 2)
IMAGES = [picture(seed) for seed in range(3)]
CLIENTS = 4
SWAPS = 12
Scores = dict[str, list[list[float]]]
"""Digest of the weights -> for each image, the logits by label."""


@contextmanager
def swapping(folder: Path, *flags: str) -> Iterator[tuple[Running, Path]]:
    """A server of one model, and its registry."""
    zoo = folder / "zoo"
    zoo.mkdir()
    add(zoo, "mine", seed=SEEDS[0])
    with serving(zoo, folder, *flags) as running:
        yield running, zoo


def logits(answer: dict[str, Any]) -> list[float]:
    return [one["logit"] for one in sorted(answer["predictions"], key=lambda one: one["index"])]


def asked(client: httpx.Client, route: str, images: list[bytes]) -> list[dict[str, Any]]:
    answer = client.post(route, files=[("image", ("x.png", image)) for image in images])
    assert answer.status_code == 200, answer.text
    return answer.json()["results"] if len(images) > 1 else [answer.json()]


def changed(running: Running, zoo: Path, seed: int) -> str:
    """Replace the weights, and wait until the server says that it has taken them up."""
    sha256 = add(zoo, "mine", seed=seed)
    report = running.client.post("/models/reload").json()
    assert (report["changed"], report["failed"], report["problem"]) == (["mine"], [], "")
    return sha256


def test_each_answer_is_of_one_model_while_models_are_swapped(tmp_path: Path) -> None:
    with swapping(tmp_path) as (running, zoo):
        expected: Scores = {}
        for seed in reversed(SEEDS):
            sha256 = add(zoo, "mine", seed=seed)
            running.client.post("/models/reload")
            expected[sha256] = [logits(asked(running.client, "/predict", [image])[0]) for image in IMAGES]
        one, two = expected.values()
        assert all(abs(a[0] - b[0]) > 1e-3 for a, b in zip(one, two, strict=True))
        wrong: list[str] = []
        seen: set[str] = set()
        stop = threading.Event()

        def ask(number: int) -> None:
            route = ("/predict", "/explain/gradcam", "/analyze?methods=gradcam&embed=true", "/embed")[number]
            with httpx.Client(base_url=f"http://127.0.0.1:{running.port}", timeout=60) as client:
                while not stop.is_set():
                    answers = asked(client, route, IMAGES)
                    digests = {answer["model"]["weights_sha256"] for answer in answers}
                    seen.update(digests)
                    if len(digests) > 1:
                        wrong.append(f"{route}: two models in one response")
                    for answer, image in zip(answers, range(len(IMAGES)), strict=True):
                        digest = answer["model"]["weights_sha256"]
                        if logits(answer) != pytest.approx(expected[digest][image], abs=1e-5):
                            wrong.append(f"{route}, image {image}: {logits(answer)} from {digest[:8]}")

        clients = [threading.Thread(target=ask, args=(number,)) for number in range(CLIENTS)]
        for client in clients:
            client.start()
        for swap in range(SWAPS):
            changed(running, zoo, SEEDS[1 - swap % 2])
        stop.set()
        for client in clients:
            client.join()
        assert wrong == []
        assert seen == set(expected)
        assert "Traceback" not in running.log


def until(condition: Callable[[], bool]) -> None:
    for _ in range(1200):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("nothing has changed within a minute")


def digest(running: Running) -> str:
    return str(running.client.get("/models/mine").json()["weights_sha256"])


@pytest.mark.parametrize("flags", [(), ("--registry-watch-seconds", "0.1")], ids=["SIGHUP", "watched"])
def test_without_a_request_as_well(flags: tuple[str, ...], tmp_path: Path) -> None:
    with swapping(tmp_path, *flags) as (running, zoo):

        def noticed() -> None:
            if not flags:
                running.process.send_signal(signal.SIGHUP)

        sha256 = add(zoo, "mine", seed=2)
        noticed()
        until(lambda: digest(running) == sha256)
        add(zoo, "other")
        noticed()
        until(lambda: "other" in listed(running))
        (zoo / "mine.toml").write_text("[models.mine")
        noticed()
        until(lambda: bool(running.client.get("/models").json()["reload"]["failed"]))
        assert digest(running) == sha256
        (zoo / "mine.toml").unlink()
        noticed()
        until(lambda: listed(running) == ["other"])
        assert running.process.poll() is None
        assert "the old model stays in use, because the new one failed to load: zoo/mine.toml" in running.log


def listed(running: Running) -> list[str]:
    return [model["name"] for model in running.client.get("/models").json()["models"]]


def test_entity_tags_and_the_report_follow_the_registry(tmp_path: Path) -> None:
    with swapping(tmp_path) as (running, zoo):
        client = running.client
        first = client.get("/models")
        assert first.json()["reload"] is None
        assert client.get("/models", headers={"If-None-Match": first.headers["etag"]}).status_code == 304
        text = (zoo / "mine.toml").read_text()
        (zoo / "mine.toml").write_text(text.replace("[models.mine]", '[models.mine]\nversion = "2.0.0"'))
        report = client.post("/models/reload").json()
        second = client.get("/models", headers={"If-None-Match": first.headers["etag"]})
        assert second.status_code == 200
        assert second.json()["models"][0]["version"] == "2.0.0"
        assert second.json()["reload"] == report
        assert client.post("/predict", files={"image": IMAGES[0]}).json()["model"]["version"] == "2.0.0"


def test_what_is_in_flight_ends_with_the_model_it_began_with(tmp_path: Path) -> None:
    """Score-CAM of several images waits in its queue while the model is removed."""
    with swapping(tmp_path) as (running, zoo):
        before = digest(running)
        add(zoo, "other")
        running.client.post("/models/reload")
        results: list[dict[str, Any]] = []
        images = [picture(seed) for seed in range(6)]

        def ask() -> None:
            with httpx.Client(base_url=f"http://127.0.0.1:{running.port}", timeout=60) as client:
                results.extend(asked(client, "/explain/scorecam?model=mine&quality=true", images))

        asker = threading.Thread(target=ask)
        asker.start()
        until(lambda: "fovea_requests_in_flight 2.0" in running.client.get("/metrics").text)
        (zoo / "mine.toml").unlink()
        assert running.client.post("/models/reload").json()["removed"] == ["mine"]
        asker.join()
        assert [result["model"]["weights_sha256"] for result in results] == [before] * len(images)
        gone = running.client.post("/predict?model=mine", files={"image": IMAGES[0]})
        assert gone.status_code == 404
