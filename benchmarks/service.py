"""Whole servers on loopback, in turns: ours in each precision, and what people build otherwise; ResNet-18 in each."""

from __future__ import annotations

import asyncio
import json
import statistics
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from benchmarks import load
from benchmarks.library import precisions
from benchmarks.load import Connection, Seen, Target
from benchmarks.models import registry
from benchmarks.process import Server, fovea, peer
from benchmarks.subject import jpeg

PEERS = ("torchcam", "gradcam", "litserve")
ROUNDS = 3
SLOW_SECONDS = 8.0


def service(quick: bool, data: Path) -> dict[str, object]:
    """Closed and open loops, probes under load, a second look, predictions beside Score-CAM; all in one run."""
    registry(data / "alone", 1)
    with ExitStack() as running:
        ours = {f"fovea {one}": fovea(one, data, precision=one, registry=data / "alone") for one in precisions()}
        servers = {name: running.enter_context(server) for name, server in ours.items()}
        servers |= {name: running.enter_context(peer(name)) for name in PEERS}
        targets = {name: _explaining(name, server) for name, server in servers.items()}
        swept = asyncio.run(closed_loops(targets, quick))
        found: dict[str, object] = {"closed loop": swept, "open loop": {}, "probe beside c = 32": {}, "slow lane": {}}
        for name in [name for name in targets if name.startswith("fovea")]:
            capacity = swept[name]["32"]["goodput"]
            found["open loop"][name] = asyncio.run(open_loops(targets[name], capacity, quick))  # type: ignore[index]
            found["probe beside c = 32"][name] = asyncio.run(probed(targets[name], quick))  # type: ignore[index]
            if not quick:
                found["slow lane"][name] = asyncio.run(slow_lane(servers[name]))  # type: ignore[index]
        found["start to ready, s"] = {name: round(server.seconds, 2) for name, server in servers.items()}
        found["memory, MB"] = {name: round(server.megabytes) for name, server in servers.items()}
    with fovea("cached", data, feature_cache_mb=256, registry=data / "alone") as server:
        found["second look, ms"] = asyncio.run(second_look(server))
    return found


async def closed_loops(targets: Mapping[str, Target], quick: bool) -> dict[str, dict[str, dict[str, float]]]:
    """By server and number of clients. Rounds go over all servers, so that what disturbs one disturbs all."""
    counts, seconds = ((1, 32), 2.0) if quick else ((1, 8, 32, 64), 5.0)
    for target in targets.values():
        await load.closed(target, 8, 1.0)  # warms up
    found: dict[str, dict[str, dict[str, float]]] = {name: {} for name in targets}
    for clients in counts:
        rounds: dict[str, list[Seen]] = {name: [] for name in targets}
        for _ in range(1 if quick else ROUNDS):
            for name, target in targets.items():
                rounds[name].append(await load.closed(target, clients, seconds))
        for name, seen in rounds.items():
            found[name][str(clients)] = load.median(seen)
    return found


async def open_loops(target: Target, capacity: float, quick: bool) -> dict[str, dict[str, float]]:
    """Poisson arrivals at 50, 80 and 200 % of what the closed loop got through."""
    seconds, shares = (3.0, (200,)) if quick else (8.0, (50, 80, 200))
    return {
        f"{share} %": (await load.poisson(target, max(1.0, capacity * share / 100), seconds)).figures()
        for share in shares
    }


async def probed(target: Target, quick: bool) -> dict[str, float]:
    """/livez while 32 clients ask for explanations."""
    work = asyncio.create_task(load.closed(target, 32, 3.0 if quick else 10.0))
    seen = await load.beside(Target(target.port, "/livez"), work)
    await work
    return seen.figures()


async def slow_lane(server: Server) -> dict[str, dict[str, float]]:
    """/predict by one client, alone and while Score-CAM runs."""
    body, kind = load.form(jpeg())
    predict = Target(server.port, "/predict?model=resnet18", body, kind)
    scorecam = Target(server.port, "/explain/scorecam?model=resnet18", body, kind)
    alone = await load.closed(predict, 1, SLOW_SECONDS)
    slow = asyncio.create_task(load.closed(scorecam, 1, SLOW_SECONDS))
    beside = await load.closed(predict, 1, SLOW_SECONDS)
    done = await slow
    return {"predict alone": alone.figures(), "predict beside": beside.figures(), "Score-CAM": done.figures()}


async def second_look(server: Server) -> dict[str, float]:
    """/predict, then /explain/gradcam of the same image, 20 different images: median of each, and of the forward."""
    first, second, forwards = [], [], []
    for side in range(400, 420):
        body, kind = load.form(jpeg(side))
        ask = Connection(Target(server.port, "/predict?model=resnet18", body, kind))
        again = Connection(Target(server.port, "/explain/gradcam?model=resnet18", body, kind))
        one, two = json.loads((await ask.ask())[1]), json.loads((await again.ask())[1])
        first.append(one["timing_ms"]["total"])
        second.append(two["timing_ms"]["total"])
        forwards.append(two["timing_ms"]["forward"])
        ask.close()
        again.close()
    named = {"first": first, "second": second, "second's forward": forwards}
    return {name: round(statistics.median(values), 2) for name, values in named.items()}


def _explaining(name: str, server: Server) -> Target:
    body, kind = load.form(jpeg())
    path = {"litserve": "/predict"}.get(name, "/explain")
    return Target(server.port, "/explain/gradcam?model=resnet18" if name.startswith("fovea") else path, body, kind)
