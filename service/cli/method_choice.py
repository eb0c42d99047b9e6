"""Which explanation methods a command compares."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from service.errors import DoesNotApply
from service.explain.method import Method
from service.explain.methods import METHODS
from service.explain.tokens import spatial
from service.models.classifier import Classifier
from service.models.scores import direction
from service.runtime.validation import applicable_method, obstacle


def chosen_methods(names: Sequence[str] | None, classifier: Classifier, layer: str | None) -> list[Method]:
    """Those named, or every method that needs no further forward pass and applies. Raises UnknownName, DoesNotApply."""
    cut = layer or classifier.cut
    classifier.network.place(cut)
    if names:
        return [applicable_method(name, classifier, cut) for name in names]
    fast = [method for method in METHODS.values() if method.cheap]
    return [
        method for method in fast if obstacle(method, classifier, cut) is None and _applies(method, classifier, cut)
    ]


def _applies(method: Method, classifier: Classifier, layer: str) -> bool:
    """Some methods know only from the head's own modules whether they can pass through it."""
    A = torch.ones(1, *classifier.shapes[layer])
    try:
        A, head = spatial(A, classifier.head(layer), classifier.entry.frame.shape)
        method.function(A, head, direction(0, classifier.entry)[None])
    except DoesNotApply:
        return False
    return True
