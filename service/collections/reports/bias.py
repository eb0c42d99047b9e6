"""Whether positions outside the anatomy decide a model's answers, over a whole set of images.

Two shares of a map, cell by cell:

- *attention*: the positive part of the map of the predicted class, scaled to sum to 1 for every image. It shows where
  evidence lies on average. It cannot show what decides: a network may have the same evidence in a black corner of every
  image, and a class that means "nothing found" has its evidence wherever nothing is.
- *decisive*: for D = the class's map minus the mean map of all classes, and y = its sum, the slope of D on y over all
  images, cov(D, y) / var(y). Since y is the sum of D, the slopes of all cells sum to exactly 1: each is the share of
  the cell in the differences between images. What is the same in every image has no share.

The verdict uses the decisive share alone. Attention inside the anatomy may differ between classes as much as it likes:
a disc and a haemorrhage lie at different positions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.collections.reports.bias_report import Bias, ClassReport, DecisiveShare, Hotspot, OutsideShare, Verdict
from service.collections.reports.decisive_shares import Shares, decisive_shares, holm
from service.collections.reports.differences import differences
from service.collections.reports.evidence import Attention, Evidence, attention
from service.collections.reports.value import describe_position, to_grid

Floats = NDArray[np.float64]

ALPHA = 0.05
"""The chance of one false finding or more in each of the three families of tests: verdict, classes, outcomes."""

MIN_IMAGES = 30
"""Images that a verdict needs."""

HOTSPOT_RATIO = 2.0
"""Multiple of the expected share that a single cell outside must exceed to be a hotspot."""


@dataclass(frozen=True)
class ClassTests:
    """The tests of one class. shares: of every cell and outside. p: adjusted, of the outsides, then the outer cells."""

    shares: Shares
    p: Floats


def bias(evidence: Evidence) -> Bias:
    """The report on a set of images; the same images give the same report."""
    distribution = attention(evidence)
    tests = _test_classes(evidence)
    classes = [_class_report(evidence, k, distribution, tested) for k, tested in enumerate(tests)]
    hotspots = _hotspots(evidence, tests)
    verdict, reason = _verdict(evidence, classes, hotspots)
    found = differences(evidence, distribution, ALPHA)
    labelled = evidence.labels >= 0
    correct = (evidence.labels == evidence.predicted)[labelled]
    return Bias(
        verdict=verdict,
        reason=reason,
        images=len(evidence.labels),
        accuracy=float(correct.mean()) if labelled.any() else None,
        alpha=ALPHA,
        shape=(evidence.maps.shape[2], evidence.maps.shape[3]),
        anatomy=to_grid(evidence.anatomy.mean(0)),
        classes=classes,
        hotspots=hotspots,
        between_classes=found.between_classes,
        between_outcomes=found.between_outcomes,
        untested=found.untested,
    )


def _shares(evidence: Evidence, k: int) -> Shares | None:
    """Shares of every cell, then of everything outside each region, in the differences of a class's score."""
    maps = np.asarray(evidence.maps[:, k], np.float64)
    if evidence.rivals:
        maps = maps - evidence.maps.mean(1, dtype=np.float64)
    D = maps.reshape(len(maps), -1)  # (N, cells)
    outsides = [(D * share).sum(1, keepdims=True) for _, share in evidence.outsides]
    if len(D) < MIN_IMAGES:
        return None
    return decisive_shares(np.concatenate([D, *outsides], 1), D.sum(1))


def _test_classes(evidence: Evidence) -> list[ClassTests | None]:
    """One family of tests: for every class, whether each outside and each outer cell has more than its bound."""
    shares = [_shares(evidence, k) for k in range(len(evidence.names))]
    bounds, parts = _bounds(evidence)
    p = [one.select(parts).p_above(bounds) for one in shares if one is not None]
    adjusted = iter(holm(np.concatenate(p)).reshape(len(p), len(parts)) if p else [])
    return [None if one is None else ClassTests(one, next(adjusted)) for one in shares]


