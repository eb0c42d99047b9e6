"""`fovea evaluate localisation`: how well the maps of each method find what they should."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.image_source import image_source
from service.cli.model_loading import load_model
from service.cli.options import (
    FolderArgument,
    HtmlOption,
    ImagesOption,
    JsonOption,
    MethodsOption,
    RegistryOption,
    SpatialLayerOption,
)
from service.cli.output import print_table
from service.cli.progress_bars import progress_bar
from service.cli.report_command import Delivery, ReportForms, counted, deliver

if TYPE_CHECKING:
    from service.training.localisation import Score

COLUMNS = ("model", "method", "images", "class-1", "class-5", "place-1", "place-5", "pointing", "energy")
CAPTION = "classification and localisation error (top-1, top-5), pointing game and energy inside the mask, all in %"


def localisation(
    folder: FolderArgument = None,
    model: Annotated[list[str] | None, typer.Option("--model", help="A model of the registry; repeatable.")] = None,
    method: MethodsOption = None,
    layer: SpatialLayerOption = None,
    images: ImagesOption = 200,
    as_json: JsonOption = False,
    html: HtmlOption = None,
    registry: RegistryOption = None,
) -> None:
    """Measure how well maps find what they should: localisation error, pointing game, energy inside the mask.

    In a folder, boxes.csv (file,left,top,right,bottom) or NAME.mask.png beside an image marks what to find.
    """
    delivery = Delivery(as_json, html)
    delivery.check()
    classifiers = [load_model(name, registry) for name in model or (None,)]
    from service.cli.method_choice import chosen_methods
    from service.cli.table_page import table_page
    from service.training.localisation import localise

    scores, sources = list["Score"](), list[str]()
    for classifier in classifiers:
        source = image_source(folder, classifier.entry, images)
        methods = chosen_methods(method, classifier, layer)
        with progress_bar(classifier.entry.name, source.count) as count_done:
            scores += localise(classifier, methods, counted(source.start(), count_done), layer)
        sources.append(source.description)
    rows = [_row(score) for score in scores]
    forms = ReportForms(
        json=lambda: json.dumps([asdict(score) for score in scores], indent=2),
        show=lambda: print_table(COLUMNS, rows, CAPTION),
        page=lambda *facts: table_page("Do the maps find what they should?", facts, CAPTION, COLUMNS, rows),
    )
    titles = [classifier.title for classifier in classifiers]
    notices = [classifier.entry.card.notice for classifier in classifiers]
    deliver(forms, delivery, _joined(sources), _joined(titles), _joined(notices))


def _row(score: Score) -> tuple[str, ...]:
    model, method, images, *shares = asdict(score).values()
    return (model, method, str(images), *(f"{100 * share:.2f}" for share in shares))


def _joined(texts: list[str]) -> str:
    return "; ".join(dict.fromkeys(text for text in texts if text))
