"""From feature maps to an answer: the cheap half, in plain functions that run off the event loop."""

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
from service.images.picture import heatmap_png, overlay, upsample
from service.models.scores import label_logits, probabilities
from service.runtime.inspection import Inspection, MapRequest, compute_maps, for_one_target
from service.runtime.map_quality import map_quality
from service.runtime.question import Question
from service.runtime.results import Embedding, Explanation, Picture, Prediction, Region, Target, TargetMap
from service.runtime.targets import chosen, directions, references
from service.runtime.validation import parameters_of

NORMALISATION = (
    "heatmap = 255 · max(grid, 0) / maximum, bilinear between the grid's cells; the grid itself is raw and signed,"
    " before the method's final ReLU"
)
FUSED = "; of several layers, each positive and divided by its maximum before they are fused"


@dataclass(frozen=True)
class Parts:
    """What was found: every class, likeliest first; one explanation a method; the vector where it was asked for."""

    predictions: tuple[Prediction, ...]
    explanations: tuple[Explanation, ...]
    embedding: Embedding | None


def examine(inspection: Inspection, methods: list[Method], question: Question, deadline: float) -> Parts:
    """Everything a question asks for. deadline: when slow methods stop with what they have, on the monotonic clock."""
    ranked = predictions(inspection)
    return Parts(
        predictions=ranked,
        explanations=tuple(explanation(inspection, method, question, ranked, deadline) for method in methods),
        embedding=embedding(inspection, pooled=bool(question.layers) and not methods) if question.embed else None,
    )


@torch.no_grad()
def logits(inspection: Inspection) -> Tensor:
    """The model's logits [K] for this image. Raises ModelFault where they are no finite numbers."""
    values: Tensor = inspection.classifier.head(inspection.layer)(inspection.A)[0]
    if not bool(torch.isfinite(values).all()):
        raise ModelFault(f"model {inspection.classifier.entry.name!r} gave numbers that are not finite for this image")
    return values


def predictions(inspection: Inspection) -> tuple[Prediction, ...]:
    """Every class, likeliest first; of equally likely ones the lower index first."""
    entry = inspection.classifier.entry
    values = logits(inspection)
    chances = probabilities(values, entry).tolist()
    raw = label_logits(values, entry).tolist()
    ranked = sorted(range(len(chances)), key=lambda index: (-chances[index], index))
    return tuple(Prediction(index, entry.labels[index], chances[index], raw[index]) for index in ranked)


def embedding(inspection: Inspection, pooled: bool = False) -> Embedding:
    """The vector right before the last linear layer, or the look's own layer `pooled`; a map is averaged over space."""
    layer = inspection.layer if pooled else inspection.classifier.embedding_layer
    with torch.no_grad():
        vector = inspection.classifier.network.between(inspection.layer, layer)(inspection.A)[0]
    if vector.dim() > 1:
        vector = vector.mean((1, 2)) if vector.dim() == 3 else vector.mean(0)
    return Embedding(vector.numpy(), layer)


def explanation(
    inspection: Inspection, method: Method, question: Question, ranked: tuple[Prediction, ...], deadline: float
) -> Explanation:
    """One method's maps for every target of the question. deadline: for slow methods, on the monotonic clock."""
    classifier = inspection.classifier
    indexes = chosen(question, classifier.entry, [prediction.index for prediction in ranked])
    parameters = parameters_of(method, question)
    arguments: dict[str, object] = parameters.model_dump()
    target = directions(indexes, classifier.entry)
    versus = references(question, classifier.entry)
    if versus is not None:
        if method.contrasts:
            arguments["versus"] = versus
        else:
            target = target - versus
    layers = tuple(dict.fromkeys((inspection.layer, *question.layers)))  # the inspection's is the first of them all
    request = MapRequest(method, target, arguments, deadline, layers, question.fusion)
    found = compute_maps(inspection, request)
    by_index = {prediction.index: prediction for prediction in ranked}
    painted = []
    for row, index in enumerate(indexes):
        figures: dict[str, float | None] = {name: values[row] for name, values in found.measures.items()}
        if question.quality:
            figures |= map_quality(inspection, for_one_target(request, row), found.grids[row], index)
        one = _map(inspection, method, question, by_index[index], found.grids[row], found.done)
        painted.append(replace(one, quality=figures or None))
    shown = parameters.model_dump() | ({"versus": list(question.versus)} if question.versus else {})
    fused = len(question.layers) > 1
    shown |= {"fusion": question.fusion} if fused else {}
    return Explanation(method.name, found.layer, shown, NORMALISATION + FUSED * fused, tuple(painted))


def _map(
    inspection: Inspection, method: Method, question: Question, of: Prediction, grid: NDArray[np.float32], done: float
) -> TargetMap:
    geometry, size = inspection.prepared.geometry, inspection.prepared.geometry.size
    painted = Picture("image/png", heatmap_png(grid, size), size, size)
    found = None
    if question.boxes:
        found = tuple(
            Region(geometry.box_to_original((box.left, box.top, box.right, box.bottom)), box.score)
            for box in boxes(upsample(grid, size), method.box_threshold)
        )
    return TargetMap(
        target=Target(of.index, of.label, of.probability),
        grid=grid,
        minimum=float(grid.min()),
        maximum=float(grid.max()),
        empty=not grid.max() > 0,
        region=geometry.region,
        heatmap=painted,
        overlay=_overlay(inspection, method, question, of, grid) if question.overlay else None,
        boxes=found,
        done=done,
    )


def _overlay(
    inspection: Inspection, method: Method, question: Question, of: Prediction, grid: NDArray[np.float32]
) -> Picture:
    if inspection.prepared.preview is None:
        raise ValueError("an overlay needs a preview of the image")
    notice = inspection.classifier.entry.card.notice
    caption = f"{method.title} for {of.label} ({of.probability:.2f}). {notice}"
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
