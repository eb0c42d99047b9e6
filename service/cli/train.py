"""`fovea train`: from images to a model that the service can serve, with its card filled in."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from service.cli.command_group import FAILED
from service.cli.options import IMAGE_FOLDER, MarkerOption
from service.cli.output import console, facts_table, print_error, print_line
from service.cli.settings_options import settings
from service.training.optimizer_facts import OPTIMIZER_FACTS
from service.training.schedules import SCHEDULES


def train(
    source: Annotated[
        str, typer.Argument(help=f"{IMAGE_FOLDER}, or `fundus` or `glaucoma` for generated fundus images.")
    ],
    name: Annotated[str, typer.Option(help="Name of the new model.")],
    architecture: Annotated[str, typer.Option(help="A torchvision classifier.")] = "resnet18",
    out: Annotated[Path, typer.Option(help="Folder for weights, registry entry and report.")] = Path("trained"),
    sizes: Annotated[
        str,
        typer.Option(
            help="Image sizes in pixels, small first. A model of a folder is served at the last size, one of generated"
            " images at 224."
        ),
    ] = "128,224",
    epochs: Annotated[
        str | None,
        typer.Option(
            help="Epochs at each size; if left out, 8 and 2 at the last size, or more where there are few images.",
            show_default=False,
        ),
    ] = None,
    images: Annotated[int, typer.Option(min=64, help="Generated images to train on.")] = 8000,
    held_out: Annotated[
        int, typer.Option(min=64, help="Generated images to calibrate on, and as many to test on.")
    ] = 1500,
    marker: MarkerOption = 0.0,
    patient: Annotated[
        str | None, typer.Option(help="Regular expression; its first group names the patient in a file name.")
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Images in one step.")] = 32,
    optimizer: Annotated[str, typer.Option(help=f"One of {', '.join(OPTIMIZER_FACTS)}.")] = "adamw",
    learning_rate: Annotated[
        float | None, typer.Option(min=0, help="At the top of the schedule; the optimizer's own if left out.")
    ] = None,
    weight_decay: Annotated[float, typer.Option(min=0, help="How strongly weights are pulled towards 0.")] = 0.01,
    schedule: Annotated[str, typer.Option(help=f"One of {', '.join(SCHEDULES)}.")] = "one-cycle",
    label_smoothing: Annotated[
        float, typer.Option(min=0, max=0.5, help="Probability given to all classes alike in the target.")
    ] = 0.0,
    precision: Annotated[str, typer.Option(help="bf16 (autocast) or f32.")] = "bf16",
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 0,
    start_from: Annotated[
        Path | None,
        typer.Option(
            help="Weights (.safetensors) to start from; the last layer is initialised anew where the classes differ.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    sample: Annotated[
        list[str] | None, typer.Option(help="FILE=LABEL: a real photograph that the model must get right; repeatable.")
    ] = None,
    cache: Annotated[Path | None, typer.Option(help="Folder for generated images.", show_default=False)] = None,
    threads: Annotated[int, typer.Option(min=0, help="Threads; 0 takes every core.")] = 0,
    version: Annotated[str, typer.Option(help="Version in the registry entry.")] = "1.0.0",
    force: Annotated[
        bool, typer.Option("--force", help="Write the entry even where something speaks against it.")
    ] = False,
) -> None:
    """Train a classifier, measure it on images it never saw, and write it with its card.

    An interrupted run resumes from its last checkpoint when the same command is run again.
    """
    cache_folder = cache or settings().data_dir / "rendered"
    from service.cli.training_run import Run, make_plan, parse_sample, repeatable

    plan = make_plan(
        sizes, epochs,
        batch_size=batch_size, optimizer=optimizer, learning_rate=learning_rate, weight_decay=weight_decay,
        schedule=schedule, label_smoothing=label_smoothing, precision=precision, seed=seed,
    )  # fmt: skip
    run = Run(
        source=source,
        name=name,
        version=version,
        architecture=architecture,
        command=repeatable(sys.argv[1:]),
        out=out,
        plan=plan,
        counts={"train": images, "validation": held_out, "test": held_out},
        marker=marker,
        patient=patient,
        start_from=start_from,
        samples=dict(parse_sample(text) for text in sample or ()),
        cache=cache_folder,
        threads=threads,
        few_steps=epochs is not None,
    )
    trial = run.trial()
    figures = [(key.replace("_", " "), str(figure)) for key, figure in trial.entry.card.figures.items()]
    console(stderr=True).print(facts_table([*figures, ("temperature", f"{trial.entry.temperature:g}")]))
    if trial.objections and not force:
        print_error(f"not written: {'; '.join(trial.objections)}")
        raise typer.Exit(FAILED)
    run.write(trial)
    print_line(f"{out / name}.toml is its registry entry: `fovea serve --registry {out}` serves it", stderr=True)
