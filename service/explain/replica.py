"""A private copy of a network for methods that hook its modules: the modules are new, the weights are shared.

Hooks live on modules, so nothing that a method hangs on its replica can ever meet the model that others use. A replica
costs no memory beyond the module objects, and is thrown away with its answer.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn


class Turns(nn.Module):
    """An activation that a network applies several times, as one module a time; methods can tell them apart then."""

    def __init__(self, activation: nn.Module, times: int) -> None:
        super().__init__()
        self.each = nn.ModuleList(copy.deepcopy(activation) for _ in range(times))
        self.turn = 0

    def forward(self, A: Tensor) -> Tensor:
        """Apply the module whose turn it is."""
        module = self.each[self.turn]
        self.turn = (self.turn + 1) % len(self.each)
        activated: Tensor = module(A)
        return activated


def replica(head: nn.Module) -> nn.Module:
    """A copy of the module tree that shares every parameter and buffer; activations are no longer in place."""
    tensors = [*head.parameters(), *head.buffers()]
    copied: nn.Module = copy.deepcopy(head, {id(tensor): tensor for tensor in tensors})
    for module in copied.modules():
        if getattr(module, "inplace", False):
            module.inplace = False  # type: ignore[assignment]
    return copied


def unrolled(head: nn.Module, x: Tensor) -> nn.Module:
    """A replica in which every ReLU is used once a forward: ResNet's blocks, for one, use theirs two or three times.

    x: one input of the head, to count by.
    """
    copied = replica(head)
    uses = dict.fromkeys((module for module in copied.modules() if isinstance(module, nn.ReLU)), 0)

    def count(module: nn.Module, *_: object) -> None:
        uses[module] += 1  # type: ignore[index]

    handles = [module.register_forward_hook(count) for module in uses]
    with torch.no_grad():
        copied(x)
    for handle in handles:
        handle.remove()
    for parent in list(copied.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.ReLU) and uses[child] > 1:
                setattr(parent, name, Turns(child, uses[child]))
    return copied
