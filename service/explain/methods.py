"""The one table of explanation methods. Routes, command line, documentation and law tests all read it."""

from __future__ import annotations

from service.explain import activations, contrasts, excitation, gradients, perturbations, pixels
from service.explain.method import Method

METHODS: dict[str, Method] = {
    method.name: method
    for method in sorted(
        (*activations.ROWS, *gradients.ROWS, *perturbations.ROWS, *contrasts.ROWS, *excitation.ROWS, *pixels.ROWS),
        key=lambda method: (method.needs != "pooled-linear", method.needs == "pixels", method.cost != "0", method.name),
    )
}
