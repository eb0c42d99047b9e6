"""The edge on the real answers: nothing blocks the event loop, and no hostile input is a fault of the service."""

from __future__ import annotations

import asyncio
import base64
import io
import os
import signal
import tarfile
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from service.api.app import create_app
from service.explain.methods import METHODS
from service.runtime import examine, features
from service.runtime.inference_service import InferenceService
from tests.api.conftest import talking_to
from tests.models import tiny
from tests.runtime.test_answers import picture, registry

CORPUS = Path(os.environ.get("FOVEA_TEST_CORPUS", Path(__file__).parents[3] / "shared" / "corpus"))


@asynccontextmanager
async def running(folder: Path, decoders: int = 1) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the real service in this process. decoders: its processes that decode, which take long to start."""
    registry(folder)
    answers = InferenceService(tiny.settings(folder, decode_workers=decoders, threads=1, decode_memory_mb=512))
    for name in answers.registry.names:
        answers.registry.load(name)
    app = create_app(answers.settings, answers)
    async with app.router.lifespan_context(app), talking_to(app) as client:
        yield client


def children() -> list[int]:
    found = list[int]()
    for task in Path(f"/proc/{os.getpid()}/task").iterdir():
        with suppress(FileNotFoundError):  # a thread that has just ended
            found += map(int, (task / "children").read_text().split())
    return found


@contextmanager
def stopped(pids: list[int]) -> Iterator[None]:
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


async def waits_without_blocking(client: httpx.AsyncClient, path: str, release: threading.Event) -> None:
    """The law: while this request is held up, others are answered; were the loop held up, this would never end."""
    async with asyncio.timeout(60):
        pending = asyncio.create_task(client.post(path, content=picture(0)))
        for _ in range(20):
            assert (await client.get("/livez")).status_code == 200
            await asyncio.sleep(0.005)
        assert not pending.done()
        release.set()
        assert (await pending).status_code == 200


async def test_decoding_does_not_block(tmp_path: Path) -> None:
    before = set(children())
    async with running(tmp_path, decoders=2) as client:
        decoders = [pid for pid in children() if pid not in before]
        assert len(decoders) == 2
        async with asyncio.timeout(60):
            with stopped(decoders):
                pending = asyncio.create_task(client.post("/predict", content=picture(0)))
                for _ in range(20):
                    assert (await client.get("/livez")).status_code == 200
                    await asyncio.sleep(0.005)
                assert not pending.done()
            assert (await pending).status_code == 200


@pytest.mark.parametrize(("module", "name"), [(features, "_forward"), (examine, "examine")])
async def test_neither_forward_nor_explanation_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: Any, name: str
) -> None:
    release, work = threading.Event(), getattr(module, name)

    def held_up(*arguments: Any) -> Any:
        assert release.wait(60)
        return work(*arguments)

    monkeypatch.setattr(module, name, held_up)
    async with running(tmp_path) as client:
        await waits_without_blocking(client, "/explain/gradcam", release)


async def test_all_methods_and_forms_through_http(tmp_path: Path) -> None:
    async with running(tmp_path) as client:
        for method in METHODS:
            answer = await client.post(f"/explain/{method}?boxes=1&overlay=1&top_k_targets=2", content=picture(1))
            assert answer.status_code == 200, answer.text
            maps = answer.json()["explanation"]["maps"]
            assert [found["target"]["index"] for found in maps] == [p["index"] for p in answer.json()["predictions"]]
            raw = await client.post(
                f"/explain/{method}?top_k_targets=2", content=picture(1), headers={"Accept": "application/x-npy"}
            )
            assert np.array_equal(np.load(io.BytesIO(raw.content)), np.array([m["grid"] for m in maps], np.float32))
            for form in ("image/png", "image/jpeg"):
                picked = await client.post(f"/explain/{method}", content=picture(1), headers={"Accept": form})
                assert picked.headers["content-type"] == form
                assert picked.content[:2] in {b"\x89P", b"\xff\xd8"}


async def test_a_method_that_does_not_apply_is_a_409_that_names_those_that_do(tmp_path: Path) -> None:
    async with running(tmp_path) as client:
        for path in ("/explain/cam?model=perceptron", "/analyze?methods=gradcam,cam&model=perceptron"):
            response = await client.post(path, content=picture(1))
            assert response.status_code == 409
            assert "these apply: " in response.json()["detail"]
            assert "gradcam" in response.json()["detail"]


async def test_one_analysis_says_what_its_parts_say(tmp_path: Path) -> None:
    async with running(tmp_path) as client:
        image = picture(2)
        whole = (await client.post("/analyze?methods=gradcam,layercam&embed=1", content=image)).json()
        for number, method in enumerate(("gradcam", "layercam")):
            part = (await client.post(f"/explain/{method}", content=image)).json()
            assert whole["explanations"][number] == part["explanation"]
            assert whole["predictions"] == part["predictions"]
        vector = (await client.post("/embed", content=image)).json()
        assert (whole["embedding"], whole["dim"], whole["layer"]) == (
            vector["embedding"],
            vector["dim"],
            vector["layer"],
        )
        assert len(vector["embedding"]) == vector["dim"]


async def test_a_layer_of_ones_own_for_the_vector(tmp_path: Path) -> None:
    async with running(tmp_path) as client:
        told = (await client.get("/models/tiny")).json()
        for layer in told["layers"]:
            answer = await client.post(f"/embed?layer={layer['name']}", content=picture(2))
            if layer["name"] == "input":  # averaged over the image it would be the mean colour
                assert answer.status_code == 409
                assert "mean colour" in answer.json()["detail"]
                continue
            assert answer.status_code == 200, answer.text
            assert (answer.json()["layer"], answer.json()["dim"]) == (layer["name"], layer["shape"][0])


def corpus() -> Iterator[tuple[str, bytes]]:
    with tarfile.open(CORPUS / "damaged-inputs.tar.gz") as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isfile() else None
            if file is not None:
                yield member.name.removeprefix("./"), file.read()


def request_for(name: str, number: int, data: bytes) -> dict[str, Any]:
    """How a file of the corpus is sent: a body as what it is, an image in each of the three ways in turn."""
    kind = name.partition("/")[0]
    if kind == "json":
        return {"content": data, "headers": {"Content-Type": "application/json"}}
    if kind == "multipart":
        boundary = data.partition(b"\r\n")[0].removeprefix(b"--").decode("latin-1")
        plain = boundary if boundary.isascii() and boundary.isprintable() and 0 < len(boundary) < 200 else "b"
        return {"content": data, "headers": {"Content-Type": f"multipart/form-data; boundary={plain}"}}
    ways: list[dict[str, Any]] = [
        {"content": data},
        {"files": {"image": data}},
        {"json": {"image": base64.b64encode(data).decode()}},
    ]
    return ways[number % 3]


@pytest.mark.skipif(not (CORPUS / "damaged-inputs.tar.gz").is_file(), reason="the corpus of damaged inputs is not here")
async def test_no_damaged_input_is_a_fault_of_the_service(tmp_path: Path) -> None:
    unexplained: list[str] = []
    counts: dict[int, int] = {}
    async with running(tmp_path, decoders=2) as client:

        async def send(name: str, number: int, data: bytes) -> None:
            response = await client.post("/predict", **request_for(name, number, data))
            counts[response.status_code] = counts.get(response.status_code, 0) + 1
            explained = response.status_code == 200 or len(response.json()["detail"]) > 20
            if response.status_code >= 500 or not explained:
                unexplained.append(f"{name}: {response.status_code} {response.text[:200]}")

        files = list(corpus())
        for start in range(0, len(files), 8):
            batch = enumerate(files[start : start + 8], start)
            await asyncio.gather(*(send(name, number, data) for number, (name, data) in batch if data))
        assert (await client.post("/predict", content=picture(1))).status_code == 200
    assert not unexplained
    assert sum(counts.values()) > 1500
    assert counts[200] > 100
