"""`fovea predict`, `explain` and `embed`: the service's answers without a server."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from service.cli.settings_options import settings
from service.errors import FoveaError, RequestError
from service.explain.fusion import Fusion
from service.explain.methods import METHODS
from service.images.picture import COLORMAPS
from service.models.registry import Registry
from service.runtime.answers import Answers
from service.runtime.question import Question
from service.runtime.results import Answer, TargetMap

AnswerOptions = Callable[[Answers, bytes], Awaitable[Answer]]

ImageArgument = Annotated[Path, typer.Argument(help="The image file.", exists=True, dir_okay=False)]
ModelOption = Annotated[str | None, typer.Option(help="A model of the registry; its default where none is named.")]
TopOption = Annotated[int, typer.Option("--top-k", min=1, help="How many classes to print.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]
RegistryOption = Annotated[
    Path | None,
    typer.Option(help="TOML file, or folder of them, that lists the models (FOVEA_REGISTRY).", show_default=False),
]


def predict(
    image: ImageArgument,
    model: ModelOption = None,
    top_k: TopOption = 5,
    as_json: JsonOption = False,
    registry: RegistryOption = None,
) -> None:
    """Print the likeliest classes of an image."""
    question = Question(model=model, top_k=top_k)
    answer = _answer(image, question, registry, lambda answers, data: answers.predict(data, question))
    _print(answer, as_json)


def explain(
    image: ImageArgument,
    method: Annotated[str, typer.Option(help=f"One of {', '.join(METHODS)}.")] = "gradcam",
    out: Annotated[
        Path | None,
        typer.Option(
            help="Where to write: .png and .jpg the picture over the image, .npy the raw map.", dir_okay=False
        ),
    ] = None,
    model: ModelOption = None,
    target: Annotated[list[str] | None, typer.Option(help="Class to explain, by label or index; repeatable.")] = None,
    versus: Annotated[list[str] | None, typer.Option(help="Class to contrast with; repeatable.")] = None,
    layer: Annotated[
        list[str] | None,
        typer.Option(help="Where to cut; `fovea models show` names the layers. Repeated, the maps are fused."),
    ] = None,
    fusion: Annotated[Fusion, typer.Option(help="How the maps of several layers are fused.")] = "max",
    quality: Annotated[
        bool, typer.Option("--quality", help="Say how far the map can be trusted; 36 forwards.")
    ] = False,
    colormap: Annotated[str, typer.Option(help=f"One of {', '.join(COLORMAPS)}.")] = "inferno",
    heatmap: Annotated[
        bool, typer.Option("--heatmap", help="Write the grey heatmap alone, not over the image.")
    ] = False,
    top_k: TopOption = 5,
    as_json: JsonOption = False,
    registry: RegistryOption = None,
) -> None:
    """Show where the model looked: one method's map, over the image."""
    suffix = out.suffix.lower() if out else ""
    if suffix not in {"", ".png", ".jpg", ".jpeg", ".npy"}:
        raise typer.BadParameter(f"{suffix} is no format for a map; name a .png, .jpg or .npy file", param_hint="--out")
    question = Question(
        model=model,
        top_k=top_k,
        methods=(method,),
        targets=tuple(target or ()),
        versus=tuple(versus or ()),
        layer=layer[0] if layer else None,
        fused=tuple(layer[1:]) if layer else (),
        fusion=fusion,
        quality=quality,
        boxes=True,
        overlay=bool(out) and suffix != ".npy",
        overlay_type="image/png" if suffix == ".png" else "image/jpeg",
        colormap=colormap,
    )
    answer = _answer(image, question, registry, lambda answers, data: answers.explain(data, question))
    written = []
    if answer.status == "ok" and out:
        maps = answer.explanations[0].maps
        for one in maps:
            path = out if len(maps) == 1 else out.with_stem(f"{out.stem}-{one.target.index}")
            path.write_bytes(_content(one, suffix, heatmap))
            written.append((path, one))
    _print(answer, as_json)
    for path, one in written:
        _console(as_json).print(f"{escape(str(path))}: where the model looked for {escape(one.target.label)}")


