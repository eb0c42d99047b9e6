"""Which classes a question asks about."""

from __future__ import annotations

import torch
from torch import Tensor

from service.errors import UnknownName
from service.models.entry import Entry
from service.models.scores import direction
from service.runtime.question import Question


def find(name: str, entry: Entry) -> int:
    """The index of a class named by label or by index. Raises UnknownName that lists what there is."""
    if name in entry.labels:
        return entry.labels.index(name)
    if name.isascii() and name.isdigit() and int(name) < len(entry.labels):
        return int(name)
    few = ", ".join(entry.labels[:10]) + (", …" if len(entry.labels) > 10 else "")
    raise UnknownName(
        f"model {entry.name!r} has no class {name[:80]!r}; name one of its {len(entry.labels)} labels ({few})"
        f" or an index from 0 to {len(entry.labels) - 1}"
    )


def chosen(question: Question, entry: Entry, ranking: list[int]) -> list[int]:
    """Indexes of the classes to explain, without repetition: those named, then the k likeliest, or the likeliest.

    ranking: all indexes, likeliest first.
    """
    indexes = [find(name, entry) for name in question.targets]
    likeliest = question.top_k_targets if question.top_k_targets is not None else int(not indexes)
    return list(dict.fromkeys([*indexes, *ranking[:likeliest]]))


def directions(indexes: list[int], entry: Entry) -> Tensor:
    """The rows [N, K] along which these classes' logits are read."""
    return torch.stack([direction(index, entry) for index in indexes])


def references(question: Question, entry: Entry) -> Tensor | None:
    """The mean direction [1, K] of the classes to contrast with; None where none is named."""
    if not question.versus:
        return None
    return directions([find(name, entry) for name in question.versus], entry).mean(0, keepdim=True)
