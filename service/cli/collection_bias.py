"""`fovea collections bias`: the bias report from what a collection kept of its images."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from service.cli.bias import show
from service.cli.evaluation_options import HtmlOption, JsonOption, RegistryOption, error_exit, table_console, write
from service.cli.settings_options import settings
from service.collections.collection import Item
from service.collections.library import Library
from service.models.classifier import Classifier
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
    from service.collections.reports.bias_page import page  # noqa: PLC0415
    from service.collections.reports.stored_evidence import judged  # noqa: PLC0415  scipy's statistics take a while to import

    with error_exit():
        classifier, items = asyncio.run(_kept(name, registry))
        entry = classifier.entry
        report, recalled = judged(items, entry.labels, entry.rivals)
    if as_json:
        typer.echo(report.model_dump_json(indent=2))
    else:
        show(table_console(), report)
    if html:
        source = f"the collection {name}"
        write(page(report, source, classifier.title, entry.card.notice, recalled.backgrounds), html, as_json)


async def _kept(name: str, registry: Path | None) -> tuple[Classifier, list[Item]]:
    library = Library(Answers(settings(registry=registry)))
    try:
        library.answers.registry.load(library.store.collection(name).model)
        _, classifier = await library.opened(name)
        return classifier, [item for _, item in library.store.looks(name)]
    finally:
        await library.close()
