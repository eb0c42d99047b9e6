"""`fovea collections bias`: the bias report from what a collection kept of its images."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from service.cli.bias import show
from service.cli.configured import settings
from service.cli.looking import HtmlOption, JsonOption, RegistryOption, table_console, told, write
from service.collections.library import Library
from service.collections.reports.asking import Form, bias_of
from service.collections.reports.bias_report import Bias
from service.runtime.answers import Answers


def bias(
    name: Annotated[str, typer.Argument(help="The collection.")],
    as_json: JsonOption = False,
    html: HtmlOption = None,
    registry: RegistryOption = None,
) -> None:
    """Say where a collection's model looks for each class, and whether what decides lies outside the anatomy.

    Read from the maps that were kept, so it takes seconds. `fovea evaluate bias` looks at images themselves.
    """
    forms: tuple[Form, ...] = ("json", "html") if html else ("json",)
    with told():
        figures, *page = asyncio.run(_made(name, forms, registry))
    report = Bias.model_validate_json(figures)
    if as_json:
        typer.echo(report.model_dump_json(indent=2))
    else:
        show(table_console(), report)
    if html:
        write(page[0].decode(), html, as_json)


async def _made(name: str, forms: tuple[Form, ...], registry: Path | None) -> list[bytes]:
    library = Library(Answers(settings(registry=registry)))
    try:
        library.answers.registry.load(library.store.collection(name).model)
        return [await bias_of(library, name, form) for form in forms]
    finally:
        await library.close()
