"""The classes that a question asks about, and their directions in logit space."""

from __future__ import annotations

import torch
from torch import Tensor

from service.errors import UnknownName
from service.models.entry import Entry
from service.models.scores import direction
from service.runtime.question import Question


def class_index(name: str, entry: Entry) -> int:
    """The index of a class, from its label or its index as text. Raises UnknownName, which lists the classes."""
    if name in entry.labels:
        return entry.labels.index(name)
    if name.isascii() and name.isdigit() and int(name) < len(entry.labels):
        return int(name)
    first_labels = ", ".join(entry.labels[:10]) + (", …" if len(entry.labels) > 10 else "")
    raise UnknownName(
        f"model {entry.name!r} has no class {name[:80]!r}; name one of its {len(entry.labels)} labels ({first_labels})"
        f" or an index from 0 to {len(entry.labels) - 1}"
    )


def target_indexes(question: Question, entry: Entry, ranking: list[int]) -> list[int]:
    """Indexes of the classes to explain, each once: those named, then the k most probable; or the most probable.

    ranking: all indexes, most probable first.
    """
    indexes = [class_index(name, entry) for name in question.targets]
    count = question.top_k_targets if question.top_k_targets is not None else int(not indexes)
    return list(dict.fromkeys([*indexes, *ranking[:count]]))


def directions(indexes: list[int], entry: Entry) -> Tensor:
    """The directions [N, K] of these classes in logit space."""
    return torch.stack([direction(index, entry) for index in indexes])


def contrast_direction(question: Question, entry: Entry) -> Tensor | None:
    """The mean direction [1, K] of the classes to contrast with; None if the question names none."""
    if not question.versus:
        return None
    return directions([class_index(name, entry) for name in question.versus], entry).mean(0, keepdim=True)
