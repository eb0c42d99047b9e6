"""Whether an engine agrees with torch in float32: measured when a model is loaded, and shown with the model."""

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

MAX_PROBABILITY_DIFFERENCE = 0.01
"""The largest difference of any probability that is accepted."""

MAX_FEATURE_DIFFERENCE = {"f32": 1e-4, "bf16": 3e-2}
"""The largest difference of feature maps that is accepted, as relative norm; about 1e-6 in f32 and 1e-2 in bf16."""


@dataclass(frozen=True)
class GoldenImages:
    """Images to compare on. x: uint8 [N, s, s, 3]. source: golden (of the entry) or drawn (the entry has none)."""

    x: NDArray[np.uint8]
    source: str


@dataclass(frozen=True)
class Parity:
    """The result of the comparison with torch in float32.

    images: how many, from `source` (see `GoldenImages`). top1_equal: whether the most probable class is the same for
    each. probability: the largest difference of any probability. features: the difference of the feature maps, as
    relative norm. passed: whether the engine asked for is used; if not, `reason` says why another one is.
    """

    precision: str
    images: int
    source: str
    top1_equal: bool
    probability: float
    features: float
    passed: bool
    reason: str = ""

    @property
    def failure(self) -> str:
        """Why the comparison failed; empty if it did not."""
        return (
            f"{self.precision} differs from torch in float32 on {self.images} {self.source} images: most probable class"
            f" {'equal' if self.top1_equal else 'not equal'}, probabilities by {self.probability:.4f}"
            f" (at most {MAX_PROBABILITY_DIFFERENCE}), feature maps by {self.features:.1e}"
            f" (at most {MAX_FEATURE_DIFFERENCE[self.precision]:.0e})"
        ) * (not self._within_limits)

    @property
    def _within_limits(self) -> bool:
        close = self.probability <= MAX_PROBABILITY_DIFFERENCE  # NaN is never close
        return self.top1_equal and close and self.features <= MAX_FEATURE_DIFFERENCE[self.precision]


@dataclass(frozen=True)
class Comparison:
    """What engines are compared on: a network and golden images. head: A at the plan's cut -> logits."""

    entry: Entry
    plan: Plan
    head: nn.Module
    golden: GoldenImages


def golden_images(entry: Entry, folder: Path | None) -> GoldenImages:
    """The golden images of an entry as the model sees them, or drawn ones if it has none.

    Raises WeightsError if one of them cannot be read.
    """
    if not entry.golden or folder is None:
        return GoldenImages(drawn_images(entry.frame.shape), "drawn")
    frames = []
    for name in entry.golden:
        try:
            upright = decode((folder / name).read_bytes(), Limits())
        except (OSError, RequestError) as error:
            raise WeightsError(f"model {entry.name!r}: the golden image {name} cannot be read: {error}") from error
        frames.append(entry.frame.apply(upright.pixels, upright.width, upright.height)[0])
    return GoldenImages(np.stack(frames), "golden")


def drawn_images(size: tuple[int, int]) -> NDArray[np.uint8]:
    """x uint8 [4, height, width, 3]: a gradient, a disc, a grid and noise, always the same."""
    height, width = size
    down, right = np.mgrid[0:height, 0:width] / np.maximum([[[height - 1]], [[width - 1]]], 1)
    disc = 1.0 * (np.hypot(down - 0.5, right - 0.5) < 0.4)
    grid = 0.5 + 0.5 * np.sin(40 * down) * np.sin(40 * right)
    noise = np.random.default_rng(0).random(size)
    tint = np.array([0.9, 0.5, 0.2])
    planes = np.stack([(down + right) / 2, disc * (0.4 + 0.5 * down), grid, noise])
    pixels: NDArray[np.uint8] = np.rint(255 * planes[..., None] * tint).astype(np.uint8)
    return pixels


@torch.no_grad()
def compare(comparison: Comparison, engine: Engine, A: Tensor) -> Parity:
    """An engine against A [N, C, h, w], the feature maps that torch computes in float32."""
    features = engine.features(torch.from_numpy(comparison.golden.x), comparison.plan.cut)
    expected, computed = (
        torch.stack([probabilities(row, comparison.entry) for row in comparison.head(maps)]) for maps in (A, features)
    )
    return Parity(
        precision=engine.precision,
        images=len(A),
        source=comparison.golden.source,
        top1_equal=bool((expected.argmax(1) == computed.argmax(1)).all()),
        probability=float((expected - computed).abs().max()),
        features=float((features - A).norm() / A.norm().clamp_min(torch.finfo(A.dtype).tiny)),
        passed=True,
    )


def choose_engine(comparison: Comparison, engine: str, precision: str) -> tuple[Engine, Parity | None]:
    """The engine to use: the one asked for, unless it fails the comparison; then the same in float32, then torch.

    Raises RegistryError if the engine asked for is not installed.
    """
    reasons = []
    reference = TorchEngine(comparison.plan)
    A = None
    precisions = [precision, "f32"] if precision != "f32" else ["f32"]
    if precision == "bf16" and not choice.has_bf16():
        reasons.append("this machine has no bf16 instructions")
        precisions = ["f32"]
    for candidate in precisions:
        runner, problem = choice.build(engine, comparison.plan, candidate)
        reasons += [problem] * bool(problem)
        if _is_reference(runner):
            break
        A = reference.features(torch.from_numpy(comparison.golden.x), comparison.plan.cut) if A is None else A
        try:
            parity = compare(comparison, runner, A)
        except RuntimeError as error:
            log.warning("%s fails on the golden images, torch does not: %s", runner.name, error)
            reasons.append(f"{runner.name} fails on the {comparison.golden.source} images; the log says more")
            continue
        if not parity.failure:
            return runner, _with_reasons(parity, reasons)
        reasons.append(parity.failure)
    if not reasons:
        return reference, None
    exact = Parity("f32", len(comparison.golden.x), comparison.golden.source, True, 0.0, 0.0, True)
    return reference, _with_reasons(exact, reasons)


def _is_reference(engine: Engine) -> bool:
    return isinstance(engine, TorchEngine) and engine.precision == "f32" and engine.device == "cpu"


def _with_reasons(parity: Parity, reasons: list[str]) -> Parity:
    return replace(parity, passed=not reasons, reason="; ".join(reasons))
