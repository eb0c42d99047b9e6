"""One image, one method, no server: ours beside torchcam, pytorch-grad-cam and captum, in turns."""

from __future__ import annotations

import contextlib
import io
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.subject import CLASSES, MEAN, STD, network
from service.engines.choice import BUILDERS, has_bf16
from service.engines.engine import Engine, Plan
from service.engines.torch import normalised
from service.explain.activations import cam
from service.explain.gradients import gradcam, layercam
from service.explain.method import MethodContext
from service.explain.methods import METHODS
from service.explain.perturbations import scorecam
from service.models.stages import Network, stages

Row = Callable[[], object]
LAYERS = {"resnet18": ("layer4", "layer4"), "densenet121": ("relu", "features.norm5")}
"""Our cut, and the module that hook libraries look at."""

FOUR = (cam, gradcam, layercam, METHODS["hirescam"].function)


@dataclass(frozen=True)
class Subject:
    """A network cut in two, with an image. x: uint8 [1, side, side, 3]."""

    name: str
    cuts: Network
    x: Tensor

    @property
    def cut(self) -> str:
        """The last map."""
        return LAYERS[self.name][0]

    def engine(self, kind: str, precision: str) -> Engine:
        """One of ours, with every core."""
        side = self.x.shape[1]
        return BUILDERS[kind](Plan(self.cuts.features, self.cut, (side, side), MEAN, STD), precision)


