"""Does each of 64 clients of one server get its own image's answer? Ours with every method, and two libraries' servers.

Every question is asked once by a client alone, then all of them by 64 clients at the same time. An answer that differs
from the lone one (map by more than 1e-3 of its largest magnitude, or digest, or class) is wrong. The libraries are
served as their documentation shows, with no lock around the model that all requests share.

    python -m benchmarks.crowd --requests 640
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import io
import json
import tempfile
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks import load
from benchmarks.load import Connection, Target
from benchmarks.process import fovea, peer
from benchmarks.subject import jpeg
from service.explain.methods import METHODS

CLIENTS, IMAGES, SLOW_SHARE = 64, 12, 20
PEERS = ("torchcam", "gradcam")
Answer = tuple[Any, ...]
Read = Callable[[bytes], Answer]


def questions(port: int, count: int) -> Iterator[Target]:
    """Every method in turn, each on other images; methods that run the network again take a small share."""
    forms = [load.form(jpeg(400 + side)) for side in range(IMAGES)]
    for name, method in METHODS.items():
        slow = method.forwards != 0
        for turn in range(max(1, count // len(METHODS) // (SLOW_SHARE if slow else 1))):
            body, kind = forms[turn % IMAGES]
            yield Target(port, f"/explain/{name}?model=resnet18&target={turn % 5}", body, kind)


def plain(port: int, count: int) -> list[Target]:
    """The one question that the libraries' servers answer."""
    forms = [load.form(jpeg(400 + side)) for side in range(IMAGES)]
    return [Target(port, "/explain", *forms[turn % IMAGES]) for turn in range(count)]


def ours(answer: bytes) -> Answer:
    """Which image, which weights, which classes, and the raw map."""
    found = json.loads(answer)
    (map_,) = found["explanation"]["maps"]
    who = (found["image"]["sha256"], found["model"]["weights_sha256"], map_["target"]["index"])
    return (*who, np.array(map_["grid"]))


def theirs(answer: bytes) -> Answer:
    """The picture of the map, as a fraction of white."""
    found = json.loads(answer)
    return (np.asarray(Image.open(io.BytesIO(base64.b64decode(found["heatmap"]))), np.float32) / 255,)


def same(alone: Answer, together: Answer, most: float) -> bool:
    """Whether two answers are one, but for rounding."""
    (*who, M), (*other, N) = alone, together
    return who == other and bool(np.abs(M - N).max() <= most * max(float(np.abs(M).max()), 1e-12))


async def ask(targets: Sequence[Target], clients: int) -> list[tuple[int, bytes]]:
    """All answers in order; a client that is told to come back later does."""
    found: dict[int, tuple[int, bytes]] = {}
    waiting = deque(enumerate(targets))

    async def client() -> None:
        while waiting:
            place, target = waiting.popleft()
            connection = Connection(target)
            status, body = await connection.ask()
            connection.close()
            if status in (429, 503):
                waiting.append((place, target))
                await asyncio.sleep(0.5)
            else:
                found[place] = status, body

    await asyncio.gather(*(client() for _ in range(clients)))
    return [found[place] for place in range(len(targets))]


async def tally(targets: Sequence[Target], read: Read, most: float) -> Counter[str]:
    """How many were right, wrong, or no answer at all, when 64 clients asked at once.

    Raises RuntimeError where a client alone gets no answer: then there is nothing to compare with.
    """
    alone = await ask(targets, 1)
    if any(status != 200 for status, _ in alone):
        raise RuntimeError("a client alone got no answer")
    together = await ask(targets, CLIENTS)
    seen: Counter[str] = Counter(right=0, wrong=0, failed=0)
    for (status, lone), (other, crowded) in zip(alone, together, strict=True):
        if status != 200 or other != 200:
            seen["failed"] += 1
        else:
            seen["right" if same(read(lone), read(crowded), most) else "wrong"] += 1
    return seen


def main() -> None:
    """Print one line a server."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=640)
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=list(PEERS))
    given = parser.parse_args()
    print(f"{CLIENTS} clients, {IMAGES} images", flush=True)
    with tempfile.TemporaryDirectory() as data, fovea("fovea", Path(data), deadline_s=300) as server:
        targets = list(questions(server.port, given.requests))
        print("fovea, every method:", dict(asyncio.run(tally(targets, ours, 1e-3))), flush=True)
    for name in given.peers:
        with peer(name, "unlocked") as server:
            print(f"{name}:", dict(asyncio.run(tally(plain(server.port, 240), theirs, 2 / 255))), flush=True)


if __name__ == "__main__":
    main()
