"""Networks of several families behind frames of every kind: the logits of torchvision's transforms, and whole maps."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torchvision import models
from torchvision import transforms as T  # noqa: N812
from torchvision.models.resnet import BasicBlock

from service.errors import DoesNotApply
from service.explain.method import Method
from service.explain.methods import METHODS
from service.models.classifier import Classifier
from service.models.scores import direction
from service.runtime.batch_inference import InspectedImage, LabelledImage, inspect_all
from service.runtime.inspection import MapRequest, compute_maps
from service.runtime.validation import obstacle
from tests.images.making import scene
from tests.models.brought import classifier
from tests.models.structures import CLASSES
from tests.models.zoo import SMALL_SWIN

PICTURE = (300, 170)
"""Width and height, of another shape than any input."""

HEIGHT, WIDTH = 64, 96


class Tokens(nn.Module):
    """A vision transformer for images of any shape, with a class token and a register."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.patches = nn.Conv2d(channels, 16, 16, 16)
        self.first = nn.Parameter(torch.randn(1, 2, 16))
        self.blocks = nn.Sequential(*(nn.TransformerEncoderLayer(16, 2, 32, 0.0, batch_first=True) for _ in range(2)))
        self.head = nn.Linear(16, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        tokens = torch.cat([self.first.expand(len(x), -1, -1), self.patches(x).flatten(2).transpose(1, 2)], 1)
        return self.head(self.blocks(tokens)[:, 0])


def first_of(build: Callable[[], nn.Module]) -> Callable[[int], nn.Module]:
    """The network with its first convolution made for a number of channels."""

    def built(channels: int) -> nn.Module:
        model = build()
        name, conv = next((name, one) for name, one in model.named_modules() if isinstance(one, nn.Conv2d))
        conv.weight = nn.Parameter(conv.weight[:, :channels].clone())
        conv.in_channels = channels
        assert model.get_submodule(name) is conv
        return model

    return built


NETWORKS: dict[str, Callable[[int], nn.Module]] = {
    "resnet": first_of(lambda: models.ResNet(BasicBlock, [1, 1, 1, 1], num_classes=CLASSES)),
    "densenet": first_of(lambda: models.DenseNet(8, (2, 2, 2, 2), 16, num_classes=CLASSES)),
    "mobilenet": first_of(lambda: models.mobilenet_v3_small(num_classes=CLASSES)),
    "shufflenet": first_of(lambda: models.shufflenet_v2_x0_5(num_classes=CLASSES)),
    "squeezenet": first_of(lambda: models.squeezenet1_1(num_classes=CLASSES)),
    "swin": first_of(lambda: models.SwinTransformer(**(SMALL_SWIN | {"num_classes": CLASSES}))),
    "tokens": Tokens,
}

FITTED = min(WIDTH / PICTURE[0], HEIGHT / PICTURE[1])
FITTED_WIDTH, FITTED_HEIGHT = round(PICTURE[0] * FITTED), round(PICTURE[1] * FITTED)
LEFT, TOP = (WIDTH - FITTED_WIDTH) // 2, (HEIGHT - FITTED_HEIGHT) // 2
MARGINS = [LEFT, TOP, WIDTH - FITTED_WIDTH - LEFT, HEIGHT - FITTED_HEIGHT - TOP]
OVER = PICTURE[0] / FITTED_WIDTH, PICTURE[1] / FITTED_HEIGHT
NUMBERS = T.Compose([T.ToTensor(), T.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))])

