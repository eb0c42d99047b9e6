"""From logits to probabilities, and from a class to its direction in logit space."""

from __future__ import annotations

import torch
from torch import Tensor

from service.models.entry import Entry


def label_logits(logits: Tensor, entry: Entry) -> Tensor:
    """One logit per label, [K] -> [L]. A single logit is that of label 1, and its negative that of label 0."""
    return torch.cat([-logits, logits]) if entry.activation == "single-logit" else logits


def probabilities(logits: Tensor, entry: Entry) -> Tensor:
    """Calibrated probabilities, one per label: [K] -> [L], each 0 to 1; they sum to 1 unless the model is multi-label.

    Logits are divided by the entry's temperature first (Guo 2017).
    """
    scaled = label_logits(logits, entry).double() / entry.temperature
    return scaled.softmax(0) if entry.activation == "softmax" else scaled.sigmoid()


def direction(index: int, entry: Entry) -> Tensor:
    """The direction [K] of a label in logit space: one-hot, or ±1 for a single logit."""
    if entry.activation == "single-logit":
        return torch.tensor([1.0 if index == 1 else -1.0])
    row = torch.zeros(len(entry.labels))
    row[index] = 1.0
    return row
