"""`fovea models add`: weights and a card become a model of a registry."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.options import DataDirOption, RegistryOption
from service.cli.output import print_line
from service.cli.progress_bars import spinner
from service.cli.settings_options import settings
from service.errors import BadParameter

if TYPE_CHECKING:
    from service.models.addition import Added
    from service.models.checkpoint import Checkpoint

EXAMPLE = r"""Example, ready to copy:

```
fovea models add best.pth --registry models --name eyes \
  --architecture resnet18 --labels normal,glaucoma \
  --frame resize=256 --frame crop=224 --licence "internal" \
  --intended-use "Trying out Fovea." \
  --do-not-use "Any decision about a person." \
  --training-data "800 photographs of our clinic."
```
"""

REPEATED = {
    "frame": "--frame KEY=VALUE",
    "arguments": "--argument KEY=VALUE",
    "sha256": "WEIGHTS",
    "weights": "WEIGHTS",
}
"""Fields of an entry whose option has another name."""

Text = str | None


def add(
    weights: Annotated[
        Path,
        typer.Argument(
            help="A .safetensors file, a checkpoint as `fovea models convert` reads it, or a folder of transformers or"
            " timm with a config.json.",
            exists=True,
        ),
    ],
    *,
    architecture: Annotated[
        Text,
        typer.Option(
            help="A torchvision classifier (resnet50); timm:NAME, transformers:CLASS, monai:NAME,"
            " torchxrayvision:DenseNet; or package.module:function of your own."
        ),
    ] = None,
    labels: Annotated[
        Text, typer.Option(help="The classes in the order of the outputs, by commas; or a .txt file, one per line.")
    ] = None,
    name: Annotated[Text, typer.Option(help="Name of the model; that of the file if left out.")] = None,
    intended_use: Annotated[Text, typer.Option(help="Card: who may use the answers, and for what.")] = None,
    do_not_use: Annotated[Text, typer.Option(help="Card: what the answers must not be used for.")] = None,
    training_data: Annotated[Text, typer.Option(help="Card: where the images came from, and how many.")] = None,
    licence: Annotated[Text, typer.Option(help="Card: terms of the weights.")] = None,
    notice: Annotated[Text, typer.Option(help="Card: a warning that is sent with every answer.")] = None,
    author: Annotated[list[str] | None, typer.Option(help="Card: who made the model; repeatable.")] = None,
    reference: Annotated[list[str] | None, typer.Option(help="Card: a paper or page; repeatable.")] = None,
    version: Annotated[Text, typer.Option(help="Version of these weights.")] = None,
    frame: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE",
            help="How images were prepared in training: resize=256, crop=224, mean=0.5,0.5,0.5, interpolation=bicubic"
            " and the other keys of [models.NAME.frame]; repeatable. Left out, that of torchvision, of timm's"
            " architecture, or of the folder.",
        ),
    ] = None,
    argument: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="What the architecture is built with, such as width=64; repeatable."),
    ] = None,
    activation: Annotated[Text, typer.Option(help="softmax, sigmoid (several labels at once) or single-logit.")] = None,
    temperature: Annotated[float | None, typer.Option(help="What logits are divided by.")] = None,
    operating_point: Annotated[
        float | None, typer.Option(help="Threshold on the probability of the second of two labels.")
    ] = None,
    stages: Annotated[
        Text,
        typer.Option(help="Submodules that, called in order, are the whole forward, by commas; found if left out."),
    ] = None,
    layout: Annotated[Text, typer.Option(help="NCHW or NHWC, where Fovea cannot find out.")] = None,
    default_layer: Annotated[
        Text, typer.Option(help="The layer that is explained; the last with a map if left out.")
    ] = None,
    key: Annotated[str, typer.Option(help="Where in a checkpoint the weights lie; found if left out.")] = "",
    half: Annotated[bool, typer.Option("--half", help="Store weights (not biases) in half precision.")] = False,
    default: Annotated[bool, typer.Option("--default", help="Answer requests that name no model.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a model of the same name.")] = False,
    registry: RegistryOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Add a model: write its weights and a complete entry into a registry folder, after loading and comparing it.

    Whatever is missing is listed at once. Where anything fails, the folder stays as it was.
    """
    given = settings(registry=registry, data_dir=data_dir)
    from service.models.addition import Addition, Incomplete, add_model
    from service.settings import SHIPPED_REGISTRY

    if given.registry == SHIPPED_REGISTRY:
        raise BadParameter(
            "name the folder of your own models with --registry (such as --registry models; it is made where there is"
            " none): the shipped models lie within the program"
        )
    card = {
        "intended_use": intended_use,
        "do_not_use": do_not_use,
        "training_data": training_data,
        "licence": licence,
        "notice": notice,
        "authors": author,
        "references": reference,
    }
    fields = {
        "version": version,
        "architecture": architecture,
        "arguments": _pairs("--argument", argument),
        "labels": _labels(labels),
        "activation": activation,
        "frame": _pairs("--frame", frame),
        "temperature": temperature,
        "operating_point": operating_point,
        "stages": stages.split(",") if stages else None,
        "layout": layout,
        "default_layer": default_layer,
        "card": {field: text for field, text in card.items() if text not in (None, [])},
    }
    addition = Addition(weights, name or _name(weights), fields, key, half, default, force)
    try:
        with spinner("Loading and comparing the model"):
            added = add_model(addition, given)
    except Incomplete as error:
        raise BadParameter(_list_of(error.faults)) from None
    _report(added, given.registry, frame is None)


