"""A server that is killed at any moment keeps every image it said was saved, and none it said was removed."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np
import pytest

from tests.api.test_serving import Running, serving
from tests.runtime.test_answers import picture

KILLS = int(os.environ.get("FOVEA_TEST_KILLS", "4"))
CLIENTS = 3
READY_SECONDS = 60.0
"""A hang, not a speed: how long a start takes is measured by the benchmarks."""


@dataclass
class Client:
    """Adds images and removes some. kept, removed: what was acknowledged, by the image's digest."""

    number: int
    kept: dict[str, int] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)
    sent: int = 0

    def work(self, port: int) -> None:
        """Until the server is gone."""
        with httpx.Client(base_url=f"http://127.0.0.1:{port}/collections/set", timeout=60) as client:
            while True:
                try:
                    self._step(client)
                except httpx.TransportError:
                    return

    def _step(self, client: httpx.Client) -> None:
        if self.sent % 4 == 3 and self.kept:
            digest = next(iter(self.kept))
            number = self.kept.pop(digest)
            self.unknown.add(digest)
            self.sent += 1
            assert client.delete(f"/items/{number}").status_code == 200
            self.removed.add(digest)
        else:
            data = picture(1_000_000 * self.number + self.sent)
            digest = hashlib.sha256(data).hexdigest()
            self.unknown.add(digest)
            self.sent += 1
            answer = client.post("/items?label=seen", content=data)
            assert answer.status_code == 200, answer.text
            self.kept[digest] = answer.json()["results"][0]["id"]
        self.unknown.discard(digest)


def listed(running: Running) -> dict[str, int]:
    found, after = {}, 0
    while after is not None:
        page = running.client.get(f"/collections/set/items?limit=50&after={after}").json()
        found |= {item["sha256"]: item["id"] for item in page["items"]}
        after = page["next"]
    return found


def right(running: Running, clients: list[Client], file: Path) -> None:
    """Nothing acknowledged is lost or back, nothing is there that nobody sent, and the file is whole."""
    there = listed(running)
    for client in clients:
        assert client.kept.items() <= there.items()
        assert not client.removed & there.keys()
    known = set().union(*(client.kept.keys() | client.unknown for client in clients))
    assert there.keys() <= known
    assert running.client.get("/collections/set").json()["count"] == len(there)
    for number in list(there.values())[:3]:
        assert running.client.get(f"/collections/set/items/{number}/thumbnail").status_code == 200
    with sqlite3.connect(file) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    db.close()


@pytest.mark.slow
def test_killed_at_random_moments(zoo: Path, tmp_path: Path) -> None:
    """Tried: three answers to a COMMIT. What a loss of power does no kill can show; `synchronous` is FULL for that."""
    random = np.random.default_rng(7)
    clients = [Client(number) for number in range(CLIENTS)]
    file = tmp_path / "data" / "collections" / "collections.sqlite"
    for kill in range(KILLS + 1):
        begun = time.monotonic()
        with serving(zoo, tmp_path) as running:
            assert time.monotonic() - begun < READY_SECONDS
            if kill:
                right(running, clients, file)
            else:
                assert running.client.post("/collections?name=set").status_code == 201
            most = sum(client.sent for client in clients) + int(random.integers(12, 40))
            threads = [threading.Thread(target=client.work, args=(running.port,)) for client in clients]
            for thread in threads:
                thread.start()
            while sum(client.sent for client in clients) < most and all(thread.is_alive() for thread in threads):
                time.sleep(0.002)
            time.sleep(float(random.uniform(0, 0.05)))
            running.process.kill()
            for thread in threads:
                thread.join(60)
                assert not thread.is_alive()
    assert sum(len(client.kept) for client in clients) > 5 * KILLS
