"""Where a model looks over a whole set of images, and whether what decides lies outside the anatomy.

Two shares of a map, cell by cell:

- *attention*: the positive part of the map of the class that was said, scaled to sum to 1 for every image. It shows
  where evidence lies on average. It cannot show what decides: a network may carry the same evidence in a black corner
  of every image, and a class that means "nothing found" has its evidence wherever nothing is.
- *decisive*: for D = the class's map less the mean map of all classes, and y = its sum, the slope of D on y over all
  images, cov(D, y) / var(y). Since y is the sum of D, the slopes of all cells sum to exactly 1: each is the cell's part
  in what tells images apart. What is the same in every image has none.

The verdict rests on the decisive share alone. Attention inside the anatomy may differ between classes as much as it
likes: a disc and a haemorrhage lie in different places.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.collections.reports.bias_report import Bias, ClassReport, DecisiveShare, Hotspot, OutsideShare, Verdict
from service.collections.reports.decisive_shares import Share, holm, shares
from service.collections.reports.differences import differences
from service.collections.reports.evidence import Attention, Evidence, attention
from service.collections.reports.value import grid, whereabouts

Floats = NDArray[np.float64]

ALPHA = 0.05
"""The chance of one false finding or more in each of the three families of tests: verdict, classes, wrong answers."""

LEAST_IMAGES = 30
"""Fewer give no verdict."""

HOT = 2.0
"""Times its even share that a single cell outside must decide more than to be found."""


def bias(evidence: Evidence) -> Bias:
    """The report on a set of images; the same images give the same report."""
    looked = attention(evidence)
    tests = _tests(evidence)
    classes = [_class(evidence, k, looked, tested) for k, tested in enumerate(tests)]
    hot = _hot(evidence, tests)
    verdict, reason = _verdict(evidence, classes, hot)
    groups = differences(evidence, looked, ALPHA)
    known = evidence.labels >= 0
    return Bias(
        verdict=verdict,
        reason=reason,
        images=len(evidence.labels),
        right=float((evidence.labels == evidence.predicted)[known].mean()) if known.any() else None,
        alpha=ALPHA,
        shape=(evidence.maps.shape[2], evidence.maps.shape[3]),
        anatomy=grid(evidence.anatomy.mean(0)),
        classes=classes,
        hot=hot,
        between=groups.between,
        wrong=groups.wrong,
        untested=groups.untested,
    )


def _decisive(evidence: Evidence, k: int) -> Share | None:
    """Parts of every cell, then of everything outside each place, in the differences of a class's score."""
    maps = np.asarray(evidence.maps[:, k], np.float64)
    if evidence.rivals:
        maps = maps - evidence.maps.mean(1, dtype=np.float64)
    D = maps.reshape(len(maps), -1)  # (N, cells)
    beyond = [(D * share).sum(1, keepdims=True) for _, share in evidence.places]
    if len(D) < LEAST_IMAGES:
        return None
    return shares(np.concatenate([D, *beyond], 1), D.sum(1))


@dataclass(frozen=True)
class Tested:
    """The tests of one class. share: of every cell and place. p: adjusted, of the places and then the outer cells."""

    share: Share
    p: Floats


def _tests(evidence: Evidence) -> list[Tested | None]:
    """One family: for every class, whether each place's outside and each outer cell decides too much."""
    decisive = [_decisive(evidence, k) for k in range(len(evidence.names))]
    bounds, picked = _suspects(evidence)
    raw = [share.part(picked).above(bounds) for share in decisive if share is not None]
    adjusted = iter(holm(np.concatenate(raw)).reshape(len(raw), len(picked)) if raw else [])
    return [None if share is None else Tested(share, next(adjusted)) for share in decisive]


def _suspects(evidence: Evidence) -> tuple[Floats, NDArray[np.intp]]:
    """What each test holds a part against, and which part: places after the cells, even spread; cells, HOT times it."""
    places, cells = list(evidence.places), np.flatnonzero(evidence.outer)
    size = evidence.outer.size
    bounds = [float(share.mean()) for _, share in places] + [HOT / size] * len(cells)
    return np.array(bounds), np.concatenate([size + np.arange(len(places)), cells]).astype(np.intp)


