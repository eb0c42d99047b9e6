"""`fovea evaluate faithfulness`: how faithful the maps of each method are to the model."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.image_source import ImageSource
from service.cli.options import (
    FolderArgument,
    HtmlOption,
    ImagesOption,
    JsonOption,
    MethodsOption,
    ModelOption,
    RegistryOption,
    SpatialLayerOption,
)
from service.cli.output import print_table
from service.cli.report_command import PLOT_SUFFIXES, CountDone, Delivery, ReportForms, ReportInput, counted, run_report

if TYPE_CHECKING:
    from service.models.classifier import Classifier
    from service.training.faithfulness import Faithfulness


def faithfulness(
    folder: FolderArgument = None,
    model: ModelOption = None,
    method: MethodsOption = None,
    layer: SpatialLayerOption = None,
    images: ImagesOption = 20,
    as_json: JsonOption = False,
    html: HtmlOption = None,
    picture: Annotated[
        Path | None,
        typer.Option(
            "--picture",
            "--plot",
            help="Draw all curves and figures to a .png, .jpg, .svg or .pdf file.",
            dir_okay=False,
        ),
    ] = None,
    registry: RegistryOption = None,
) -> None:
    """Measure deletion, insertion, average drop and other figures of maps, averaged over images.

    It takes about 36 forward passes per image and method.
    """

    def measure(classifier: Classifier, source: ImageSource, count_done: CountDone) -> ReportForms:
        from service.cli.method_choice import chosen_methods
        from service.cli.table_page import drawn, table_page
        from service.training.faithfulness import faithfulness as measured_faithfulness
        from service.training.faithfulness import plot

        methods = chosen_methods(method, classifier, layer)
        found = measured_faithfulness(classifier, methods, counted(source.start(), count_done), layer)
        caption = f"{found[0].model}, {found[0].images} images: mean ± standard error"
        columns = ("method", "empty", *(name.replace("_", " ") for name in found[0].means))
        rows = [_row(one) for one in found]
        return ReportForms(
            json=lambda: json.dumps([_finite(asdict(one)) for one in found], indent=2, allow_nan=False),
            show=lambda: print_table(columns, rows, caption),
            page=lambda *facts: table_page(
                "How faithful are the maps?", facts, caption, columns, rows, drawn(lambda file: plot(found, file))
            ),
            save_picture=lambda file: plot(found, file),
        )

    given = ReportInput(folder, model, registry, images)
    run_report(given, Delivery(as_json, html, picture, PLOT_SUFFIXES), "Measuring maps", measure)


def _row(one: Faithfulness) -> tuple[str, ...]:
    return (one.method, str(one.empty), *(f"{one.means[name]:.2f}±{one.errors[name]:.2f}" for name in one.means))


def _finite(value: Any) -> Any:
    """The same, with null for a figure that has no value: JSON has no NaN."""
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
