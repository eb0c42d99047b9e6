"""What every contestant is given: the same weights, the same picture."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import torch
import torchvision
from PIL import Image
from torch import nn

from service.models.weights import read
from service.settings import SHIPPED_REGISTRY

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
ROOT = Path(__file__).parents[1]
CLASSES = 5


def network(name: str = "resnet18", trainable: bool = False) -> nn.Module:
    """A shipped five-class network in plain torch; freshly drawn where its weights are not there.

    trainable: as libraries find it that back-propagate through it.
    """
    torch.manual_seed(0)
    model: nn.Module = torchvision.models.get_model(name, weights=None, num_classes=CLASSES)
    file = SHIPPED_REGISTRY / f"{name}.safetensors"
    if file.exists():
        model.load_state_dict(read(file, hashlib.sha256(file.read_bytes()).hexdigest()))
    return model.eval().requires_grad_(trainable)


def jpeg(side: int = 512) -> bytes:
    """The sample photograph, `side` pixels wide and high, as a JPEG file."""
    picture = Image.open(ROOT / "samples" / "retina.jpg").convert("RGB").resize((side, side))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()