def _bounds(evidence: Evidence) -> tuple[Floats, NDArray[np.intp]]:
    """The bound of each test, and the part that it tests: the outsides' expected shares, the cells' hotspot share."""
    outsides, cells = list(evidence.outsides), np.flatnonzero(evidence.outer_cells)
    size = evidence.outer_cells.size
    bounds = [float(share.mean()) for _, share in outsides] + [HOTSPOT_RATIO / size] * len(cells)
    return np.array(bounds), np.concatenate([size + np.arange(len(outsides)), cells]).astype(np.intp)


def _class_report(evidence: Evidence, k: int, distribution: Attention, tests: ClassTests | None) -> ClassReport:
    predicted = evidence.predicted == k
    labelled = predicted & (evidence.labels >= 0)
    mapped = predicted & distribution.exists
    shape = evidence.maps.shape[2:]
    size = evidence.outer_cells.size
    return ClassReport(
        label=evidence.names[k],
        predicted=int(predicted.sum()),
        wrong=int((evidence.labels[labelled] != k).sum()),
        empty=int((predicted & ~distribution.exists).sum()),
        attention=to_grid(distribution.values[mapped].mean(0).reshape(shape)) if mapped.any() else None,
        decisive=None if tests is None else to_grid(tests.shares.value[:size].reshape(shape)),
        outside=_outside_shares(evidence, distribution.values, mapped, tests),
    )


def _outside_shares(
    evidence: Evidence, attention: Floats, mapped: NDArray[np.bool_], tests: ClassTests | None
) -> list[OutsideShare]:
    found = []
    for i, (region, share) in enumerate(evidence.outsides):
        outside = (attention * share).sum(1)[mapped]
        found.append(
            OutsideShare(
                region=region,
                expected=float(share.mean()),
                attention=float(outside.mean()) if len(outside) else None,
                decisive=tests and _decisive_share(tests, evidence.outer_cells.size + i, i),
            )
        )
    return found


def _decisive_share(tests: ClassTests, part: int, test: int) -> DecisiveShare:
    low, high = tests.shares.interval()
    value = float(tests.shares.value[part])
    return DecisiveShare(share=value, low=float(low[part]), high=float(high[part]), p=float(tests.p[test]))


def _hotspots(evidence: Evidence, tests: list[ClassTests | None]) -> list[Hotspot]:
    """Outer cells with more than twice the expected share, the strongest first."""
    rows, columns = evidence.maps.shape[2:]
    cells = np.flatnonzero(evidence.outer_cells)
    found = []
    for name, tested in zip(evidence.names, tests, strict=True):
        for p, cell in zip(tested.p[-len(cells) :] if tested and len(cells) else (), cells, strict=False):
            if tested and p <= ALPHA:
                row, column = divmod(int(cell), columns)
                ratio = float(tested.shares.value[cell]) * rows * columns
                position = describe_position(row, column, rows, columns)
                found.append(Hotspot(label=name, row=row, column=column, position=position, ratio=ratio, p=float(p)))
    return sorted(found, key=lambda hotspot: -hotspot.ratio)


def _verdict(evidence: Evidence, classes: list[ClassReport], hotspots: list[Hotspot]) -> tuple[Verdict, str]:
    if len(evidence.labels) < MIN_IMAGES:
        return "cannot_say", f"{len(evidence.labels)} images are too few; at least {MIN_IMAGES} are needed"
    if not any(report.outside for report in classes):
        return "cannot_say", "the field of view fills every picture, and no mask marks the anatomy"
    tested = [
        (report, outside, outside.decisive) for report in classes for outside in report.outside if outside.decisive
    ]
    if not tested:
        return "cannot_say", "every image has the same scores"
    report, outside, decisive = max(
        tested, key=lambda part: (part[2].p <= ALPHA, round(part[2].share, 6), part[1].attention or 0.0)
    )
    reason = (
        f"{decisive.share:.0%} of the differences between images in the score for {report.label}"
        f" (95 % interval {decisive.low:.0%} to {decisive.high:.0%}) come from outside the {outside.region},"
        f" which is {outside.expected:.0%} of the picture"
    )
    if hotspots:
        cell = next((one for one in hotspots if one.label == report.label), hotspots[0])
        reason += f"; the {cell.position} alone has {cell.ratio:.1f} times its expected share for {cell.label}"
    if hotspots or decisive.p <= ALPHA:
        return "found", reason
    return "not_found", f"{reason}, and no class has more; no single cell outside has twice its expected share"
