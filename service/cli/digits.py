"""`fovea evaluate digits`: what features are, on handwritten digits: t-SNE of their pixels and of what was learned."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.options import HtmlOption, JsonOption
from service.cli.output import print_line
from service.cli.progress_bars import stage_bar
from service.cli.report_command import Delivery, ReportForms, deliver

if TYPE_CHECKING:
    from service.collections.projections.digits import DigitsExample

SOURCE = "handwritten digits (Alpaydin & Kaynak, UCI 1998), the second half held out"
COLUMNS = ("vectors", "same digit among the nearest", "perplexity", "KL divergence")


def digits(
    picture: Annotated[
        Path | None,
        typer.Option("--picture", "--out", help="Draw both projections to this .png file.", dir_okay=False),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the network and of the projections.")] = 0,
    epochs: Annotated[int, typer.Option(min=1, help="How often the network sees each digit.")] = 80,
    as_json: JsonOption = False,
    html: HtmlOption = None,
) -> None:
    """Train a small network on handwritten digits, and project those it has not seen: pixels and learned features."""
    delivery = Delivery(as_json, html, picture, (".png",))
    delivery.check()
    from service.cli.table_page import drawn, table_page
    from service.collections.projections import digits_picture

    found = _example(seed, epochs)

    def draw(file: Path) -> None:
        file.write_bytes(digits_picture.picture(found))

    rows = [
        (one.vectors, f"{one.purity:.0%}", f"{one.perplexity:g}", f"{one.divergence:.3f}") for one in found.projections
    ]
    forms = ReportForms(
        json=lambda: json.dumps(_figures(found), indent=2),
        show=lambda: _show(found),
        page=lambda *facts: table_page("What are features?", facts, _summary(found), COLUMNS, rows, drawn(draw)),
        save_picture=draw,
    )
    deliver(forms, delivery, SOURCE, "", "")
    if picture is not None:
        print_line(f"{picture}: both projections", stderr=as_json)


def _show(found: DigitsExample) -> None:
    from service.collections.projections.digits_picture import describe

    print_line(_summary(found))
    for projection in found.projections:
        print_line(f"{projection.vectors}: {describe(projection)}")


def _summary(found: DigitsExample) -> str:
    return (
        f"{found.accuracy:.1%} of {len(found.labels)} digits held out are recognised"
        f" (nearest of the {found.training_images} training digits by pixels: {found.nearest_accuracy:.1%})"
    )


def _example(seed: int, epochs: int) -> DigitsExample:
    import torch

    from service.collections.projections.digits import example

    before = torch.get_num_threads()
    torch.set_num_threads(1)  # so small a network is slower on more
    try:
        with stage_bar("starting") as show_stage:
            return example(seed, show_stage, epochs)
    finally:
        torch.set_num_threads(before)


def _figures(found: DigitsExample) -> dict[str, object]:
    projections = [asdict(projection) for projection in found.projections]
    for projection in projections:
        del projection["coordinates"]
    return {
        "held_out": len(found.labels),
        "learned_from": found.training_images,
        "accuracy": found.accuracy,
        "nearest_in_pixels": found.nearest_accuracy,
        "projections": projections,
    }
