"""The circle of a round field that the picture's edges may cut off."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Levels = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Points = npt.NDArray[np.float64]
Circle = tuple[float, float, float]
"""x and y of the centre, and the radius, in pixels."""

DEPTH = 3  # pixels from the rim inwards to where a row is taken to be as bright as the field is there
ROUNDS = 8
OUTLIER = 2.5  # times the median distance from the circle
TOLERANCE = 0.002  # of the radius; closer points are never left out
MIN_POINTS = 20
MIN_INLIERS = 0.5  # of the points: the others are notches, marks and haze
MAX_SCATTER = 0.005  # median distance from the circle, of the radius
SECTORS = 36
MIN_SECTORS = 9  # of those, each ten degrees, that have rim in them
MIN_FILLED = 0.8  # of the circle's part within the picture


def fit_circle(level: Levels, region: Mask, surround: float) -> Circle | None:
    """The circle whose part within the picture is `region`, by least squares; None where there is no such circle.

    level: brightness [h, w]; surround: that of what lies around the field. The rim is where a row or a column is
    halfway between the surround and the field, between pixels; rows and columns that end at the picture's edge have
    none. Points far from the circle are left out and the circle is fitted again, until none are (Kåsa's fit, trimmed).
    """
    points = _rim(level, region, surround)
    kept = np.ones(len(points), bool)
    for _ in range(ROUNDS):
        if kept.sum() < max(MIN_POINTS, MIN_INLIERS * len(points)):
            return None
        x, y, radius = _least_squares(points[kept])
        distance = np.abs(np.hypot(points[:, 0] - x, points[:, 1] - y) - radius)
        scatter = float(np.median(distance[kept]))
        near = distance <= max(OUTLIER * scatter, TOLERANCE * radius)
        if (near == kept).all():
            break
        kept = near
    angles = np.arctan2(points[kept, 1] - y, points[kept, 0] - x)
    sectors = np.unique(((angles / (2 * np.pi) + 0.5) * SECTORS).astype(int) % SECTORS)
    if scatter > MAX_SCATTER * radius or len(sectors) < MIN_SECTORS or not _fills(region, (x, y, radius)):
        return None
    return x, y, radius


def _least_squares(points: Points) -> Circle:
    """x² + y² = 2ax + 2by + c is linear in a, b and c."""
    equations = np.column_stack([2 * points, np.ones(len(points))])
    (x, y, c), *_ = np.linalg.lstsq(equations, (points**2).sum(1), rcond=None)
    return float(x), float(y), float(np.sqrt(max(c + x * x + y * y, 0.0)))


def _fills(region: Mask, circle: Circle) -> bool:
    x, y, radius = circle
    down, across = np.mgrid[: region.shape[0], : region.shape[1]] + 0.5
    inside = np.hypot(across - x, down - y) <= radius
    return bool(region[inside].sum() >= MIN_FILLED * max(int(inside.sum()), 1))


def _rim(level: Levels, region: Mask, surround: float) -> Points:
    """Points x, y [n, 2] of the rim along every row, and along every column."""
    rows = _ends(level, region, surround)
    columns = _ends(level.T, region.T, surround)[:, ::-1]
    return np.concatenate([rows, columns])


def _ends(level: Levels, region: Mask, surround: float) -> Points:
    """Points x, y [n, 2] where each row of the region begins and ends."""
    found = []
    width = region.shape[1]
    for row, line in enumerate(region):
        columns = np.flatnonzero(line)
        if not columns.size:
            continue
        for column, step in ((columns[0], -1), (columns[-1], 1)):
            innermost, outermost = column - DEPTH * step, column + step
            if not (0 <= innermost < width and 0 <= outermost < width):
                continue
            profile = level[row, [innermost + step * place for place in range(DEPTH + 2)]]  # from within outwards
            half = (surround + profile[0]) / 2
            for place in range(1, DEPTH + 1):
                inner, outer = profile[place], profile[place + 1]
                if inner >= half > outer:
                    found.append((innermost + 0.5 + step * (place + (inner - half) / (inner - outer)), row + 0.5))
                    break
    return np.array(found, float).reshape(-1, 2)