def print_source(checkpoint: Checkpoint) -> None:
    """Say what was taken from a checkpoint, and what was not."""
    if checkpoint.others:
        print_line(f"Taken: {checkpoint.key or 'the file itself'}. With --key: {', '.join(checkpoint.others)}.")
    if checkpoint.dropped:
        print_line(f"Left out, for they are no weights of a network: {', '.join(checkpoint.dropped[:5])}.")


def _report(added: Added, registry: Path, frame_is_usual: bool) -> None:
    entry, classifier = added.entry, added.status.classifier
    if added.checkpoint is not None:
        print_source(added.checkpoint)
    for note in classifier.notes if classifier else ():
        print_line(note)
    if frame_is_usual:
        frame = ", ".join(f"{field} {value}" for field, value in entry.frame)
        print_line(f"Images are prepared so ({frame}); if the training did otherwise, say so with --frame and --force.")
    layer = f"; explanations look at layer {classifier.cut}" if classifier else ""
    print_line(f"{added.file}: model {entry.name} loads, and its stages compute what the network computes{layer}.")
    place, listening = shlex.quote(str(registry)), "http://127.0.0.1:8000"
    print_line(
        f"\nNext:\n  fovea serve --registry {place}\n  curl -F image=@IMAGE '{listening}/predict?model={entry.name}'\n"
        f"or, where a service of this registry runs already:\n  curl -X POST {listening}/models/reload"
    )


def _list_of(faults: list[tuple[str, str]]) -> str:
    lines = [f"  {_option(field)}: {text}" for field, text in faults]
    return f"{len(lines)} {'things are' if len(lines) > 1 else 'thing is'} missing or wrong:\n" + "\n".join(lines)


def _option(field: str) -> str:
    """The option that sets a field of an entry."""
    table, _, rest = field.partition(".")
    if table == "card":
        return f"--{rest.partition('.')[0].replace('_', '-')}"
    return REPEATED.get(table, f"--{table.replace('_', '-')}") + (f" ({field})" if table == "frame" and rest else "")


def _name(weights: Path) -> str:
    """A model's name from that of its file or folder."""
    stem = weights.resolve().name if weights.is_dir() else weights.stem
    return re.sub(r"[^a-z0-9._-]+", "-", stem.lower()).strip("-._")[:64] or "model"


def _labels(text: str | None) -> list[str] | None:
    if text is None:
        return None
    if text.endswith(".txt"):
        return [line.strip() for line in Path(text).read_text(encoding="utf-8").splitlines() if line.strip()]
    return [label.strip() for label in text.split(",")]


def _pairs(option: str, texts: list[str] | None) -> dict[str, Any] | None:
    """KEY=VALUE as a table: values are JSON, lists of JSON by commas, or text."""
    found = {}
    for text in texts or ():
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise BadParameter(
                f"{option} {text}: write KEY=VALUE, such as {option} {'crop' if 'f' in option else 'width'}=224"
            )
        found[key] = _value(value)
    return found or None


def _value(text: str) -> Any:
    for form in (text, f"[{text}]") if "," in text else (text,):
        try:
            return json.loads(form)
        except ValueError:
            continue
    return text
