"""Registries of several models, made of the shipped ones under more names; and how cost grows with their number."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from benchmarks import load
from benchmarks.load import Seen, Target
from benchmarks.process import fovea
from benchmarks.subject import ROOT, jpeg

ZOO = ROOT / "service" / "models" / "zoo"
SHIPPED = ("resnet18", "glaucoma", "densenet121")


def registry(folder: Path, count: int) -> list[str]:
    """A registry of `count` models in a new folder: the shipped ones, then those again under names with a number."""
    folder.mkdir()
    (folder / "golden").symlink_to(ZOO / "golden")
    names = []
    for place in range(count):
        shipped, again = SHIPPED[place % len(SHIPPED)], place // len(SHIPPED)
        name = f"{shipped}-{again}" if again else shipped
        told = (ZOO / f"{shipped}.toml").read_text().replace(f"[models.{shipped}", f"[models.{name}")
        (folder / f"{name}.toml").write_text((f'default = "{name}"\n\n' if not place else "") + told)
        (folder / f"{shipped}.safetensors").unlink(missing_ok=True)
        (folder / f"{shipped}.safetensors").symlink_to(ZOO / f"{shipped}.safetensors")
        names.append(name)
    return names


def models(quick: bool, data: Path) -> dict[str, dict[str, float]]:
    """With one, three and five models: seconds until all are loaded, memory, and eight clients who ask them in turn."""
    found = {}
    for count in (1, 3, 5):
        folder = data / f"registry-{count}"
        names = registry(folder, count)
        begun = time.monotonic()
        with fovea(f"{count} models", data, registry=folder) as server:
            loaded = time.monotonic() - begun
            body, kind = load.form(jpeg())
            targets = [Target(server.port, f"/explain/gradcam?model={name}", body, kind) for name in names]
            asyncio.run(in_turn(targets, 1.0))
            seen = asyncio.run(in_turn(targets, 2.0 if quick else 8.0))
            figures = seen.figures()
            found[f"{count} models"] = {
                "loaded, s": round(loaded, 1),
                "memory, MB": round(server.megabytes),
                "requests/s": figures["goodput"],
                "p50, ms": figures["p50_ms"],
            }
    return found


async def in_turn(targets: list[Target], seconds: float, clients: int = 8) -> Seen:
    """Each client asks one model after the other."""
    seen, begun = Seen(), time.perf_counter()

    async def client(first: int) -> None:
        connections = [load.Connection(target) for target in targets]
        turn = first
        while time.perf_counter() - begun < seconds:
            asked = time.perf_counter()
            status, _ = await connections[turn % len(connections)].ask()
            seen.note(status, 1000 * (time.perf_counter() - asked))
            turn += 1
        for connection in connections:
            connection.close()

    await asyncio.gather(*(client(place) for place in range(clients)))
    seen.seconds = time.perf_counter() - begun
    return seen
