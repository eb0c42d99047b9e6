"""`fovea models filters` and `fovea models activations`: what a network's first and later layers are made of."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from rich.table import Table

from service.cli.evaluation_options import JsonOption, RegistryOption, error_exit, load_model, table_console
from service.cli.settings_options import settings
from service.errors import BadParameter, RefusedImage
from service.images.tint import png, tiles
from service.models.filters import filters as weights_of
from service.models.filters import sheet
from service.models.registry import Registry
from service.runtime.answers import Answers
from service.runtime.question import Question, UnitRequest
from service.runtime.results import Activations, Answer

NameArgument = Annotated[str, typer.Argument(help="A model of the registry.")]
OutOption = Annotated[
    Path | None, typer.Option(help="Where to write: .png a picture, .npy the numbers.", dir_okay=False)
]


def filters(
    name: NameArgument,
    layer: Annotated[str | None, typer.Option(help="A convolution's dotted name; left out, the first one.")] = None,
    out: OutOption = None,
    scale: Annotated[int, typer.Option(min=1, max=64, help="Pixels that one weight is wide in the picture.")] = 8,
    registry: RegistryOption = None,
) -> None:
    """Show what a convolution's filters look like: in colour where they see colours, grey where they see features.

    Each filter is stretched to its own range, so that its pattern shows; brightness does not compare between filters.
    """
    with error_exit():
        found, weights = weights_of(load_model(name, registry).network, layer)
        shape = " × ".join(map(str, weights.shape))
        if out is not None:
            _save(out, weights, lambda: sheet(weights, scale))
    place = f" in {out}" if out else "; --out FILE.png draws them"
    table_console().print(f"{name}, {found}: {shape} weights{place}", highlight=False, soft_wrap=True)


def activations(
    name: NameArgument,
    image: Annotated[Path, typer.Argument(help="The image file.", exists=True, dir_okay=False)],
    layer: Annotated[str | None, typer.Option(help="A layer with maps; the default one if left out.")] = None,
    unit: Annotated[list[int] | None, typer.Option(min=0, help="A unit to show; repeatable.")] = None,
    top: Annotated[int, typer.Option(min=1, max=256, help="How many of the most active, where none is named.")] = 16,
    out: OutOption = None,
    as_json: JsonOption = False,
    registry: RegistryOption = None,
) -> None:
    """Show what single units of a layer make of an image: their feature maps, the most active first."""
    with error_exit():
        answer = _answer(
            image, Question(model=name, layer=layer, unit_request=UnitRequest(tuple(unit or ()), top)), registry
        )
        found = answer.activations
        if found is None:
            raise RefusedImage(f"model {name!r} does not answer for such an image: {', '.join(answer.reasons)}")
        if out is not None:
            grids = [one.grid for one in found.units]
            _save(out, np.stack(grids), lambda: tiles(grids, _captions(found)))
    if as_json:
        units = [vars(one) | {"grid": one.grid.tolist()} for one in found.units]
        typer.echo(json.dumps({"layer": found.layer, "shape": found.shape, "region": found.region, "units": units}))
        return
    table = Table("unit", "largest", "mean", title=f"{found.layer}, {' × '.join(map(str, found.shape))}")
    for one in found.units:
        table.add_row(str(one.unit), f"{one.maximum:.4g}", f"{one.mean:.4g}")
    table_console().print(table)
    if out:
        table_console().print(f"{out}: {len(found.units)} units, each stretched to its own range", highlight=False)


def _answer(image: Path, question: Question, registry: Path | None) -> Answer:
    data = image.read_bytes()
    given = settings(registry=registry)

    async def run() -> Answer:
        answers = Answers(given, Registry(given))
        answers.registry.load(question.model)
        await answers.start(load=False)
        try:
            return await answers.activations(data, question)
        finally:
            await answers.close()

    return asyncio.run(run())


def _save(out: Path, numbers: NDArray[np.float32], draw: Callable[[], NDArray[np.uint8]]) -> None:
    suffix = out.suffix.lower()
    if suffix not in {".png", ".npy"}:
        raise BadParameter(f"--out {out.name}: name a .png file for a picture or a .npy file for the numbers")
    if suffix == ".npy":
        np.save(out, numbers)
    else:
        out.write_bytes(png(draw()))


def _captions(found: Activations) -> list[str]:
    return [f"{one.unit}: {one.maximum:.3g}" for one in found.units]
