"""`fovea collections project`: a projection of a collection onto two or three dimensions, and its picture."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from service.cli.options import CollectionArgument, JsonOption
from service.cli.output import check_suffix, print_json, print_line
from service.cli.progress_bars import stage_bar
from service.cli.settings_options import settings

if TYPE_CHECKING:
    from service.collections.projection import ProjectionFacts, ProjectionRequest
    from service.settings import Settings

MethodName = Literal["pca", "tsne", "umap"]
"""Written out here, and held to `PROJECTION_METHODS` by a test: that module imports NumPy."""


def project(
    name: CollectionArgument,
    method: Annotated[MethodName, typer.Option(help="The projection method.")] = "tsne",
    dimensions: Annotated[int, typer.Option(min=2, max=3, help="Dimensions of the projection.")] = 2,
    perplexity: Annotated[
        float | None,
        typer.Option(min=1, help="Of t-SNE; if left out, 30, or a third of the images where that is less."),
    ] = None,
    neighbors: Annotated[int | None, typer.Option(min=2, help="Of UMAP; 15 if left out.")] = None,
    min_dist: Annotated[float | None, typer.Option(min=0, max=0.99, help="Of UMAP; 0.1 if left out.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of t-SNE and UMAP; 0 if left out.")] = None,
    out: Annotated[Path | None, typer.Option(help="Draw the projection to this .png file.", dir_okay=False)] = None,
    as_json: JsonOption = False,
) -> None:
    """Project a collection onto two or three dimensions, store the projection, and draw it."""
    check_suffix("--out", out, (".png",))
    given = settings()
    from service.collections.projection import PROJECTION_METHODS, ProjectionRequest
    from service.collections.projections import picture

    request = ProjectionRequest(method, dimensions, perplexity, neighbors, min_dist, seed)
    facts, drawn = asyncio.run(_fit(given, name, request, draw=out is not None))
    if out is not None:
        out.write_bytes(drawn)
    if as_json:
        print_json({"projection": facts.name, "images": facts.images, "quality": facts.quality})
        return
    title = PROJECTION_METHODS[facts.method].title
    where = f", drawn in {out}" if out else ""
    print_line(f"{title} of {name}: {facts.images} images, {picture.describe(facts)}{where}")


async def _fit(given: Settings, name: str, request: ProjectionRequest, draw: bool) -> tuple[ProjectionFacts, bytes]:
    """The facts of a new projection, and its picture as PNG; empty unless it is to be drawn."""
    from service.collections.library import Library
    from service.collections.projections import operations, picture
    from service.runtime.inference_service import InferenceService

    library = Library(InferenceService(given))
    try:
        status = await library.collection(name)
        request.resolve(status.collection.count)
        with stage_bar("starting") as show_stage:
            facts = await operations.compute_projection(library, name, vars(request), show_stage)
        if not draw:
            return facts, b""
        view = await operations.view_projection(library, name, facts.name)
        labels = [summary.label for summary in view.summaries]
        caption = picture.Caption(f"the collection {name}", status.notice)
        return facts, picture.picture(facts, view.coordinates, labels, caption)
    finally:
        await library.close()
