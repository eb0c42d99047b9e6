"""The targets, with what was measured beside each, and all figures as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Figures = Mapping[str, Any]

PAGE = 0.004
"""Megabytes: less in a thousand requests is less than memory is counted in."""


@dataclass(frozen=True)
class Line:
    """One target. worth: what was measured; met: whether that is enough."""

    what: str
    target: str
    worth: str
    met: bool


def targets(found: Figures) -> Iterator[Line]:
    """Every target that this run has figures for."""
    if "library" in found:
        yield from _library(found["library"])
    if "service" in found:
        yield from _service(found)
    if "memory" in found:
        yield from _memory(found["memory"])
    for name, rate in found.get("importing", {}).items():
        yield _least(f"collections import, {name}", rate, 50)
    yield from _vectors(found)
    if "startup" in found:
        for run in [run for run in ("first start", "later start") if f"{run}: ready, s" in found["startup"]]:
            yield _most(f"{run} to ready", found["startup"][f"{run}: ready, s"], 10, "s")


def _vectors(found: Figures) -> Iterator[Line]:
    for name, figures in found.get("neighbours", {}).items():
        if "clustered" in name:  # random vectors have no neighbours to speak of: measured, and no target
            yield _most(f"neighbours, {name}: p50", figures["p50_ms"], 10, "ms")
            yield _least(f"neighbours, {name}: recall@10", figures["recall"], 0.98)
    for name, figures in found.get("maps", {}).items():
        if name.startswith("tsne"):
            yield _most(f"map, {name}", figures["fit_s"], 60, "s")


def _library(found: Figures) -> Iterator[Line]:
    for name in ("resnet18", "densenet121"):
        rows = found[name]
        best = min(ms for row, ms in rows.items() if row.endswith(("GradCAM", "LayerGradCam")))
        for precision, times in (("f32", 2), ("bf16", 6)):
            mine = f"openvino {precision} "
            if mine + "gradcam" not in rows:
                continue
            forward = rows[mine + "forward"]
            yield _most(f"{name} {precision}: gradcam / forward", rows[mine + "gradcam"] / forward, 1.05)
            many = rows[mine + "5 classes x 4 methods"] / forward
            yield _most(f"{name} {precision}: 5 classes x 4 methods / forward", many, 1.2)
            yield _least(f"{name} {precision}: best peer / ours", best / rows[mine + "gradcam"], times)
    rows = found["resnet18 Score-CAM"]
    for row, ms in rows.items():
        if row.startswith("openvino"):
            ratio = rows["pytorch-grad-cam ScoreCAM"] / ms
            yield _least(f"resnet18 {row.split()[1]}: pytorch-grad-cam ScoreCAM / ours", ratio, 8)


def _service(found: Figures) -> Iterator[Line]:
    seen, scale = found["service"], found.get("scaling", {})
    loops = seen["closed loop"]
    aims = {"f32": (4, 12, 1.6, 0.85), "bf16": (12, 35, 4.5, 0.55)}
    for precision, (torchcam, gradcam, litserve, share) in aims.items():
        name = f"fovea {precision}"
        if name not in loops:
            continue
        mine = loops[name]["32"]["goodput"]
        for peer, times in (("torchcam", torchcam), ("gradcam", gradcam), ("litserve", litserve)):
            what = "/predict" if peer == "litserve" else "/explain"
            theirs = loops[peer]["32"]["goodput"]
            yield _least(
                f"{precision} /explain/gradcam / {peer} {what}, c = 32", mine / theirs if theirs else 0.0, times
            )
        alone = scale.get(f"batch, {precision}", {}).get("8 images")
        if alone:
            yield _least(f"{precision} goodput / engine alone, batch 8", mine * alone / 1000, share)
        yield _most(f"{precision} probe p99 beside c = 32", seen["probe beside c = 32"][name]["p99_ms"], 50, "ms")
    yield _most("second look at one image", seen["second look, ms"]["second"], 5, "ms")


def _memory(found: Figures) -> Iterator[Line]:
    yield _most(f"memory after {found['requests']} requests", found["last_mb"], 1500, "MB")
    slope, error = found["mb_per_1000_requests"], found["standard_error"]
    worth = f"{slope} ± {error} MB per 1000"
    yield Line("memory slope", "indistinguishable from 0", worth, slope <= max(2 * error, PAGE))


def _most(what: str, value: float, bound: float, unit: str = "") -> Line:
    return Line(what, f"≤ {bound:g} {unit}".strip(), f"{value:.2f} {unit}".strip(), value <= bound)


def _least(what: str, value: float, bound: float) -> Line:
    return Line(what, f"≥ {bound:g}", f"{value:.2f}", value >= bound)


def text(found: Figures) -> str:
    """All figures, then the targets."""
    blocks = [block for name, part in found.items() for block in _blocks(name, part)]
    lines = list(targets(found))
    width = max((len(line.what) for line in lines), default=0)
    rows = [
        f"{line.what:<{width}}  {line.target:>24}  {line.worth:>26}  {'met' if line.met else 'NOT MET'}"
        for line in lines
    ]
    return "\n\n".join([*blocks, "\n".join(["Targets", *rows])])


def _blocks(title: str, part: Any) -> Iterator[str]:
    """A table of every innermost group of figures."""
    if not isinstance(part, Mapping):
        yield f"{title}: {part}"
    elif any(isinstance(value, Mapping) for value in part.values()):
        for name, value in part.items():
            yield from _blocks(f"{title}: {name}", value)
    else:
        width = max(map(len, map(str, part)), default=0)
        yield "\n".join([title, *(f"  {name:<{width}}  {value}" for name, value in part.items())])
