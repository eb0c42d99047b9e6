"""The one table of explanation methods. Routes, command line, documentation and law tests all read it."""

from __future__ import annotations

from service.errors import UnknownName
from service.explain import activations, contrasts, excitation, gradients, perturbations, pixels
from service.explain.method import Method

METHODS: dict[str, Method] = {
    method.name: method
    for method in sorted(
        (*activations.ROWS, *gradients.ROWS, *perturbations.ROWS, *contrasts.ROWS, *excitation.ROWS, *pixels.ROWS),
        key=lambda method: (method.head == "any", method.reads == "pixels", not method.cheap, method.name),
    )
}


def method_named(name: str) -> Method:
    """A row of the table. Raises UnknownName, which lists all methods."""
    if name not in METHODS:
        raise UnknownName(f"there is no method {name[:80]!r}; the methods are {', '.join(METHODS)}")
    return METHODS[name]
