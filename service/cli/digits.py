"""`fovea evaluate digits`: what features are, on handwritten digits: t-SNE of their pixels and of what was learned."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from service.cli.evaluation_options import JsonOption, error_exit
from service.errors import BadParameter

if TYPE_CHECKING:
    from service.collections.projections.digits import Example


def digits(
    out: Annotated[Path | None, typer.Option(help="Where to draw both maps, a .png file.", dir_okay=False)] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the network and of the maps.")] = 0,
    epochs: Annotated[int, typer.Option(min=1, help="How often the network sees each digit.")] = 80,
    as_json: JsonOption = False,
) -> None:
    """Train a small network on handwritten digits, and map those it has not seen: pixels beside learned features."""
    from service.collections.projections import digits_picture  # noqa: PLC0415  torch takes seconds

    with error_exit():
        if out is not None and out.suffix.lower() != ".png":
            raise BadParameter(f"--out {out.name}: name a .png file")
        found = _made(seed, epochs)
    if out is not None:
        out.write_bytes(digits_picture.picture(found))
    if as_json:
        typer.echo(json.dumps(_figures(found), indent=2))
        return
    console = Console(soft_wrap=True, highlight=False)
    console.print(f"{found.accuracy:.1%} of {len(found.labels)} digits held out are called by their name")
    console.print(f"(the nearest in pixels among the {found.learned} learned from: {found.nearest:.1%})")
    for view in found.views:
        console.print(f"{view.what}: {digits_picture.told(view)}")
    if out is not None:
        console.print(f"{escape(str(out))}: both maps")


def _made(seed: int, epochs: int) -> Example:
    import torch  # noqa: PLC0415

    from service.collections.projections.digits import example  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # so small a network only loses by more
    try:
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("starting", total=1.0)
            return example(seed, lambda done, stage: bar.update(task, completed=done, description=stage), epochs)
    finally:
        torch.set_num_threads(before)


def _figures(found: Example) -> dict[str, object]:
    views = [{name: value for name, value in asdict(view).items() if name != "coordinates"} for view in found.views]
    return {
        "held_out": len(found.labels),
        "learned_from": found.learned,
        "accuracy": found.accuracy,
        "nearest_in_pixels": found.nearest,
        "maps": views,
    }
