"""One folder of collections under hardship: clients that leave, several processes at once, a disk without room."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.test_serving import Running, in_flight, serving
from tests.forked import ForkedCommand
from tests.runtime.test_answers import picture

POST = (
    b"POST /collections/set/items HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: %d\r\n\r\n"
)
SOON = 1.0
"""Seconds after which what one process saved is seen by the others."""


@pytest.fixture
def server(zoo: Path, tmp_path: Path) -> Iterator[Running]:
    with serving(zoo, tmp_path, "--receive-memory-mb", "1") as running:
        assert running.client.post("/collections?name=set").status_code == 201
        yield running


def count(running: Running) -> int:
    return int(running.client.get("/collections/set").json()["count"])


def idle(running: Running) -> None:
    """Wait until nothing but this question is being answered."""
    for _ in range(600):
        if in_flight(running) == 1:
            return
        time.sleep(0.02)
    raise AssertionError("somebody who left is still being served")


def reads(running: Running, bodies: int) -> None:
    """Wait until so many bodies are being read, and some of each has been."""
    for _ in range(600):
        if in_flight(running) > bodies:
            time.sleep(0.1)
            return
        time.sleep(0.02)
    raise AssertionError("bodies are not read, or refused")


def test_who_leaves_in_the_middle_leaves_nothing_behind(server: Running) -> None:
    """Room for 1 MiB of bodies: were those of the departed still counted, later ones would be refused (tried).

    They stay until their bytes have been read, and with ten at a time there is room for all.
    """
    for _ in range(4):
        with ExitStack() as all_:
            for number in range(10):
                plug = all_.enter_context(server.connect())
                plug.sendall(POST % 100_000 + bytes([number]) * 60_000)
            reads(server, 10)
        idle(server)
    assert count(server) == 0
    saved = server.client.post("/collections/set/items", content=picture(1))
    assert (saved.status_code, saved.json()["results"][0]["status"]) == (200, "saved")
    assert "Traceback" not in server.log


def test_who_leaves_before_the_answer_finds_the_image_once(server: Running) -> None:
    images = [picture(seed) for seed in range(20)]
    for image in images:
        with server.connect() as plug:
            plug.sendall(POST % len(image) + image)
    again = [server.client.post("/collections/set/items", content=image).json()["results"][0] for image in images]
    idle(server)
    assert {one["status"] for one in again} <= {"saved", "known"}
    assert len({one["id"] for one in again}) == count(server) == len(images)
    third = [server.client.post("/collections/set/items", content=image).json()["results"][0] for image in images]
    assert third == [{"status": "known", "id": one["id"]} for one in again]
    assert "Traceback" not in server.log


def importing(zoo: Path, folder: Path, images: Path) -> ForkedCommand:
    given = {"REGISTRY": zoo, "DATA_DIR": folder / "data", "ENGINE": "torch", "DECODE_WORKERS": 1, "THREADS": 1}
    variables = {f"FOVEA_{name}": str(value) for name, value in given.items()}
    return ForkedCommand(["collections", "import", str(images), "--name", "set"], folder / "import.txt", variables)


def seen(running: Running, number: int, image: bytes) -> bool:
    """Whether a server shows an item and finds it as a neighbour."""
    page = running.client.get(f"/collections/set/items?after={number - 1}&limit=1").json()["items"]
    near = running.client.post("/collections/set/neighbors?k=1", content=image).json()["neighbors"]
    return [one["id"] for one in page] == [number] and [one["id"] for one in near] == [number]


@pytest.mark.slow
def test_two_servers_and_an_import_share_one_folder(zoo: Path, tmp_path: Path) -> None:
    """Fails where a writer gives up while another writes (tried: no patience), or where the shelf is not read anew."""
    photographs = tmp_path / "photographs" / "ill"
    photographs.mkdir(parents=True)
    for number in range(60):
        (photographs / f"{number}.png").write_bytes(picture(10_000 + number))
    (tmp_path / "b").mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "b" / "data").symlink_to(tmp_path / "data")
    with ExitStack() as open_, ThreadPoolExecutor(8) as pool:
        servers = list(pool.map(open_.enter_context, (serving(zoo, tmp_path), serving(zoo, tmp_path / "b"))))
        first = list(pool.map(lambda one: one.client.post("/collections?name=set").status_code, servers))
        assert sorted(first) == [201, 422]  # both made the file at once, and one the collection
        third = importing(zoo, tmp_path, photographs.parent)

        def post(job: tuple[int, int]) -> int:
            which, seed = job
            image = picture(seed)
            answer = servers[which].client.post("/collections/set/items", content=image)
            assert answer.status_code == 200, answer.text
            number = int(answer.json()["results"][0]["id"])
            until = time.monotonic() + SOON
            while not seen(servers[1 - which], number, image):
                assert time.monotonic() < until
            return number

        numbers = list(pool.map(post, [(seed % 2, seed) for seed in range(60)]))
        assert third.wait(timeout=120) == 0, (tmp_path / "import.txt").read_text()
        assert len(set(numbers)) == 60
        assert [count(one) for one in servers] == [120, 120]
        names = {one["name"] for one in servers[0].client.get("/collections/set/items?limit=1000").json()["items"]}
        assert names == {""} | {f"ill/{number}.png" for number in range(60)}
        for one in servers:
            assert "Traceback" not in one.log
            assert "locked" not in one.log


def test_without_room_nothing_acknowledged_is_lost_and_it_goes_on_once_there_is(
    server: Running, tmp_path: Path
) -> None:
    """The limit on the size of files stands for a full disk."""
    acknowledged, unlimited = set[int](), resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)

    def post(seed: int) -> httpx.Response:
        return server.client.post("/collections/set/items", content=picture(seed))

    def noted(answer: httpx.Response) -> dict[str, Any]:
        told: dict[str, Any] = answer.json()
        if answer.status_code == 200:
            acknowledged.add(told["results"][0]["id"])
        return told

    for seed in range(5):
        noted(post(seed))
    room = max(path.stat().st_size for path in (tmp_path / "data" / "collections").iterdir()) + 100_000
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (room, unlimited[1]))
    refused = [answer for answer in map(post, range(5, 60)) if noted(answer) and answer.status_code != 200]
    assert len(refused) > 20
    assert {answer.status_code for answer in refused} == {507}
    assert {answer.json()["type"] for answer in refused} == {"/problems/no-room"}
    assert server.client.post("/predict", content=picture(0)).status_code == 200
    assert count(server) == len(acknowledged)
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, unlimited)
    for seed in range(60):
        assert noted(post(seed))["results"][0]["status"] in {"saved", "known"}
    page = server.client.get("/collections/set/items?limit=1000").json()["items"]
    assert {one["id"] for one in page} == acknowledged
    assert count(server) == 60
