"""One training run of the command line: images, network, training with a bar, and the measured result."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torchvision
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch import nn

from service.cli.progress_bars import progress_bar, spinner
from service.errors import BadParameter, TrainingError
from service.images.frame import Frame
from service.models.weights import parse
from service.settings import available_cores
from service.training.data import Material, folder, generated
from service.training.model_package import Origin, Trial, rehearse, tried, write
from service.training.optimizers import OPTIMIZERS
from service.training.schedules import SCHEDULES
from service.training.train import Phase, Plan, Tick, Trainer

GENERATED = {"fundus": "five", "glaucoma": "binary"}
LEAST_STEPS = 200
"""Of training on a folder with few images."""

PRECISIONS = ("bf16", "f32")
WITHOUT_EFFECT = {"--cache": True, "--threads": True, "--force": False}
"""Options that do not decide the outcome of a run, and whether a value follows."""


@dataclass(frozen=True)
class Run:
    """What to train, on what, and where the result goes: the options of `fovea train`.

    few_steps: whether the plan is followed even where it has fewer than `LEAST_STEPS` steps.
    """

    source: str
    name: str
    version: str
    architecture: str
    command: str
    out: Path
    plan: Plan
    counts: Mapping[str, int]
    marker: float
    patient: str | None
    start_from: Path | None
    samples: Mapping[Path, str]
    cache: Path
    threads: int
    few_steps: bool

    def trial(self) -> Trial:
        """Train, and measure the result on images it never saw. Raises TrainingError, BadParameter."""
        torch.set_num_threads(self.threads or available_cores())
        self.out.mkdir(parents=True, exist_ok=True)
        material = self._material()
        model = _network(self.architecture, len(material.labels), self.plan.seed, self.start_from)
        origin = Origin(self.name, self.version, self.architecture, self.command, self.plan.seed)
        rehearse(model, material, origin, self.samples)
        plan = (
            self.plan if self.few_steps else self.plan.with_at_least(LEAST_STEPS, len(material.splits["train"].classes))
        )
        _learn(model, material, plan, self._checkpoint)
        with spinner("Measuring the model on images it never saw"):
            return tried(model, material, origin, self.out, self.samples)

    def write(self, trial: Trial) -> None:
        """Write weights, registry entry and report, and remove the checkpoint."""
        write(trial, self.out)
        self._checkpoint.unlink(missing_ok=True)

    @property
    def _checkpoint(self) -> Path:
        return self.out / f"{self.name}.checkpoint"

    def _material(self) -> Material:
        if self.source in GENERATED:
            with progress_bar("Generating", sum(self.counts.values())) as count_done:
                kind = GENERATED[self.source]
                return generated(kind, dict(self.counts), self.marker, self.cache, available_cores(), count_done)
        if not Path(self.source).is_dir():
            raise BadParameter(f"{self.source!r} is neither {' nor '.join(GENERATED)} nor a folder")
        size = self.plan.phases[-1].size
        frame = Frame(resize=round(size * 256 / 224), crop=size)
        open_bar = partial(progress_bar, "Reading")
        return folder(Path(self.source), frame, self.patient, self.plan.seed, self.plan.batch_size, open_bar)


def make_plan(sizes: str, epochs: str | None, *, learning_rate: float | None, **options: Any) -> Plan:
    """A plan from the words of the command line. Raises BadParameter that names the option."""
    _check_one_of(options["optimizer"], OPTIMIZERS, "--optimizer")
    _check_one_of(options["schedule"], SCHEDULES, "--schedule")
    _check_one_of(options["precision"], PRECISIONS, "--precision")
    rate = OPTIMIZERS[options["optimizer"]].learning_rate if learning_rate is None else learning_rate
    return Plan(phases=_phases(sizes, epochs), learning_rate=rate, **options)


def parse_sample(text: str) -> tuple[Path, str]:
    """FILE=LABEL -> the file and the label. Raises BadParameter."""
    file, _, label = text.rpartition("=")
    if not Path(file).is_file():
        raise BadParameter(f"--sample {text!r} needs FILE=LABEL with a file that exists")
    return Path(file), label


def repeatable(arguments: list[str]) -> str:
    """The command line without the options that do not decide its outcome."""
    kept, skip = ["fovea"], False
    for word in arguments:
        option, equals, _ = word.partition("=")
        if not skip and option not in WITHOUT_EFFECT:
            kept.append(word)
        skip = not skip and WITHOUT_EFFECT.get(option, False) and not equals
    return shlex.join(kept)


def _network(architecture: str, classes: int, seed: int, start_from: Path | None) -> nn.Module:
    if architecture not in torchvision.models.list_models(module=torchvision.models):
        raise BadParameter(f"--architecture {architecture!r} is no torchvision classifier")
    torch.manual_seed(seed)
    model: nn.Module = torchvision.models.get_model(architecture, weights=None, num_classes=classes)
    if start_from is not None:
        given = parse(start_from.read_bytes(), start_from.name)
        own = model.state_dict()
        fitting = {name: tensor for name, tensor in given.items() if name in own and own[name].shape == tensor.shape}
        if len(fitting) < len(own) - 2:
            raise TrainingError(f"{start_from} holds another architecture than {architecture}")
        model.load_state_dict(own | fitting)
    return model


def _learn(model: nn.Module, material: Material, plan: Plan, checkpoint: Path) -> None:
    trainer = Trainer(model, material.splits["train"], material.frame, plan, checkpoint)
    smooth = 0.0
    with _training_bar(len(trainer.steps), trainer.step) as show:

        def tick(tick: Tick) -> None:
            nonlocal smooth
            smooth = tick.loss if not smooth else 0.98 * smooth + 0.02 * tick.loss
            show(tick.step, f"{tick.size} px, loss {smooth:.3f}")

        trainer.run(tick)


@contextmanager
def _training_bar(steps: int, done: int) -> Iterator[Any]:
    columns = (
        TextColumn("Training"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("Training", total=steps, completed=done, note="")
        yield lambda step, note: bar.update(task, completed=step, note=note)


def _phases(sizes: str, epochs: str | None) -> tuple[Phase, ...]:
    words = sizes.split(",")
    given = ["8"] * (len(words) - 1) + ["2" if len(words) > 1 else "10"] if epochs is None else epochs.split(",")
    try:
        pairs = list(zip(map(int, words), map(int, given), strict=True))
    except ValueError:
        raise BadParameter(f"--sizes {sizes} and --epochs {epochs} must be whole numbers, as many of both") from None
    if any(size < 32 or count < 0 for size, count in pairs):
        raise BadParameter("--sizes must be at least 32 pixels, --epochs at least 0")
    return tuple(Phase(size, count) for size, count in pairs)


def _check_one_of(value: str, known: Mapping[str, Any] | tuple[str, ...], option: str) -> None:
    if value not in known:
        raise BadParameter(f"{option} {value!r} does not exist; there are {', '.join(known)}")
