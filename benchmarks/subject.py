"""What every contestant is given: the same weights, the same picture."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import torch
import torchvision
from PIL import Image
from torch import Tensor, nn
from torchvision.transforms import v2

from service.models.weights import read
from service.settings import SHIPPED_REGISTRY

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
ROOT = Path(__file__).parents[1]
CLASSES = 5
FRAMED = v2.Compose(
    [
        v2.PILToTensor(),
        v2.Resize(224),
        v2.CenterCrop(224),
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize(MEAN, STD),
    ]
)


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


def framed(data: bytes) -> Tensor:
    """JPEG -> normalised x [3, 224, 224]."""
    x: Tensor = FRAMED(Image.open(io.BytesIO(data)).convert("RGB"))
    return x


def scores(logits: Tensor) -> list[float]:
    """Probabilities of one image's classes."""
    found: list[float] = logits.softmax(-1).tolist()
    return found
