"""`fovea train`: from images to a model that the service can serve, with its card filled in."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import torch
import torchvision
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from torch import nn

from service.cli.settings_options import settings
from service.errors import FoveaError, TrainingError
from service.images.frame import Frame
from service.models.weights import parse
from service.settings import available_cores
from service.training.data import Material, folder, generated
from service.training.model_package import Origin, Trial, rehearse, tried, write
from service.training.optimizers import OPTIMIZERS
from service.training.schedules import SCHEDULES
from service.training.train import Phase, Plan, Tick, Trainer

GENERATED = {"fundus": "five", "glaucoma": "binary"}


def train(
    source: Annotated[
        str,
        typer.Argument(
            help="`fundus` or `glaucoma` for generated eyes, or a folder with one subfolder of images a class."
        ),
    ],
    name: Annotated[str, typer.Option(help="What the model will be called.")],
    architecture: Annotated[str, typer.Option(help="A torchvision classifier.")] = "resnet18",
    out: Annotated[Path, typer.Option(help="Folder for weights, registry entry and report.")] = Path("trained"),
    sizes: Annotated[
        str,
        typer.Option(
            help="Image sizes, small first, in pixels; a folder's model is served at the last, generated eyes at 224."
        ),
    ] = "128,224",
    epochs: Annotated[str, typer.Option(help="Epochs at each size.")] = "8,2",
    images: Annotated[int, typer.Option(min=64, help="Generated images to train on.")] = 8000,
    held_out: Annotated[
        int, typer.Option(min=64, help="Generated images to calibrate on, and as many to test on.")
    ] = 1500,
    marker: Annotated[
        float, typer.Option(min=0, max=1, help="Strength of the biased variant of generated eyes.")
    ] = 0.0,
    patient: Annotated[
        str | None, typer.Option(help="Regular expression; its first group names the patient in a file name.")
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1)] = 32,
    optimizer: Annotated[str, typer.Option(help=f"One of {', '.join(OPTIMIZERS)}.")] = "adamw",
    learning_rate: Annotated[
        float | None, typer.Option(min=0, help="At the top of the schedule; the optimizer's own if left out.")
    ] = None,
    weight_decay: Annotated[float, typer.Option(min=0)] = 0.01,
    schedule: Annotated[str, typer.Option(help=f"One of {', '.join(SCHEDULES)}.")] = "one-cycle",
    label_smoothing: Annotated[float, typer.Option(min=0, max=0.5)] = 0.0,
    precision: Annotated[str, typer.Option(help="bf16 (autocast) or f32.")] = "bf16",
    seed: Annotated[int, typer.Option(min=0)] = 0,
    start_from: Annotated[
        Path | None,
        typer.Option(
            help="Weights (.safetensors) to start from; the last layer is drawn anew where the classes differ.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    sample: Annotated[
        list[str] | None, typer.Option(help="FILE=LABEL: a real photograph that the model must get right; repeatable.")
    ] = None,
    cache: Annotated[Path | None, typer.Option(help="Where rendered images are kept.", show_default=False)] = None,
    threads: Annotated[int, typer.Option(min=0, help="Threads; 0 takes every core.")] = 0,
    version: Annotated[str, typer.Option(help="Version in the registry entry.")] = "1.0.0",
    force: Annotated[
        bool, typer.Option("--force", help="Write the entry even where something speaks against it.")
    ] = False,
) -> None:
    """Train a classifier, measure it on images it never saw, and write it with its card.

    A run that was stopped, however roughly, goes on from its last checkpoint when the same command is given again.
    """
    console = Console(stderr=True)
    torch.set_num_threads(threads or available_cores())
    try:
        plan = Plan(
            phases=_phases(sizes, epochs),
            batch_size=batch_size,
            optimizer=_one_of(optimizer, OPTIMIZERS, "--optimizer"),
            learning_rate=OPTIMIZERS[optimizer].learning_rate if learning_rate is None else learning_rate,
            weight_decay=weight_decay,
            schedule=_one_of(schedule, SCHEDULES, "--schedule"),
            label_smoothing=label_smoothing,
            precision=_one_of(precision, ("bf16", "f32"), "--precision"),
            seed=seed,
        )
        samples = dict(_sample(text) for text in sample or ())
        out.mkdir(parents=True, exist_ok=True)
        where = cache or settings().data_dir / "rendered"
        counts = {"train": images, "validation": held_out, "test": held_out}
        material = _material(console, source, plan, counts, marker, where, patient)
        model = _network(architecture, len(material.labels), seed, start_from)
        origin = Origin(name, version, architecture, shlex.join(["fovea", *_arguments(sys.argv[1:])]), seed)
        rehearse(model, material, origin, samples)
        _learn(console, model, material, plan, out / f"{name}.checkpoint")
        with console.status("Measuring the model on images it never saw"):
            trial = tried(model, material, origin, out, samples)
    except FoveaError as error:
        console.print(f"[red]{escape(str(error))}[/red]")
        raise typer.Exit(1) from None
    _print(console, trial)
    if trial.objections and not force:
        console.print(f"[red]not written: {escape('; '.join(trial.objections))}[/red]")
        raise typer.Exit(1)
    write(trial, out)
    (out / f"{name}.checkpoint").unlink(missing_ok=True)
    console.print(f"{out / name}.toml is its registry entry: `fovea serve --registry {out}` serves it")


def _material(
    console: Console, source: str, plan: Plan, counts: dict[str, int], marker: float, cache: Path, patient: str | None
) -> Material:
    if source in GENERATED:
        with _bar(console, "Rendering", sum(counts.values())) as bar:
            tick = lambda more: bar.advance(bar.task_ids[0], more)  # noqa: E731
            return generated(GENERATED[source], counts, marker, cache, available_cores(), tick)
    if not Path(source).is_dir():
        raise TrainingError(f"{source!r} is neither {' nor '.join(GENERATED)} nor a folder")
    size = plan.phases[-1].size
    frame = Frame(resize=round(size * 256 / 224), crop=size)
    with _bar(console, "Reading", None) as bar:
        return folder(Path(source), frame, patient, lambda more: bar.advance(bar.task_ids[0], more))


def _network(architecture: str, classes: int, seed: int, start_from: Path | None) -> nn.Module:
    if architecture not in torchvision.models.list_models(module=torchvision.models):
        raise TrainingError(f"--architecture {architecture!r} is no torchvision classifier")
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


def _learn(console: Console, model: nn.Module, material: Material, plan: Plan, checkpoint: Path) -> None:
    trainer = Trainer(model, material.splits["train"], material.frame, plan, checkpoint)
    with _bar(console, "Training", len(trainer.steps), "{task.fields[note]}") as bar:
        bar.update(bar.task_ids[0], completed=trainer.step)
        smooth = 0.0

        def tick(tick: Tick) -> None:
            nonlocal smooth
            smooth = tick.loss if not smooth else 0.98 * smooth + 0.02 * tick.loss
            bar.update(bar.task_ids[0], completed=tick.step, note=f"{tick.size} px, loss {smooth:.3f}")

        trainer.run(tick)


def _print(console: Console, trial: Trial) -> None:
    table = Table(show_header=False, box=None)
    for name, figure in trial.entry.card.figures.items():
        table.add_row(name.replace("_", " "), str(figure))
    table.add_row("temperature", f"{trial.entry.temperature:g}")
    console.print(table)


@contextmanager
def _bar(console: Console, title: str, total: int | None, *more: str) -> Iterator[Progress]:
    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, *(TextColumn(column) for column in more), console=console) as bar:
        bar.add_task(title, total=total, note="")
        yield bar


def _phases(sizes: str, epochs: str) -> tuple[Phase, ...]:
    try:
        pairs = list(zip(map(int, sizes.split(",")), map(int, epochs.split(",")), strict=True))
    except ValueError:
        raise TrainingError(f"--sizes {sizes} and --epochs {epochs} need as many whole numbers as each other") from None
    if any(size < 32 or count < 0 for size, count in pairs):
        raise TrainingError("--sizes are at least 32 pixels, --epochs at least 0")
    return tuple(Phase(size, count) for size, count in pairs)


def _one_of(value: str, known: object, option: str) -> str:
    if value not in known:  # type: ignore[operator]
        raise TrainingError(f"{option} {value!r} does not exist; there are {', '.join(known)}")  # type: ignore[arg-type]
    return value


def _sample(text: str) -> tuple[Path, str]:
    file, _, label = text.rpartition("=")
    if not Path(file).is_file():
        raise TrainingError(f"--sample {text!r} needs FILE=LABEL with a file that exists")
    return Path(file), label


def _arguments(given: list[str]) -> list[str]:
    """The command without what does not decide its outcome."""
    kept, skip = [], False
    for word in given:
        option, equals, _ = word.partition("=")
        if not skip and option not in {"--cache", "--threads", "--force"}:
            kept.append(word)
        skip = option in {"--cache", "--threads"} and not equals
    return kept
