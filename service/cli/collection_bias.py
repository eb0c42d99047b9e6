"""`fovea collections bias`: the bias report from the maps that a collection stores."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from service.cli.bias import show
from service.cli.options import CollectionArgument, HtmlOption, JsonOption, PictureOption, RegistryOption
from service.cli.output import write_picture
from service.cli.report_command import Delivery, ReportForms, deliver
from service.cli.settings_options import settings

if TYPE_CHECKING:
    from service.collections.collection import Item
    from service.models.classifier import Classifier


def bias(
    name: CollectionArgument,
    as_json: JsonOption = False,
    html: HtmlOption = None,
    picture: PictureOption = None,
    registry: RegistryOption = None,
) -> None:
    """Report where a collection's model looks for each class, and whether what decides lies outside the anatomy.

    The report is computed from stored maps, so it takes seconds. `fovea evaluate bias` computes maps of a folder.
    """
    delivery = Delivery(as_json, html, picture)
    delivery.check()
    classifier, items = asyncio.run(_stored(name, registry))
    from service.collections.reports import bias_page
    from service.collections.reports.stored_evidence import report_on_items

    entry = classifier.entry
    report, evidence = report_on_items(items, entry.labels, entry.rivals)
    forms = ReportForms(
        json=lambda: report.model_dump_json(indent=2),
        show=lambda: show(report),
        page=lambda source, model, notice: bias_page.page(report, source, model, notice, evidence.backgrounds),
        save_picture=lambda file: write_picture(bias_page.picture(report, evidence.backgrounds), file),
    )
    deliver(forms, delivery, f"the collection {name}", classifier.title, entry.card.notice)


async def _stored(name: str, registry: Path | None) -> tuple[Classifier, list[Item]]:
    given = settings(registry=registry)
    from service.collections.library import Library
    from service.runtime.inference_service import InferenceService

    library = Library(InferenceService(given))
    try:
        library.answers.registry.load((await library.collection(name)).collection.model)
        _, classifier = await library.open_collection(name)
        items = await library.with_store(lambda store: [item for _, item in store.items.without_pictures(name)])
        return classifier, items
    finally:
        await library.close()
