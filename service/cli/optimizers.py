"""`fovea evaluate optimizers`: the lecture's table of seven optimizers, measured on a small network."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.options import HtmlOption, JsonOption
from service.cli.output import print_line, print_table
from service.cli.progress_bars import progress_bar
from service.cli.report_command import PLOT_SUFFIXES, Delivery, ReportForms, deliver

if TYPE_CHECKING:
    from service.training.optimizer_comparison import Comparison, OptimizerResult

SOURCE = "898 handwritten digits (Alpaydin & Kaynak, UCI 1998), 899 held out"
FACTS = ("optimizer", "update rule", "strengths", "weaknesses")


def optimizers(
    steps: Annotated[int, typer.Option(min=1, help="Steps of every training.")] = 150,
    target: Annotated[float, typer.Option(min=0, help="Loss whose first step is reported.")] = 0.1,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the network and of the batches.")] = 0,
    as_json: JsonOption = False,
    html: HtmlOption = None,
    picture: Annotated[
        Path | None, typer.Option(help="Draw losses and state to a .png, .jpg, .svg or .pdf file.", dir_okay=False)
    ] = None,
) -> None:
    """Compare seven optimizers: state, tunable numbers, loss after equal steps, steps to a loss.

    Each trains the same small network from the same weights on the same batches of digits, once for each of five
    learning rates; the best is reported. State is counted in bytes in the optimizer itself.
    """
    delivery = Delivery(as_json, html, picture, PLOT_SUFFIXES)
    delivery.check()
    found = _compare(steps, target, seed)
    from service.cli.table_page import drawn, table_page
    from service.training.optimizer_comparison import plot

    columns, rows = _columns(found), [_row(one) for one in found.results]
    caption = f"After {steps} steps of {found.batch_size} digits, each at the best of five learning rates"
    forms = ReportForms(
        json=lambda: json.dumps(_document(found), indent=2, ensure_ascii=False, allow_nan=False),
        show=lambda: _show(found, columns, rows, caption),
        page=lambda *facts: table_page(
            "Seven optimizers compared",
            facts,
            caption,
            (*columns, *FACTS[1:]),
            [(*row, *_facts(one)[1:]) for row, one in zip(rows, found.results, strict=True)],
            drawn(lambda file: plot(found, file)),
        ),
        save_picture=lambda file: plot(found, file),
    )
    deliver(forms, delivery, SOURCE, "", "")
    if picture is not None:
        print_line(f"{picture}: the losses over the steps, and the state", stderr=as_json)


def _compare(steps: int, target: float, seed: int) -> Comparison:
    import torch

    from service.training.optimizer_comparison import compare, trainings

    before = torch.get_num_threads()
    torch.set_num_threads(1)  # so small a network is slower on more
    try:
        with progress_bar("Training", trainings()) as count_done:
            return compare(steps, target, seed, count_done)
    finally:
        torch.set_num_threads(before)


def _show(found: Comparison, columns: tuple[str, ...], rows: list[tuple[str, ...]], caption: str) -> None:
    print_table(columns, rows, caption)
    print_table(FACTS, [_facts(one) for one in found.results])


def _columns(found: Comparison) -> tuple[str, ...]:
    return (
        "optimizer", "state bytes", "per parameter", "tunable", "learning rate", "loss",
        f"steps to loss {found.target:g}", "accuracy held out",
    )  # fmt: skip


def _row(one: OptimizerResult) -> tuple[str, ...]:
    reached = "not reached" if one.steps_to_target is None else str(one.steps_to_target)
    return (
        one.title, f"{one.state_bytes:,}", f"{one.state_bytes / one.parameters:g}",
        f"{len(one.tunable)}: {', '.join(one.tunable)}", f"{one.learning_rate:g}", f"{one.loss:.4f}", reached,
        f"{one.accuracy:.1%}",
    )  # fmt: skip


def _facts(one: OptimizerResult) -> tuple[str, ...]:
    return one.title, "; ".join(one.update), one.strengths, one.weaknesses


def _document(found: Comparison) -> dict[str, object]:
    """The comparison for JSON, with null for a loss that is not finite."""
    document = asdict(found)
    for one in document["results"]:
        one["loss"] = one["loss"] if math.isfinite(one["loss"]) else None
        one["curve"] = [[step, loss if math.isfinite(loss) else None] for step, loss in one["curve"]]
    return document
