"""Private copies of a network, for methods that hook its modules and for tests with other weights.

Hooks live on modules. A method that hooks a copy therefore never affects the model that other requests use. A copy
that shares its weights costs no memory beyond the module objects, and is dropped with the answer.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from service.explain.heads import PooledLinear


def shared_copy(module: nn.Module) -> nn.Module:
    """A copy of the module tree that shares every parameter and buffer; its activations are not in place."""
    return _copied(module, {})


def shuffled_copy(module: nn.Module, seed: int = 0) -> nn.Module:
    """A copy with every weight matrix and kernel shuffled within itself: the same sizes, nothing learned.

    Biases, normalisation and buffers are shared, and the module itself stays as it is.
    """
    generator = torch.Generator().manual_seed(seed)
    weights: list[Tensor] = [weight for weight in module.parameters() if weight.dim() > 1]
    weights += [part.weight for part in module.modules() if isinstance(part, PooledLinear)]
    return _copied(module, {id(weight): _shuffled(weight, generator) for weight in weights})


def unrolled_copy(module: nn.Module, x: Tensor) -> nn.Module:
    """A shared copy in which each ReLU runs once per forward: ResNet's blocks, for one, use theirs two or three times.

    x: one input of the module, to count by.
    """
    copied = shared_copy(module)
    uses = dict.fromkeys((part for part in copied.modules() if isinstance(part, nn.ReLU)), 0)

    def count(part: nn.Module, *_: object) -> None:
        uses[part] += 1  # type: ignore[index]

    handles = [part.register_forward_hook(count) for part in uses]
    with torch.no_grad():
        copied(x)
    for handle in handles:
        handle.remove()
    for parent in list(copied.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.ReLU) and uses[child] > 1:
                setattr(parent, name, UnrolledActivation(child, uses[child]))
    return copied


class UnrolledActivation(nn.Module):
    """An activation that a network applies several times, as one module per use, so that hooks tell them apart."""

    def __init__(self, activation: nn.Module, times: int) -> None:
        super().__init__()
        self.each = nn.ModuleList(copy.deepcopy(activation) for _ in range(times))
        self.next = 0

    def forward(self, A: Tensor) -> Tensor:
        """Apply the next of the modules."""
        module = self.each[self.next]
        self.next = (self.next + 1) % len(self.each)
        activated: Tensor = module(A)
        return activated


def _copied(module: nn.Module, replaced: dict[int, Tensor]) -> nn.Module:
    """A copy that shares its tensors, but for those replaced, which are named by their id."""
    shared = {id(tensor): tensor for tensor in (*module.parameters(), *module.buffers())}
    copied: nn.Module = copy.deepcopy(module, {**shared, **replaced})
    for part in copied.modules():
        if getattr(part, "inplace", False):
            part.inplace = False  # type: ignore[assignment]
    return copied


def _shuffled(weight: Tensor, generator: torch.Generator) -> Tensor:
    order = torch.randperm(weight.numel(), generator=generator)
    shuffled = weight.detach().flatten()[order].view_as(weight)
    return nn.Parameter(shuffled, requires_grad=False) if isinstance(weight, nn.Parameter) else shuffled