def _class(evidence: Evidence, k: int, looked: Attention, tested: Tested | None) -> ClassReport:
    said = evidence.predicted == k
    known = said & (evidence.labels >= 0)
    seen = said & looked.seen
    shape = evidence.maps.shape[2:]
    size = evidence.outer.size
    return ClassReport(
        label=evidence.names[k],
        said=int(said.sum()),
        wrong=int((evidence.labels[known] != k).sum()),
        empty=int((said & ~looked.seen).sum()),
        attention=grid(looked.values[seen].mean(0).reshape(shape)) if seen.any() else None,
        decisive=None if tested is None else grid(tested.share.value[:size].reshape(shape)),
        outside=_outside(evidence, looked.values, seen, tested),
    )


def _outside(
    evidence: Evidence, attention: Floats, seen: NDArray[np.bool_], tested: Tested | None
) -> list[OutsideShare]:
    found = []
    for i, (place, share) in enumerate(evidence.places):
        beyond = (attention * share).sum(1)[seen]
        found.append(
            OutsideShare(
                place=place,
                even=float(share.mean()),
                attention=float(beyond.mean()) if len(beyond) else None,
                decisive=tested and _decided(tested, evidence.outer.size + i, i),
            )
        )
    return found


def _decided(tested: Tested, part: int, test: int) -> DecisiveShare:
    low, high = tested.share.interval()
    value = float(tested.share.value[part])
    return DecisiveShare(share=value, low=float(low[part]), high=float(high[part]), p=float(tested.p[test]))


def _hot(evidence: Evidence, tests: list[Tested | None]) -> list[Hotspot]:
    """Outer cells that decide more than twice an even share, the strongest first."""
    rows, columns = evidence.maps.shape[2:]
    cells = np.flatnonzero(evidence.outer)
    found = []
    for name, tested in zip(evidence.names, tests, strict=True):
        for p, cell in zip(tested.p[-len(cells) :] if tested and len(cells) else (), cells, strict=False):
            if tested and p <= ALPHA:
                row, column = divmod(int(cell), columns)
                times = float(tested.share.value[cell]) * rows * columns
                where = whereabouts(row, column, rows, columns)
                found.append(Hotspot(label=name, row=row, column=column, where=where, times=times, p=float(p)))
    return sorted(found, key=lambda hot: -hot.times)


def _verdict(evidence: Evidence, classes: list[ClassReport], hot: list[Hotspot]) -> tuple[Verdict, str]:
    if len(evidence.labels) < LEAST_IMAGES:
        return "cannot_say", f"{len(evidence.labels)} images are too few; {LEAST_IMAGES} are the least"
    if not any(class_report.outside for class_report in classes):
        return "cannot_say", "the field of view fills every picture, and no mask says where the anatomy lies"
    parts = [
        (class_report, one, one.decisive) for class_report in classes for one in class_report.outside if one.decisive
    ]
    if not parts:
        return "cannot_say", "every image has the same scores, so nothing tells them apart"
    class_report, most, decided = max(
        parts, key=lambda part: (part[2].p <= ALPHA, round(part[2].share, 6), part[1].attention or 0.0)
    )
    told = (
        f"{decided.share:.0%} of what tells images apart in the score for {class_report.label}"
        f" (95 % interval {decided.low:.0%} to {decided.high:.0%}) comes from outside the {most.place},"
        f" which is {most.even:.0%} of the picture"
    )
    if hot:
        cell = next((one for one in hot if one.label == class_report.label), hot[0])
        told += f"; the {cell.where} alone decides {cell.times:.1f} times its even share for {cell.label}"
    if hot or decided.p <= ALPHA:
        return "found", told
    return "not_found", f"{told}, and no class has more; no single place outside decides twice its even share"