def subject(name: str, side: int = 224, classes: int = CLASSES) -> Subject:
    """A shipped network, or with another number of classes a fresh last layer, and a seeded picture."""
    model = network(name)
    if classes != CLASSES:
        last = "fc" if name == "resnet18" else "classifier"
        setattr(model, last, nn.Linear(model.get_submodule(last).in_features, classes).requires_grad_(False))
    x = torch.randint(0, 256, (1, side, side, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    return Subject(name, Network(stages(model)), x)


def in_turns(rows: Mapping[str, Row], rounds: int) -> dict[str, float]:
    """The median milliseconds of each row; every round runs each of them once."""
    spent: dict[str, list[float]] = {name: [] for name in rows}
    for turn in range(rounds + 1):
        for name, row in rows.items():
            begun = time.perf_counter()
            row()
            if turn:  # the first warms up
                spent[name].append(1000 * (time.perf_counter() - begun))
    return {name: round(statistics.median(values), 3) for name, values in spent.items()}


def precisions() -> list[str]:
    """Those that this machine computes in."""
    return ["f32", "bf16"] if has_bf16() else ["f32"]


def ours(of: Subject) -> dict[str, Row]:
    """A forward, Grad-CAM, and five classes by four methods, on each engine."""
    head, one = of.cuts.head(of.cut), torch.eye(CLASSES)[:1]
    rows: dict[str, Row] = {}
    for kind, precision in [("torch", "f32"), *(("openvino", precision) for precision in precisions())]:
        engine = of.engine(kind, precision)

        def forward(engine: Engine = engine) -> Tensor:
            return engine.features(of.x, of.cut)

        def explain(forward: Callable[[], Tensor] = forward) -> Tensor:
            return gradcam(forward(), head, one)

        def many(forward: Callable[[], Tensor] = forward) -> list[Tensor]:
            A = forward()
            return [method(A, head, torch.eye(CLASSES)) for method in FOUR]

        rows |= {f"{kind} {precision} forward": forward, f"{kind} {precision} gradcam": explain}
        rows[f"{kind} {precision} 5 classes x 4 methods"] = many
    return rows


def peers(of: Subject) -> dict[str, Row]:
    """The same map by the hook libraries, each as its documentation has it."""
    from captum.attr import LayerGradCam
    from pytorch_grad_cam import GradCAM
    from torchcam.methods import GradCAM as TorchCam

    layer = LAYERS[of.name][1]
    plain, trainable, hooked = (network(of.name, trainable=kind) for kind in (True, True, True))
    theirs = TorchCam(hooked, layer)
    method = GradCAM(model=trainable, target_layers=[trainable.get_submodule(layer)])
    captum = LayerGradCam(plain, plain.get_submodule(layer))

    def torchcam() -> Any:
        x = normalised(of.x, MEAN, STD).requires_grad_()
        return theirs(0, hooked(x))

    return {
        "torchcam GradCAM": torchcam,
        "pytorch-grad-cam GradCAM": lambda: method(input_tensor=normalised(of.x, MEAN, STD), targets=None),
        "captum LayerGradCam": lambda: captum.attribute(normalised(of.x, MEAN, STD), target=0),
    }


def score_cams(of: Subject) -> dict[str, Row]:
    """Score-CAM over every feature map: one forward each. Every network has seen an image before, ours is compiled."""
    from pytorch_grad_cam import ScoreCAM

    model = network(of.name, trainable=True)
    theirs = ScoreCAM(model=model, target_layers=[model.get_submodule(LAYERS[of.name][1])])
    head, x = of.cuts.head(of.cut), normalised(of.x, MEAN, STD)

    def peer() -> Any:
        with contextlib.redirect_stderr(io.StringIO()):  # its progress bar
            return theirs(input_tensor=x, targets=None)

    model(x)
    rows: dict[str, Row] = {"pytorch-grad-cam ScoreCAM": peer}
    for precision in precisions():
        engine = of.engine("openvino", precision)
        engine.forward(x, of.cut)

        def again(engine: Engine = engine) -> Tensor:
            context = MethodContext(x, lambda masked: head(engine.forward(masked, of.cut)))
            return scorecam(engine.features(of.x, of.cut), head, torch.eye(CLASSES)[:1], context)

        rows[f"openvino {precision} scorecam"] = again
    return rows


def library(quick: bool) -> dict[str, dict[str, float]]:
    """Milliseconds by network and row."""
    found: dict[str, dict[str, float]] = {}
    for name in ("resnet18", "densenet121"):
        of = subject(name)
        found[name] = in_turns(ours(of) | peers(of), 3 if quick else 30)
    found["resnet18 Score-CAM"] = _once(score_cams(subject("resnet18")))
    return found


def scaling(quick: bool) -> dict[str, dict[str, float]]:
    """Milliseconds an image, as one thing grows; Grad-CAM on OpenVINO with ResNet-18."""
    rounds = 3 if quick else 15
    found: dict[str, dict[str, float]] = {}
    for precision in precisions():
        sizes = {f"{side} px": _explaining(subject("resnet18", side), precision) for side in (112, 224, 448)}
        found[f"image size, {precision}"] = in_turns(sizes, rounds)
        of = subject("resnet18")
        engine = of.engine("openvino", precision)
        stacks = {n: of.x.repeat(n, 1, 1, 1) for n in (1, 2, 4, 8, 16)}
        spent = in_turns({str(n): _features(engine, x, of.cut) for n, x in stacks.items()}, rounds)
        found[f"batch, {precision}"] = {f"{n} images": round(ms / int(n), 3) for n, ms in spent.items()}
        counts = {f"{k} classes": _explaining(subject("resnet18", classes=k), precision, k) for k in (5, 100, 1000)}
        found[f"classes, all explained, {precision}"] = in_turns(counts, rounds)
    return found


def _features(engine: Engine, x: Tensor, cut: str) -> Row:
    return lambda: engine.features(x, cut)


def _explaining(of: Subject, precision: str, classes: int = 1) -> Row:
    engine, head = of.engine("openvino", precision), of.cuts.head(of.cut)
    width = head(torch.zeros(1, *of.cuts.shapes(of.x.shape[1])[of.cut])).shape[1]
    return lambda: gradcam(engine.features(of.x, of.cut), head, torch.eye(width)[:classes])


def _once(rows: Mapping[str, Row]) -> dict[str, float]:
    spent = {}
    for name, row in rows.items():
        begun = time.perf_counter()
        row()
        spent[name] = round(1000 * (time.perf_counter() - begun), 1)
    return spent


def scratch() -> Path:
    """A folder for compiled networks that goes with the machine's other temporary files."""
    return Path(tempfile.mkdtemp(prefix="fovea-benchmark-"))
