"""Whether an engine says what torch says in float32: measured when a model is loaded, and shown with the model."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from service.engines import choice
from service.engines.engine import Engine, Plan
from service.engines.torch import TorchEngine
from service.errors import RequestError, WeightsError
from service.images.decode import Limits, decode
from service.models.entry import Entry
from service.models.scores import probabilities

log = logging.getLogger(__name__)

MOST_PROBABILITY = 0.01
"""By how much any probability may differ."""

MOST_MAP = {"f32": 1e-4, "bf16": 3e-2}
"""By how much feature maps may differ, as relative norm; f32 comes to some 1e-6, bf16 to some 1e-2."""


@dataclass(frozen=True)
class Golden:
    """Images to compare on. x: uint8 [N, s, s, 3]. source: golden (the entry's own) or drawn (it has none)."""

    x: NDArray[np.uint8]
    source: str


@dataclass(frozen=True)
class Parity:
    """What came of the comparison with torch in float32.

    images: how many, from `source` (see `Golden`). top1_equal: whether the likeliest class is the same for each.
    probability: the largest difference of any. map: the difference of feature maps, as relative norm. passed: whether
    the engine asked for is the one that answers; where not, `reason` says why another does.
    """

    precision: str
    images: int
    source: str
    top1_equal: bool
    probability: float
    map: float
    passed: bool
    reason: str = ""

    @property
    def shortfall(self) -> str:
        """What is wrong; empty where nothing is."""
        return (
            f"{self.precision} differs from torch in float32 on {self.images} {self.source} images: likeliest class"
            f" {'equal' if self.top1_equal else 'not equal'}, probabilities by {self.probability:.4f}"
            f" (at most {MOST_PROBABILITY}), maps by {self.map:.1e} (at most {MOST_MAP[self.precision]:.0e})"
        ) * (not self._holds)

    @property
    def _holds(self) -> bool:
        near = self.probability <= MOST_PROBABILITY and self.map <= MOST_MAP[self.precision]
        return self.top1_equal and near  # NaN is never near


@dataclass(frozen=True)
class Trial:
    """A network on trial. head: A at the plan's cut -> logits."""

    entry: Entry
    plan: Plan
    head: nn.Module
    golden: Golden


def golden_images(entry: Entry, folder: Path | None) -> Golden:
    """The entry's golden images as the model sees them, or drawn ones where it has none.

    Raises WeightsError where one of them cannot be read.
    """
    if not entry.golden or folder is None:
        return Golden(drawn(entry.frame.crop), "drawn")
    frames = []
    for name in entry.golden:
        try:
            upright = decode((folder / name).read_bytes(), Limits())
        except (OSError, RequestError) as error:
            raise WeightsError(f"model {entry.name!r}: the golden image {name} cannot be read: {error}") from error
        frames.append(entry.frame.apply(upright.pixels, upright.width, upright.height)[0])
    return Golden(np.stack(frames), "golden")


def drawn(size: int) -> NDArray[np.uint8]:
    """x uint8 [4, size, size, 3]: a gradient, a disc, a grid and noise, the same every time."""
    down, right = np.mgrid[0:size, 0:size] / max(size - 1, 1)
    disc = 1.0 * (np.hypot(down - 0.5, right - 0.5) < 0.4)
    grid = 0.5 + 0.5 * np.sin(40 * down) * np.sin(40 * right)
    noise = np.random.default_rng(0).random((size, size))
    tint = np.array([0.9, 0.5, 0.2])
    planes = np.stack([(down + right) / 2, disc * (0.4 + 0.5 * down), grid, noise])
    pixels: NDArray[np.uint8] = np.rint(255 * planes[..., None] * tint).astype(np.uint8)
    return pixels


@torch.no_grad()
def compare(trial: Trial, engine: Engine, A: Tensor) -> Parity:
    """An engine against A [N, C, h, w], the feature maps that torch computes in float32."""
    found = engine.features(torch.from_numpy(trial.golden.x), trial.plan.cut)
    expected, got = (torch.stack([probabilities(row, trial.entry) for row in trial.head(maps)]) for maps in (A, found))
    return Parity(
        precision=engine.precision,
        images=len(A),
        source=trial.golden.source,
        top1_equal=bool((expected.argmax(1) == got.argmax(1)).all()),
        probability=float((expected - got).abs().max()),
        map=float((found - A).norm() / A.norm().clamp_min(torch.finfo(A.dtype).tiny)),
        passed=True,
    )


def chosen(trial: Trial, engine: str, precision: str) -> tuple[Engine, Parity | None]:
    """The engine that answers: the one asked for, unless it fails the comparison; then float32, then torch.

    Raises RegistryError where the engine asked for is not installed.
    """
    reasons = []
    reference = TorchEngine(trial.plan)
    A = None
    wanted = [precision, "f32"] if precision != "f32" else ["f32"]
    if precision == "bf16" and not choice.has_bf16():
        reasons.append("this machine has no bf16 instructions")
        wanted = ["f32"]
    for candidate in wanted:
        runner, problem = choice.build(engine, trial.plan, candidate)
        reasons += [problem] * bool(problem)
        if _is_reference(runner):
            break
        A = reference.features(torch.from_numpy(trial.golden.x), trial.plan.cut) if A is None else A
        try:
            parity = compare(trial, runner, A)
        except RuntimeError as error:
            log.warning("%s fails on the golden images, torch does not: %s", runner.name, error)
            reasons.append(f"{runner.name} fails on the {trial.golden.source} images; the log says more")
            continue
        if not parity.shortfall:
            return runner, _told(parity, reasons)
        reasons.append(parity.shortfall)
    if not reasons:
        return reference, None
    exact = Parity("f32", len(trial.golden.x), trial.golden.source, True, 0.0, 0.0, True)
    return reference, _told(exact, reasons)


def _is_reference(engine: Engine) -> bool:
    return isinstance(engine, TorchEngine) and engine.precision == "f32" and engine.device == "cpu"


def _told(parity: Parity, reasons: list[str]) -> Parity:
    return replace(parity, passed=not reasons, reason="; ".join(reasons))
