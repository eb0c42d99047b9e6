"""`fovea predict`, `explain` and `embed`: the answers of the service without a server."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from service.cli.one_image import answer_image, end_if_refused, print_answer_json
from service.cli.options import ImageArgument, JsonOption, ModelOption, RegistryOption, TopKOption
from service.cli.output import check_suffix, print_line, print_table

if TYPE_CHECKING:
    from service.runtime.results import Answer, TargetMap

Colormap = Literal["inferno", "magma", "plasma", "viridis", "cividis"]
Fusion = Literal["max", "mean", "product"]
"""Written out here, and held to `COLORMAPS` and `FUSIONS` by a test: those modules import NumPy and PyTorch."""


def predict(
    image: ImageArgument,
    model: ModelOption = None,
    top_k: TopKOption = 5,
    as_json: JsonOption = False,
    registry: RegistryOption = None,
) -> None:
    """Print the likeliest classes of an image."""
    from service.api.schemas.answers import PredictAnswer
    from service.runtime.question import Question

    question = Question(model=model, top_k=top_k)
    answer = answer_image(image, question, registry, lambda answers, data: answers.predict(data, question))
    if as_json:
        print_answer_json(answer, PredictAnswer)
    else:
        _print_classes(answer)
        _print_model(answer)
    end_if_refused(answer)


def explain(
    image: ImageArgument,
    method: Annotated[
        str,
        typer.Option(
            help="An explanation method, such as gradcam, hirescam, layercam or scorecam; an unknown name lists all."
        ),
    ] = "gradcam",
    out: Annotated[
        Path | None,
        typer.Option(
            help="File to write: .png or .jpg for the heatmap over the image, .npy for the raw map.", dir_okay=False
        ),
    ] = None,
    model: ModelOption = None,
    target: Annotated[list[str] | None, typer.Option(help="Class to explain, by label or index; repeatable.")] = None,
    versus: Annotated[list[str] | None, typer.Option(help="Class to contrast with; repeatable.")] = None,
    layer: Annotated[
        list[str] | None,
        typer.Option(
            help="Layer whose feature maps are explained; `fovea models show NAME --layers` lists them. Repeat it to"
            " fuse the maps of several layers."
        ),
    ] = None,
    fusion: Annotated[Fusion, typer.Option(help="How the maps of several layers are fused.")] = "max",
    quality: Annotated[
        bool, typer.Option("--quality", help="Measure how far the map can be trusted; 36 more forward passes.")
    ] = False,
    colormap: Annotated[Colormap, typer.Option(help="Colours of the heatmap.")] = "inferno",
    heatmap: Annotated[
        bool, typer.Option("--heatmap", help="Write the grey heatmap alone, without the image below it.")
    ] = False,
    top_k: TopKOption = 5,
    as_json: JsonOption = False,
    registry: RegistryOption = None,
) -> None:
    """Show which parts of an image one method holds responsible for the model's answer."""
    check_suffix("--out", out, (".png", ".jpg", ".jpeg", ".npy"))
    from service.api.schemas.answers import ExplainAnswer
    from service.runtime.question import Question

    suffix = out.suffix.lower() if out else ""
    question = Question(
        model=model,
        top_k=top_k,
        methods=(method,),
        targets=tuple(target or ()),
        versus=tuple(versus or ()),
        layers=tuple(layer or ()),
        fusion=fusion,
        quality=quality,
        boxes=True,
        overlay=bool(out) and suffix != ".npy",
        overlay_type="image/png" if suffix == ".png" else "image/jpeg",
        colormap=colormap,
    )
    answer = answer_image(image, question, registry, lambda answers, data: answers.explain(data, question))
    if as_json:
        print_answer_json(answer, ExplainAnswer)
    else:
        _print_classes(answer)
        _print_quality(answer)
        _print_model(answer)
    end_if_refused(answer)
    if out:
        maps = answer.explanations[0].maps
        for one in maps:
            path = out if len(maps) == 1 else out.with_stem(f"{out.stem}-{one.target.index}")
            path.write_bytes(_content(one, suffix, heatmap))
            print_line(f"{path}: the map of {method} for {one.target.label}", stderr=as_json)


def embed(
    image: ImageArgument,
    out: Annotated[Path | None, typer.Option(help="Where to write the vector, as .npy.", dir_okay=False)] = None,
    model: ModelOption = None,
    as_json: JsonOption = False,
    registry: RegistryOption = None,
) -> None:
    """Turn an image into the vector that the model's last layer sees."""
    check_suffix("--out", out, (".npy",))
    import numpy as np

    from service.api.schemas.answers import EmbedAnswer
    from service.runtime.question import Question

    question = Question(model=model)
    answer = answer_image(image, question, registry, lambda answers, data: answers.embed(data, question))
    if as_json:
        print_answer_json(answer, EmbedAnswer)
    end_if_refused(answer)
    if answer.embedding is None:
        return
    vector = answer.embedding.vector
    if out:
        np.save(out, vector)
    norm, file = float(np.linalg.norm(vector)), f"; written to {out}" if out else ""
    print_line(f"{len(vector)} numbers after layer {answer.embedding.layer}, norm {norm:.4g}{file}", stderr=as_json)


def _content(found: TargetMap, suffix: str, heatmap: bool) -> bytes:
    import numpy as np

    if suffix == ".npy":
        file = io.BytesIO()
        np.save(file, found.grid)
        return file.getvalue()
    picture = found.heatmap if heatmap or found.overlay is None else found.overlay
    return picture.data


def _print_classes(answer: Answer) -> None:
    rows = [(one.label, f"{one.probability:.4f}", f"{one.logit:.3f}") for one in answer.predictions]
    if rows:
        print_table(("class", "probability", "logit"), rows)


def _print_quality(answer: Answer) -> None:
    for one in (found for explanation in answer.explanations for found in explanation.maps if found.quality):
        figures = ", ".join(f"{name.replace('_', ' ')} {value:.3f}" for name, value in _known(one.quality))
        print_line(f"the map for {one.target.label}: {figures}")


def _print_model(answer: Answer) -> None:
    print_line(f"{answer.model.name} {answer.model.version} · {answer.model.notice}".rstrip(" ·"))


def _known(figures: Mapping[str, float | None] | None) -> list[tuple[str, float]]:
    return [(name, value) for name, value in (figures or {}).items() if value is not None]
