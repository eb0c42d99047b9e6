"""Refuse what cannot be answered, before any pixel is decoded: unknown names, methods that do not apply, bad values."""

from __future__ import annotations

from pydantic import BaseModel, ValidationError

from service.errors import BadParameter, DoesNotApply
from service.explain.heads import PooledLinear, refuse_unsupported
from service.explain.method import Method
from service.explain.methods import METHODS, method_named
from service.images.picture import COLORMAPS
from service.models.classifier import Classifier
from service.models.stages import INPUT
from service.runtime import activations
from service.runtime.question import Question
from service.runtime.targets import contrast_direction, target_indexes


def validate(question: Question, classifier: Classifier) -> tuple[str, list[Method]]:
    """The layer whose feature maps answer the question, the first of those named, and its methods, each once.

    Raises UnknownName, DoesNotApply or BadParameter with the reason.
    """
    layers = question.layers or (classifier.cut,)
    layer = min(layers, key=classifier.network.place)
    names = dict.fromkeys(question.methods)
    for one in layers[1:]:
        for name in names:
            applicable_method(name, classifier, one)
    methods = [applicable_method(name, classifier, layers[0]) for name in names]
    for method in methods:
        parameters_of(method, question)
    if question.top_k < 1 or (question.top_k_targets is not None and question.top_k_targets < 1):
        raise BadParameter("top_k and top_k_targets count classes; they must be at least 1")
    if question.colormap not in COLORMAPS:
        raise BadParameter(f"there is no colormap {question.colormap[:40]!r}; there are {', '.join(COLORMAPS)}")
    if question.embed:
        classifier.with_vector(layer if question.layers and not question.methods else None)
    if question.unit_request:
        activations.check(classifier, layer, question.unit_request)
    target_indexes(question, classifier.entry, [])
    contrast_direction(question, classifier.entry)
    return layer, methods


def applicable_method(name: str, classifier: Classifier, layer: str) -> Method:
    """A method that applies to this model at this layer. Raises UnknownName, or DoesNotApply that says why."""
    method = method_named(name)
    if reason := obstacle(method, classifier, layer):
        raise DoesNotApply(reason)
    return method


def obstacle(method: Method, classifier: Classifier, layer: str) -> str | None:
    """Why a method cannot explain this model at this layer; None where it can."""
    name = classifier.entry.name
    if (method.reads != "pixels" or method.deep) and not classifier.spatial(layer):
        return classifier.no_map(layer)
    head = classifier.head(INPUT if method.reads == "pixels" else layer)
    if reason := refuse_unsupported(method.title, head, method.known):
        return reason
    if method.head == "pooled-linear" and not isinstance(classifier.head(layer), PooledLinear):
        others = ", ".join(other.name for other in METHODS.values() if other.head == "any")
        return (
            f"{method.title} reads a class's map from the weights of one linear layer behind global average pooling,"
            f" and behind layer {layer!r} model {name!r} has another head; these apply: {others}"
        )
    return None


def parameters_of(method: Method, question: Question) -> BaseModel:
    """The method's own parameters, checked. Raises BadParameter that names the one out of range."""
    known = method.parameters.model_fields
    try:
        return method.parameters.model_validate({k: v for k, v in question.parameters.items() if k in known})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise BadParameter(f"parameter {where!r} of {method.name}: {first['msg']}") from None
