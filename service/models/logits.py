"""Ask a network as it is: whatever its forward calls the images, and whatever it wraps its logits in."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

IMAGES = ("pixel_values", "images", "image", "x")
"""What parameters for images are called, where they can only be given by name."""


class UnclearOutputError(Exception):
    """The network's output has no tensor that is clearly its logits; the text says what it has."""


class LogitsOf:
    """A network as a function: x [N, C, H, W] -> logits [N, outputs].

    Opens dictionaries, named tuples, dataclasses such as Hugging Face's `ModelOutput`, and tuples. Raises
    UnclearOutputError where none or several of their tensors could be the logits, and what the network raises.
    """

    def __init__(self, model: nn.Module, outputs: int) -> None:
        self.model, self.outputs = model, outputs
        self._name = _parameter(model)

    def __call__(self, x: Tensor) -> Tensor:
        """The logits of a batch."""
        output = self.model(**{self._name: x}) if self._name else self.model(x)
        logits = found(output, self.outputs)
        if logits.dim() != 2 and logits.numel() == x.shape[0] * self.outputs:
            return logits.reshape(x.shape[0], self.outputs)  # axes of length 1, or squeezed away
        return logits


def _parameter(model: nn.Module) -> str | None:
    """By which name images are passed; None: as the first argument."""
    try:
        parameters = inspect.signature(model.forward).parameters
    except (TypeError, ValueError):
        return None
    if "pixel_values" in parameters:
        return "pixel_values"
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if any(one.kind in (*positional, inspect.Parameter.VAR_POSITIONAL) for one in parameters.values()):
        return None
    return next((name for name in IMAGES if name in parameters), None)


def found(output: Any, outputs: int) -> Tensor:
    """The tensor of a network's output that is its logits. Raises UnclearOutputError where that is not clear."""
    if isinstance(output, Tensor):
        return output
    parts = _parts(output)
    if isinstance(parts.get("logits"), Tensor):
        return parts["logits"]  # type: ignore[no-any-return]
    tensors = {name: part for name, part in parts.items() if isinstance(part, Tensor)}
    fitting = [part for part in tensors.values() if part.dim() == 2 and part.shape[1] == outputs]
    if len(fitting) == 1:
        return fitting[0]
    if len(tensors) == 1 and not fitting:
        return next(iter(tensors.values()))
    shapes = ", ".join(f"{name}: {' x '.join(map(str, part.shape))}" for name, part in tensors.items())
    raise UnclearOutputError(
        f"the network gives a {type(output).__name__} with {len(fitting) or 'none'} of its tensors of shape"
        f" [images, {outputs}] ({shapes or 'no tensors'}); let it return its logits alone, or under the name `logits`"
    )


def _parts(output: Any) -> dict[str, Any]:
    if isinstance(output, Mapping):
        return {str(key): value for key, value in output.items()}
    if hasattr(output, "_asdict"):
        return dict(output._asdict())
    if dataclasses.is_dataclass(output):
        return {field.name: getattr(output, field.name) for field in dataclasses.fields(output)}
    if isinstance(output, (tuple, list)):
        return {str(index): value for index, value in enumerate(output)}
    return dict(vars(output)) if hasattr(output, "__dict__") else {}
