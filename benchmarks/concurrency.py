"""Do threads that share one model still get the right maps? Ours, and three libraries', by the same rule.

Every job is one image and one class. Each library answers all jobs alone first, in one thread; then `--threads`
threads answer them at the same time on the same model object, and every map that differs from the library's own
serial answer (by more than 1e-4 after division by its largest magnitude) is wrong. A job that raises is an error.

    python -m benchmarks.concurrency --threads 4 --jobs 240
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
import torchvision
from numpy.typing import NDArray
from torch import Tensor, nn

from service.explain.method import MethodContext
from service.explain.methods import METHODS
from service.models.stages import Network, stages

CLASSES, IMAGES, TOLERANCE = 10, 12, 1e-4
SLOW = {"scorecam", "ScoreCAM", "AblationCAM", "smoothgrad", "integrated-gradients", "occlusion"}
"""Methods that run the network many times a map; they get a twentieth of the jobs."""

Job = tuple[int, int]
Explain = Callable[[Job], NDArray[np.float32]]


@dataclass(frozen=True)
class Shared:
    """The one model that all threads use. x: [IMAGES, 3, size, size]."""

    model: nn.Module
    network: Network
    layer: str
    hooked: nn.Module
    x: Tensor


@dataclass(frozen=True)
class Tally:
    """What became of the jobs. serial, together: seconds for all jobs in one thread, and in all threads."""

    right: int
    wrong: int
    errors: int
    serial: float
    together: float
    problem: str = ""


def shared(size: int) -> Shared:
    """A seeded ResNet-18, which every one of the libraries explains correctly when nobody else uses it."""
    torch.manual_seed(0)
    model = torchvision.models.resnet18(weights=None, num_classes=CLASSES).eval()
    return Shared(model, Network(stages(model)), "layer4", model.layer4, torch.rand(IMAGES, 3, size, size) * 2 - 1)


def fovea(of: Shared) -> Iterator[tuple[str, Explain]]:
    """Every method of ours."""
    features, head = of.network.features(of.layer), of.network.head(of.layer)
    whole = of.network.features(of.network.names[-1])
    forward = torch.no_grad()(of.model.forward)

    def explain(name: str, job: Job) -> NDArray[np.float32]:
        x = of.x[job[0] : job[0] + 1]
        with torch.no_grad():
            A = features(x)
        target = nn.functional.one_hot(torch.tensor([job[1]]), CLASSES).float()
        more = {"context": MethodContext(x, forward, deep=(A, head))} if METHODS[name].reads != "features" else {}
        cut = (x, whole) if METHODS[name].reads == "pixels" else (A, head)
        return METHODS[name].function(*cut, target, **more)[0].numpy()

    for name in METHODS:
        yield name, lambda job, name=name: explain(name, job)


def torchcam(of: Shared) -> Iterator[tuple[str, Explain]]:
    """TorchCAM, one extractor a map, as its documentation shows."""
    import torchcam.methods

    def explain(kind: str, job: Job) -> NDArray[np.float32]:
        more = {"fc_layer": "fc"} if kind == "CAM" else {}
        with getattr(torchcam.methods, kind)(of.model, of.layer, **more) as extractor:
            scores = of.model(of.x[job[0] : job[0] + 1])
            return extractor(job[1], scores, normalized=False)[0][0].detach().numpy()

    for kind in ("CAM", "GradCAM", "GradCAMpp", "XGradCAM", "LayerCAM", "FinerCAM", "ScoreCAM"):
        yield kind, lambda job, kind=kind: explain(kind, job)


def grad_cam(of: Shared) -> Iterator[tuple[str, Explain]]:
    """pytorch-grad-cam, one extractor a map, as its documentation shows."""
    import pytorch_grad_cam
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    def explain(kind: str, job: Job) -> NDArray[np.float32]:
        with getattr(pytorch_grad_cam, kind)(model=of.model, target_layers=[of.hooked]) as extractor:
            return extractor(of.x[job[0] : job[0] + 1], [ClassifierOutputTarget(job[1])])[0]
        raise IndexError("swallowed by the library")

    kinds = ("GradCAM", "GradCAMPlusPlus", "XGradCAM", "HiResCAM", "LayerCAM", "EigenCAM", "AblationCAM", "ScoreCAM")
    for kind in kinds:
        yield kind, lambda job, kind=kind: explain(kind, job)


def captum(of: Shared) -> Iterator[tuple[str, Explain]]:
    """Captum: a layer method, and two that hook or rewrite every module of the model."""
    import captum.attr

    makers = {
        "LayerGradCam": lambda: captum.attr.LayerGradCam(of.model, of.hooked),
        "GuidedBackprop": lambda: captum.attr.GuidedBackprop(of.model),
        "DeepLift": lambda: captum.attr.DeepLift(of.model),
    }

    def explain(kind: str, job: Job) -> NDArray[np.float32]:
        x = of.x[job[0] : job[0] + 1].clone().requires_grad_()
        return makers[kind]().attribute(x, target=job[1])[0].sum(0).detach().numpy()

    for kind in makers:
        yield kind, lambda job, kind=kind: explain(kind, job)


LIBRARIES: dict[str, Callable[[Shared], Iterator[tuple[str, Explain]]]] = {
    "fovea": fovea,
    "torchcam": torchcam,
    "grad-cam": grad_cam,
    "captum": captum,
}


def tally(explain: Explain, jobs: list[Job], threads: int) -> Tally:
    """Answer all jobs alone, then all at once, and compare."""
    start = time.perf_counter()
    alone = [explain(job) for job in jobs]
    serial = time.perf_counter() - start
    barrier = threading.Barrier(threads)
    start = time.perf_counter()
    with ThreadPoolExecutor(threads, initializer=barrier.wait) as pool:
        futures = [pool.submit(explain, job) for job in jobs]
    together = time.perf_counter() - start
    errors = [future.exception() for future in futures if future.exception()]
    answered = [(a, future.result()) for a, future in zip(alone, futures, strict=True) if not future.exception()]
    wrong = sum(not same(*pair) for pair in answered)
    problem = f"{type(errors[0]).__name__}: {str(errors[0]).splitlines()[0][:60]}" if errors else ""
    return Tally(len(answered) - wrong, wrong, len(errors), serial, together, problem)


def same(a: NDArray[np.float32], b: NDArray[np.float32]) -> bool:
    """Whether two maps are equal but for rounding."""
    peak = max(float(np.abs(a).max()), 1e-30)
    return a.shape == b.shape and bool(np.abs(a - b).max() <= TOLERANCE * peak)


def main() -> None:
    """Print a table: right, wrong and failed jobs by library and method, each in a process that may die of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--jobs", type=int, default=240)
    parser.add_argument("--size", type=int, default=64, help="side of the images, in pixels")
    parser.add_argument("--only", nargs="*", choices=LIBRARIES, default=list(LIBRARIES))
    parser.add_argument("--method", help="measure this one alone, in this process, and print JSON")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    if arguments.method:
        print(json.dumps(vars(measured(arguments.only[0], arguments.method, arguments))))
        return
    print(f"{arguments.jobs} maps of a shared ResNet-18, {arguments.threads} threads, torch {torch.__version__}")
    print(f"{'library':<10}{'method':<22}{'right':>7}{'wrong':>7}{'errors':>8}")
    for library in arguments.only:
        for name in [name for name, _ in LIBRARIES[library](shared(arguments.size))]:
            given = ["--only", library, "--method", name, "--threads", arguments.threads, "--jobs", arguments.jobs]
            command = [sys.executable, "-m", "benchmarks.concurrency", *map(str, given), "--size", str(arguments.size)]
            ran = subprocess.run(command, capture_output=True, text=True, check=False)
            if ran.returncode:
                died = f"the process died: {signal.strsignal(-ran.returncode)}" if ran.returncode < 0 else ""
                reason = died or f"fails alone: {ran.stderr.strip().splitlines()[-1][:90]}"
                print(f"{library:<10}{name:<22}  {reason}", flush=True)
                continue
            result = Tally(**json.loads(ran.stdout))
            numbers = f"{result.right:>7}{result.wrong:>7}{result.errors:>8}"
            print(f"{library:<10}{name:<22}{numbers}  {result.problem}", flush=True)


def measured(library: str, name: str, arguments: argparse.Namespace) -> Tally:
    """One method of one library."""
    explain = dict(LIBRARIES[library](shared(arguments.size)))[name]
    count = max(arguments.threads, arguments.jobs // 20) if name in SLOW else arguments.jobs
    jobs = [(i % IMAGES, i % CLASSES) for i in range(count)]
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return tally(explain, jobs, arguments.threads)


if __name__ == "__main__":
    main()