FRAMES: dict[str, tuple[dict[str, object], T.Compose, tuple[float, ...]]] = {
    "shorter side": (
        {"resize": 80, "size": [HEIGHT, WIDTH]},
        T.Compose([T.Resize(80), T.CenterCrop((HEIGHT, WIDTH)), NUMBERS]),
        (22 * 300 / 141, 8 * 170 / 80, 118 * 300 / 141, 72 * 170 / 80),
    ),
    "squash": (
        {"fit": "squash", "size": [HEIGHT, WIDTH], "interpolation": "bicubic"},
        T.Compose([T.Resize((HEIGHT, WIDTH), T.InterpolationMode.BICUBIC), NUMBERS]),
        (0, 0, *PICTURE),
    ),
    "letterbox": (
        {"fit": "letterbox", "size": [HEIGHT, WIDTH], "fill": [124, 116, 104]},
        T.Compose([T.Resize((FITTED_HEIGHT, FITTED_WIDTH)), T.Pad(MARGINS, (124, 116, 104)), NUMBERS]),
        (-LEFT * OVER[0], -TOP * OVER[1], (WIDTH - LEFT) * OVER[0], (HEIGHT - TOP) * OVER[1]),
    ),
    "grey of -1024 to 1024": (
        {
            "fit": "squash",
            "size": [HEIGHT, WIDTH],
            "channels": 1,
            "value_range": [-1024, 1024],
            "mean": [0],
            "std": [1],
        },
        T.Compose([T.Resize((HEIGHT, WIDTH)), T.Grayscale(), T.ToTensor(), lambda x: (2 * x - 1) * 1024]),
        (0, 0, *PICTURE),
    ),
}
"""Name -> the frame, what torchvision makes of the picture, and the region by hand."""


def served(
    monkeypatch: pytest.MonkeyPatch, network: str, frame: dict[str, object], engine: str
) -> tuple[nn.Module, Classifier]:
    return classifier(
        monkeypatch, lambda: NETWORKS[network](int(str(frame.get("channels", 3)))), engine=engine, frame=frame
    )


@pytest.mark.parametrize(
    ("network", "frame", "engine"),
    [*itertools.product(NETWORKS, FRAMES, ["torch"]), *itertools.product(["resnet", "tokens"], FRAMES, ["openvino"])],
)
def test_the_logits_are_those_of_torchvisions_transforms(
    network: str, frame: str, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields, transform, region = FRAMES[frame]
    model, found = served(monkeypatch, network, fields, engine)
    assert found.engine.name == engine
    pixels = scene(*PICTURE)
    (seen,) = inspect_all(found, [LabelledImage("", "", pixels)])
    with torch.no_grad():
        expected = model(transform(Image.fromarray(pixels))[None])[0]
    assert float((seen.logits - expected).abs().max()) <= 1e-3 * float(expected.abs().max())
    assert seen.inspection.prepared.geometry.region == pytest.approx(region, abs=1e-6)
    forward = found.forward(seen.inspection.x)[0]
    assert float((forward - expected).abs().max()) <= 1e-3 * float(expected.abs().max())
    for method in METHODS.values():
        if obstacle(method, found, found.cut) is None:
            whole_map(method, seen)


def whole_map(method: Method, seen: InspectedImage) -> None:
    """A map of the shape of the layer, or of the input, with finite numbers."""
    arguments = method.parameters().model_dump() | (
        {"samples": 2} if "samples" in method.parameters.model_fields else {}
    )
    request = MapRequest(method, direction(1, seen.inspection.classifier.entry)[None], arguments, 0.0)
    try:
        grid = compute_maps(seen.inspection, request).grids[0]
    except DoesNotApply:
        return
    maps = seen.inspection.feature_maps
    assert grid.shape == ((HEIGHT, WIDTH) if method.reads == "pixels" else maps.shape[2:]), method.name
    assert np.isfinite(grid).all(), method.name


def test_tokens_lie_where_their_patches_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """A change of one patch changes the tokens in front of the first block at one place of the grid alone."""
    _, found = served(monkeypatch, "tokens", FRAMES["squash"][0], "torch")
    layer = next(name for name in found.maps if len(found.shapes[name]) == 2)
    pixels = np.full((HEIGHT, WIDTH, 3), 100, np.uint8)
    other = pixels.copy()
    other[32:48, 80:96] = 200  # the third row and the sixth column of patches
    plain, changed = (
        one.inspection.feature_maps
        for one in inspect_all(found, [LabelledImage("", "", pixels), LabelledImage("", "", other)], layer=layer)
    )
    difference = (plain - changed).abs().sum(1)[0]
    assert difference.shape == (4, 6)
    assert divmod(int(difference.argmax()), 6) == (2, 5)