def embed(
    image: ImageArgument,
    out: Annotated[Path | None, typer.Option(help="Where to write the vector, as .npy.", dir_okay=False)] = None,
    model: ModelOption = None,
    as_json: JsonOption = False,
    registry: RegistryOption = None,
) -> None:
    """Turn an image into the vector that the model's last layer sees."""
    question = Question(model=model)
    answer = _answer(image, question, registry, lambda answers, data: answers.embed(data, question))
    if answer.embedding is not None and out:
        np.save(out, answer.embedding.vector)
    if as_json or answer.embedding is None:
        _print(answer, as_json)
        return
    vector = answer.embedding.vector
    norm = float(np.linalg.norm(vector))
    place = f" in {out}" if out else ""
    _console(as_json).print(f"{len(vector)} numbers after layer {answer.embedding.layer}, length {norm:.4g}{place}")


def _answer(image: Path, question: Question, registry: Path | None, ask: AnswerOptions) -> Answer:
    given = settings(registry=registry)
    data = image.read_bytes()

    async def run() -> Answer:
        answers = Answers(given, Registry(given))
        answers.registry.load(question.model)
        await answers.start(load=False)
        try:
            return await ask(answers, data)
        finally:
            await answers.close()

    try:
        return asyncio.run(run())
    except FoveaError as error:
        Console(stderr=True).print(f"[red]{escape(str(error))}[/red]")
        raise typer.Exit(2 if isinstance(error, RequestError) else 1) from None


def _content(one: TargetMap, suffix: str, heatmap: bool) -> bytes:
    if suffix == ".npy":
        file = io.BytesIO()
        np.save(file, one.grid)
        return file.getvalue()
    picture = one.heatmap if heatmap or one.overlay is None else one.overlay
    return picture.data


def _print(answer: Answer, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(_plain(answer), ensure_ascii=False, indent=2))
        return
    console = _console(as_json)
    if answer.status == "refused":
        console.print(f"[yellow]refused: {', '.join(answer.reasons)}[/yellow]")
    table = Table("class", "probability", "logit")
    for prediction in answer.predictions:
        table.add_row(escape(prediction.label), f"{prediction.probability:.4f}", f"{prediction.logit:.3f}")
    if answer.predictions:
        console.print(table)
    for one in (one for explanation in answer.explanations for one in explanation.maps if one.quality):
        figures = ", ".join(f"{name.replace('_', ' ')} {value:.3f}" for name, value in _known(one.quality))
        console.print(f"the map for {escape(one.target.label)}: {figures}")
    console.print(f"{escape(answer.model.name)} {answer.model.version} · {escape(answer.model.notice)}")


def _known(figures: Mapping[str, float | None] | None) -> list[tuple[str, float]]:
    return [(name, value) for name, value in (figures or {}).items() if value is not None]


def _plain(answer: Answer) -> dict[str, object]:
    """The answer for a program: the contract's names, without pictures."""
    explanation = answer.explanations[0] if answer.explanations else None
    return {
        "status": answer.status,
        "reasons": answer.reasons,
        "violations": [vars(one) for one in answer.violations],
        "model": vars(answer.model),
        "image": vars(answer.image),
        "predictions": [vars(one) for one in answer.predictions],
        "explanation": explanation
        and {
            "method": explanation.method,
            "layer": explanation.layer,
            "parameters": explanation.parameters,
            "maps": [
                {
                    "target": vars(one.target),
                    "grid": one.grid.tolist(),
                    "minimum": one.minimum,
                    "maximum": one.maximum,
                    "empty": one.empty,
                    "region": one.region,
                    "boxes": [vars(box) for box in one.boxes or ()],
                    "quality": one.quality,
                }
                for one in explanation.maps
            ],
        },
        "embedding": answer.embedding and answer.embedding.vector.tolist(),
    }


def _console(as_json: bool) -> Console:
    return Console(stderr=as_json)
