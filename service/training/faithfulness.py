"""How faithful a classifier's maps are to it, method by method, over many images: the measures of one map, averaged."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from service.errors import TrainingError
from service.explain.method import Method
from service.explain.quality import MEASURES, STEPS, QualityInputs, area, deletion_curve, insertion_curve
from service.models.classifier import Classifier
from service.models.scores import direction, probabilities
from service.runtime.batch_inference import InspectedImage, LabelledImage, inspect_all
from service.runtime.inspection import MapRequest, compute_maps
from service.runtime.map_quality import quality_inputs

CURVES = {"deletion": deletion_curve, "insertion": insertion_curve}
"""The measures that are the area under a curve, which is worth a picture."""

Figures = dict[str, float | None]


@dataclass(frozen=True)
class Faithfulness:
    """One method's figures over `images` images, each explained for its likeliest class.

    empty: how many maps had nothing positive, and so no figures. means, errors: by measure of
    `service.explain.quality.MEASURES`, the mean and its standard error; NaN where no image gave a value. curves: mean
    probability after 0, 1, … `STEPS` parts of the pixels were taken away (deletion) or put in (insertion).
    """

    model: str
    method: str
    images: int
    empty: int
    means: Mapping[str, float]
    errors: Mapping[str, float]
    curves: Mapping[str, tuple[float, ...]]


@dataclass(frozen=True)
class Measured:
    """One map's figures and curves; figures is empty where the map is."""

    figures: Figures
    curves: Mapping[str, tuple[float, ...]]


def faithfulness(
    classifier: Classifier, methods: Sequence[Method], images: Iterable[LabelledImage], layer: str | None = None
) -> list[Faithfulness]:
    """One row a method. layer: left out, the default cut. Raises TrainingError where there is no image."""
    found = [
        [_measured(seen, method) for method in methods] for seen in inspect_all(classifier, images, layer, batch=4)
    ]
    if not found:
        raise TrainingError("there is no image to measure anything on")
    return [
        _summary(classifier.entry.name, method.name, column)
        for method, column in zip(methods, map(list, zip(*found, strict=True)), strict=True)
    ]


def _measured(seen: InspectedImage, method: Method) -> Measured:
    entry = seen.inspection.classifier.entry
    index = int(probabilities(seen.logits, entry).argmax())
    request = MapRequest(method, direction(index, entry)[None], method.parameters().model_dump(), math.inf)
    grid = compute_maps(seen.inspection, request).grids[0]
    if not grid.max() > 0:
        return Measured({}, {})
    tried = quality_inputs(seen.inspection, request, grid, index)
    curves = {name: curve for name, along in CURVES.items() if (curve := along(tried)) is not None}
    figures = {name: area(curves[name]) if name in CURVES else _figure(name, tried) for name in MEASURES}
    return Measured(figures, {name: tuple(curve.tolist()) for name, curve in curves.items()})


def _figure(name: str, tried: QualityInputs) -> float | None:
    with torch.no_grad():
        return MEASURES[name].function(tried)


def _summary(model: str, method: str, column: list[Measured]) -> Faithfulness:
    shown = [measured for measured in column if measured.figures]
    values = {name: _values(shown, name) for name in MEASURES}
    return Faithfulness(
        model=model,
        method=method,
        images=len(column),
        empty=len(column) - len(shown),
        means={name: float(found.mean()) if len(found) else math.nan for name, found in values.items()},
        errors={name: _standard_error(found) for name, found in values.items()},
        curves={name: _mean_curve([one.curves[name] for one in shown]) for name in CURVES},
    )


def _values(shown: list[Measured], name: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array([value for one in shown if (value := one.figures[name]) is not None], np.float64)


def _standard_error(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    return float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else math.nan


def _mean_curve(curves: list[tuple[float, ...]]) -> tuple[float, ...]:
    return tuple(np.mean(curves, axis=0).tolist()) if curves else ()


def plot(rows: Sequence[Faithfulness], path: Path) -> None:
    """Write a picture of the curves and of every mean with its standard error; the suffix says which format."""
    from matplotlib import colormaps  # noqa: PLC0415  a second to import, and only this needs it
    from matplotlib.figure import Figure  # noqa: PLC0415

    bars = [name for name in MEASURES if name not in CURVES]
    figure = Figure(figsize=(11, 7), layout="constrained")
    plan: list[list[Any]] = [["deletion"] * 2 + ["insertion"] * 2, bars]
    axes = figure.subplot_mosaic(plan, height_ratios=(3, 2))
    colours = colormaps["tab20"](range(len(rows)))
    share, places = np.linspace(0, 100, STEPS + 1), np.arange(len(rows))
    for name in CURVES:
        for row, colour in zip(rows, colours, strict=True):
            if row.curves[name]:
                label = f"{row.method} ({row.means[name]:.2f})"
                axes[name].plot(share, row.curves[name], color=colour, label=label, linewidth=1.5)
        title = f"{name}: {MEASURES[name].better} is better"
        axes[name].set(title=title, xlabel="pixels, %", ylabel="mean probability", ylim=(0, 1))
        axes[name].legend(fontsize=7, frameon=False)
    for name in bars:
        means, errors = [row.means[name] for row in rows], [row.errors[name] for row in rows]
        axes[name].barh(places, means, xerr=errors, color=colours)
        axes[name].set(xlabel=name.replace("_", " "), xlim=(MEASURES[name].low, MEASURES[name].high))
        axes[name].set_yticks(places, [row.method for row in rows] if name == bars[0] else [], fontsize=7)
        axes[name].invert_yaxis()
    for one in axes.values():
        one.spines[["top", "right"]].set_visible(False)
    first = rows[0]
    figure.suptitle(f"{first.model}, {first.images} images, each for its likeliest class; bars with standard errors")
    figure.savefig(path, dpi=110)
