"""`fovea models filters` and `fovea models activations`: what the first and later layers of a network respond to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.model_loading import load_model
from service.cli.one_image import answer_image, end_if_refused, print_answer_json
from service.cli.options import ImageArgument, JsonOption, ModelArgument, RegistryOption, SpatialLayerOption
from service.cli.output import check_suffix, print_line, print_table, write_picture

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

OutOption = Annotated[
    Path | None, typer.Option(help="File to write: .png for a picture, .npy for the numbers.", dir_okay=False)
]
SUFFIXES = (".png", ".npy")


def filters(
    name: ModelArgument,
    layer: Annotated[str | None, typer.Option(help="A convolution's dotted name; the first one if left out.")] = None,
    out: OutOption = None,
    scale: Annotated[int, typer.Option(min=1, max=64, help="Width of one weight in the picture, in pixels.")] = 8,
    registry: RegistryOption = None,
) -> None:
    """Draw the filters of a convolution: in colour where they take colours, in grey where they take features.

    Each filter is stretched to its own range, so that its pattern shows; brightness does not compare between filters.
    """
    check_suffix("--out", out, SUFFIXES)
    classifier = load_model(name, registry)
    from service.models.filters import filters as weights_of
    from service.models.filters import sheet

    found, weights = weights_of(classifier.network, layer)
    if out is not None:
        _save(out, weights, lambda: sheet(weights, scale))
    shape = " × ".join(map(str, weights.shape))
    print_line(f"{name}, {found}: {shape} weights{f' in {out}' if out else '; --out FILE.png draws them'}")


def activations(
    name: ModelArgument,
    image: ImageArgument,
    layer: SpatialLayerOption = None,
    unit: Annotated[list[int] | None, typer.Option(min=0, help="A unit to show; repeatable.")] = None,
    top: Annotated[int, typer.Option(min=1, max=256, help="How many of the most active units, without --unit.")] = 16,
    out: OutOption = None,
    as_json: JsonOption = False,
    registry: RegistryOption = None,
) -> None:
    """Show the feature maps of single units for an image, the most active units first."""
    check_suffix("--out", out, SUFFIXES)
    import numpy as np

    from service.api.schemas.activations import ActivationsAnswer
    from service.images.rendering import tiles
    from service.runtime.question import Question, UnitRequest

    question = Question(model=name, layers=(layer,) if layer else (), unit_request=UnitRequest(tuple(unit or ()), top))
    answer = answer_image(image, question, registry, lambda answers, data: answers.activations(data, question))
    if as_json:
        print_answer_json(answer, ActivationsAnswer)
    end_if_refused(answer)
    found = answer.activations
    if found is None:
        return
    if out is not None:
        grids, captions = [one.grid for one in found.units], [f"{one.unit}: {one.maximum:.3g}" for one in found.units]
        _save(out, np.stack(grids), lambda: tiles(grids, captions))
    if not as_json:
        rows = [(str(one.unit), f"{one.maximum:.4g}", f"{one.mean:.4g}") for one in found.units]
        print_table(("unit", "maximum", "mean"), rows, f"{found.layer}, {' × '.join(map(str, found.shape))}")
    if out:
        print_line(f"{out}: {len(found.units)} units, each stretched to its own range", stderr=as_json)


def _save(out: Path, numbers: NDArray[np.float32], draw: Callable[[], NDArray[np.uint8]]) -> None:
    if out.suffix.lower() == ".npy":
        import numpy as np

        np.save(out, numbers)
    else:
        write_picture(draw(), out)
