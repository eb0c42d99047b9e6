"""From feature maps to an answer: predictions, maps and the embedding. These functions run off the event loop."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from service.errors import ModelFault
from service.explain.boxes import boxes
from service.explain.method import Method
from service.images.coverage import visible
from service.images.geometry import Geometry
from service.images.picture import heatmap_png, overlay, upsample
from service.models.scores import label_logits, probabilities
from service.runtime.inspection import Inspection, MapRequest, compute_maps, for_one_target
from service.runtime.map_quality import map_quality
from service.runtime.question import Question
from service.runtime.results import Embedding, Explanation, Picture, Prediction, Region, Target, TargetMap
from service.runtime.targets import contrast_direction, directions, target_indexes
from service.runtime.validation import parameters_of

NORMALISATION = (
    "heatmap = 255 · max(grid, 0) / maximum, bilinear between the grid's cells; the grid itself is raw and signed,"
    " before the method's final ReLU"
)
PADDED = (
    "; the model's input is padded, so region reaches outside the image: grid and heatmap cover all of region, overlay"
    " and boxes show what lies in the image"
)
FUSED = "; the maps of several layers, each positive and divided by its maximum, are fused"


@dataclass(frozen=True)
class Parts:
    """The parts of an answer: all classes, most probable first, one explanation per method, and the embedding."""

    predictions: tuple[Prediction, ...]
    explanations: tuple[Explanation, ...]
    embedding: Embedding | None


def examine(inspection: Inspection, methods: list[Method], question: Question, deadline: float) -> Parts:
    """Everything a question asks for. deadline: on the monotonic clock; slow methods then return what they have."""
    ranked = predictions(inspection)
    return Parts(
        predictions=ranked,
        explanations=tuple(explanation(inspection, method, question, ranked, deadline) for method in methods),
        embedding=embedding(inspection, pooled=bool(question.layers) and not methods) if question.embed else None,
    )


@torch.no_grad()
def logits(inspection: Inspection) -> Tensor:
    """The model's logits [K] for this image. Raises ModelFault if they are not finite numbers."""
    values: Tensor = inspection.classifier.head(inspection.layer)(inspection.A)[0]
    if not bool(torch.isfinite(values).all()):
        raise ModelFault(f"model {inspection.classifier.entry.name!r} gave numbers that are not finite for this image")
    return values


def predictions(inspection: Inspection) -> tuple[Prediction, ...]:
    """All classes, most probable first; equally probable ones by index."""
    entry = inspection.classifier.entry
    values = logits(inspection)
    probable = probabilities(values, entry).tolist()
    raw = label_logits(values, entry).tolist()
    ranked = sorted(range(len(probable)), key=lambda index: (-probable[index], index))
    return tuple(Prediction(index, entry.labels[index], probable[index], raw[index]) for index in ranked)


def embedding(inspection: Inspection, pooled: bool = False) -> Embedding:
    """The vector right before the last linear layer, or the inspection's layer if `pooled`; maps are averaged."""
    layer = inspection.classifier.with_vector(inspection.layer if pooled else None)
    with torch.no_grad():
        vector = inspection.classifier.network.between(inspection.layer, layer)(inspection.A)[0]
    if vector.dim() > 1:
        vector = vector.mean((1, 2)) if vector.dim() == 3 else vector.mean(0)
    return Embedding(vector.numpy(), layer)


def explanation(
    inspection: Inspection, method: Method, question: Question, ranked: tuple[Prediction, ...], deadline: float
) -> Explanation:
    """The maps of one method for every target of the question. deadline: for slow methods, on the monotonic clock."""
    classifier = inspection.classifier
    indexes = target_indexes(question, classifier.entry, [prediction.index for prediction in ranked])
    parameters = parameters_of(method, question)
    arguments: dict[str, object] = parameters.model_dump()
    target = directions(indexes, classifier.entry)
    versus = contrast_direction(question, classifier.entry)
    if versus is not None:
        if method.contrasts:
            arguments["versus"] = versus
        else:
            target = target - versus
    layers = tuple(dict.fromkeys((inspection.layer, *question.layers)))  # the inspection's comes before all others
    request = MapRequest(method, target, arguments, deadline, layers, question.fusion)
    found = compute_maps(inspection, request)
    by_index = {prediction.index: prediction for prediction in ranked}
    maps = []
    for row, index in enumerate(indexes):
        figures: dict[str, float | None] = {name: values[row] for name, values in found.measures.items()}
        if question.quality:
            figures |= map_quality(inspection, for_one_target(request, row), found.grids[row], index)
        target_map = _target_map(inspection, method, question, by_index[index], found.grids[row], found.completed)
        maps.append(replace(target_map, quality=figures or None))
    used = parameters.model_dump() | ({"versus": list(question.versus)} if question.versus else {})
    fused, padded = len(question.layers) > 1, inspection.prepared.geometry.padded
    used |= {"fusion": question.fusion} if fused else {}
    return Explanation(method.name, found.layer, used, NORMALISATION + FUSED * fused + PADDED * padded, tuple(maps))


def _target_map(
    inspection: Inspection,
    method: Method,
    question: Question,
    prediction: Prediction,
    grid: NDArray[np.float32],
    done: float,
) -> TargetMap:
    geometry, size = inspection.prepared.geometry, inspection.prepared.geometry.size
    heatmap = Picture("image/png", heatmap_png(grid, size), width=size[1], height=size[0])
    regions = None
    if question.boxes:
        regions = tuple(
            Region(geometry.box_to_original((box.left, box.top, box.right, box.bottom)), box.score)
            for box in boxes(upsample(grid, size), method.box_threshold, visible(geometry))
        )
    return TargetMap(
        target=Target(prediction.index, prediction.label, prediction.probability),
        grid=grid,
        minimum=float(grid.min()),
        maximum=float(grid.max()),
        empty=not grid.max() > 0,
        region=geometry.region,
        heatmap=heatmap,
        overlay=_overlay(inspection, method, question, prediction, grid) if question.overlay else None,
        boxes=regions,
        done=done,
    )


def _peaks_outside(grid: NDArray[np.float32], geometry: Geometry) -> bool:
    """Whether a map with a positive value has its maximum where the model's input is padded."""
    enlarged = upsample(grid, geometry.size)
    return bool(enlarged.max() > 0) and not bool(visible(geometry).ravel()[enlarged.argmax()])


def _overlay(
    inspection: Inspection, method: Method, question: Question, prediction: Prediction, grid: NDArray[np.float32]
) -> Picture:
    if inspection.prepared.preview is None:
        raise ValueError("an overlay needs a preview of the image")
    notice = inspection.classifier.entry.card.notice
    hidden = "The maximum lies in the padding around the image. " * _peaks_outside(grid, inspection.prepared.geometry)
    caption = f"{method.title} for {prediction.label} ({prediction.probability:.2f}). {hidden}{notice}"
    data = overlay(
        inspection.prepared.preview,
        inspection.prepared.geometry,
        grid,
        question.colormap,
        question.overlay_type,
        caption,
    )
    width, height = Image.open(io.BytesIO(data)).size  # the legend below makes it taller than the preview
    return Picture(question.overlay_type, data, width, height)
