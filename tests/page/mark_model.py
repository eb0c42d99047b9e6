"""A model with predictable answers and heatmaps: it finds red and green marks, pixel by pixel."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import torch
from torch import Tensor, nn

from service.models.weights import save

LABELS = ("red_mark", "green_mark", "blue_mark", "nothing")
NOTICE = "MADE FOR TESTS, NOT FOR CLINICAL USE"
CROP, RESIZE = 24, 32

ENTRY = """
[models.{name}]
architecture = "tests.page.mark_model:network"
weights = "{name}.safetensors"
sha256 = "{sha256}"
labels = ["red_mark", "green_mark", "blue_mark", "nothing"]
default_layer = "relu"
[models.{name}.frame]
{frame}
mean = [0.0, 0.0, 0.0]
std = [1.0, 1.0, 1.0]
[models.{name}.guard]
limits = [{{ measure = "brightness", minimum = 20.0, reason = "ungradable" }}]
[models.{name}.card]
intended_use = "Finding marks in tests."
do_not_use = "Anything <b>else</b>."
training_data = "None: its weights are written by hand."
licence = "Apache-2.0"
notice = "MADE FOR TESTS, NOT FOR CLINICAL USE"
authors = ["A. Tester"]
references = ["https://example.org/marks"]
[models.{name}.card.figures]
accuracy = 0.875
auc = "0.9 (95 % CI 0.8 to 1.0)"
"""


def network() -> nn.Module:
    """x [N, 3, h, w] -> logits [N, 4]. The channels behind `relu` are where red, green and blue stand out."""
    return nn.Sequential(
        OrderedDict(
            conv=nn.Conv2d(3, 4, 1),
            relu=nn.ReLU(),
            coarse=nn.AvgPool2d(2),
            pool=nn.AdaptiveAvgPool2d(1),
            rectify=nn.ReLU(),  # so that no class activation map exists behind relu
            flatten=nn.Flatten(1),
            fc=nn.Linear(4, 4),
        )
    )


def weights() -> dict[str, Tensor]:
    """Channel k of the convolution is colour k less the mean of the others; class k reads channel k."""
    colours = 1.5 * torch.eye(3) - 0.5
    fc = 400 * torch.eye(4)
    fc[1, 0] = fc[0, 1] = -40.0  # red speaks against green
    return {
        "conv.weight": torch.cat([colours, torch.zeros(1, 3)])[:, :, None, None],
        "conv.bias": torch.tensor([-0.3, -0.3, -0.3, 0.0]),
        "fc.weight": fc,
        "fc.bias": torch.tensor([0.0, 0.0, 0.0, 1.0]),
    }


FRAMES = {
    "marks": f"resize = {RESIZE}\ncrop = {CROP}",
    "again": f"resize = {RESIZE}\ncrop = {CROP}",
    "whole": f"resize = {RESIZE}\ncrop = {RESIZE}",
    "field": f"resize = {RESIZE}\ncrop = {RESIZE}\nfield_of_view = true",
    "letterbox": f'fit = "letterbox"\nsize = [{RESIZE}, {2 * RESIZE}]\nfill = [255, 0, 0]',  # padding like the mark
    "absent": f"resize = {RESIZE}\ncrop = {CROP}",
}
"""Each model, and its frame."""


def write_registry(folder: Path) -> None:
    """Write models that answer, and one without weights."""
    folder.mkdir(parents=True)
    (folder / "default.toml").write_text('default = "marks"\n')
    for name, frame in FRAMES.items():
        sha256 = save(weights(), folder / f"{name}.safetensors")
        (folder / f"{name}.toml").write_text(ENTRY.format(name=name, sha256=sha256, frame=frame))
    (folder / "absent.safetensors").unlink()
