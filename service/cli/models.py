"""`fovea models`: see, check, fetch and convert models."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.table import Table

from service.cli.layers import activations, filters
from service.cli.model_sheet import sheet
from service.cli.settings_options import settings
from service.errors import FoveaError, WeightsError
from service.models.convert import convert as convert_file
from service.models.entry import Entry, to_toml
from service.models.pull import pull as pull_weights
from service.models.registry import Registry, Status
from service.models.weights import digest

app = typer.Typer(
    help="See, check, fetch and convert models.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

RegistryOption = Annotated[
    Path | None,
    typer.Option(help="TOML file, or folder of them, that lists the models (FOVEA_REGISTRY).", show_default=False),
]
DataOption = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Folder that fetched weights are kept in (FOVEA_DATA_DIR).", show_default=False),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]

COLOURS = {"ready": "green", "missing": "yellow", "loading": "blue", "failed": "red"}


@app.command("list", epilog="Examples: `fovea models list`, `fovea models list --registry mine.toml --json`")
def list_models(registry: RegistryOption = None, data_dir: DataOption = None, as_json: JsonOption = False) -> None:
    """List all models with their state.

    Each model whose weights are here is loaded once to find out: `ready` means that it would serve.
    """
    with _plainly() as console:
        models = _registry(registry, data_dir)
        with console.status("Looking at the models"):
            statuses = {name: models.examine(name) for name in models.names}
        if as_json:
            _print_json({name: _row(status, name == models.default) for name, status in statuses.items()})
            return
        table = Table("model", "state", "version", "architecture", "classes", "weights")
        for name, status in statuses.items():
            row = _row(status, name == models.default)
            table.add_row(
                f"{escape(name)} [dim](default)[/dim]" if row["default"] else escape(name),
                _coloured(status),
                *(escape(str(row[column])) for column in ("version", "architecture", "classes", "weights")),
            )
        console.print(table)
        unfetched = {name for name, status in statuses.items() if status.state == "missing" and _is_remote(status)}
        _print_problems(console, {name: status for name, status in statuses.items() if name not in unfetched})
        if unfetched:
            console.print("Weights that are missing come with `fovea models pull NAME`, or all with --all.")


@app.command(epilog="Examples: `fovea models show glaucoma`, `fovea models show glaucoma --toml`")
def show(
    name: Annotated[str, typer.Argument(help="A model of the registry.")],
    registry: RegistryOption = None,
    data_dir: DataOption = None,
    as_json: JsonOption = False,
    as_toml: Annotated[bool, typer.Option("--toml", help="Print the registry entry itself.")] = False,
) -> None:
    """Show one model: its card, labels, digests, and how images are prepared for it."""
    with _plainly() as console:
        models = _registry(registry, data_dir)
        entry = models.entry(name)
        if as_toml:
            typer.echo(to_toml(entry), nl=False)
            return
        status = models.examine(name)
        if as_json:
            _print_json(_row(status, name == models.default) | {"entry": entry.model_dump(mode="json")})
            return
        console.print(sheet(entry, _coloured(status), status.classifier))
        _print_problems(console, {name: status})


@app.command(
    epilog="Examples: `fovea models verify`, `fovea models verify glaucoma`, `fovea models verify mine.safetensors`"
)
def verify(
    what: Annotated[list[str] | None, typer.Argument(help="Models, or .safetensors files; none: all models.")] = None,
    registry: RegistryOption = None,
    data_dir: DataOption = None,
) -> None:
    """Check digests and load each model; of a file, print the sha256 to paste into its registry entry.

    Ends with 1 where a model is `failed`, or one that was named is `missing`.
    """
    with _plainly() as console:
        files = [Path(item) for item in what or () if item.endswith(".safetensors")]
        for file in files:
            typer.echo(f'{file}: sha256 = "{digest(file)}"')
        if files and len(files) == len(what or ()):
            return
        models = _registry(registry, data_dir)
        named = [item for item in what or () if not item.endswith(".safetensors")]
        statuses = {name: models.examine(name) for name in named or models.names}
        for name, status in statuses.items():
            console.print(f"{escape(name)}: {_coloured(status)} {_sha256(status)}", highlight=False)
        _print_problems(console, statuses)
        wrong = {"failed", "missing"} if named else {"failed"}
        if any(status.state in wrong for status in statuses.values()):
            raise typer.Exit(1)


@app.command(
    epilog="Examples: `fovea models pull resnet18-imagenet`, `fovea models pull --all`,"
    " `fovea models pull vgg16-imagenet --mirror https://files.example/torchvision`"
)
def pull(
    *,
    names: Annotated[list[str] | None, typer.Argument(help="Models whose weights are fetched.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Fetch the weights of every model that lacks them.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Fetch again what is already here.")] = False,
    mirror: Annotated[
        str | None, typer.Option(help="Base URL that serves the same files (FOVEA_WEIGHTS_MIRROR).", show_default=False)
    ] = None,
    registry: RegistryOption = None,
    data_dir: DataOption = None,
) -> None:
    """Fetch weights, check their digest, and keep them as safetensors.

    A transfer that breaks off is resumed, now or at the next call. With FOVEA_OFFLINE set nothing is fetched.
    """
    with _plainly() as console:
        models = _registry(registry, data_dir, weights_mirror=mirror)
        remote = [name for name in models.names if _is_remote(models.status(name))]
        if not names and not every:
            raise WeightsError(f"name the models to fetch, or say --all; there are {', '.join(remote)}")
        failures = 0
        for name in names or remote:
            try:
                _pull_one(console, models, models.entry(name), force)
            except FoveaError as error:
                console.print(f"[red]{escape(name)}[/red]: {escape(str(error))}", highlight=False)
                failures += 1
        if failures:
            raise typer.Exit(1)


@app.command(
    epilog="Examples: `fovea models convert mine.pth`, `fovea models convert mine.pth mine.safetensors --half`"
)
def convert(
    source: Annotated[Path, typer.Argument(help="A .pth or .pt file: a state dict, or a checkpoint that holds one.")],
    out: Annotated[Path | None, typer.Argument(help="The file to write; left out: beside it, as .safetensors.")] = None,
    half: Annotated[bool, typer.Option("--half", help="Store weights (not biases) in half precision.")] = False,
) -> None:
    """Convert a PyTorch checkpoint to safetensors, without running anything that it holds."""
    with _plainly():
        target = out or source.with_suffix(".safetensors")
        sha256 = convert_file(source, target, half=half)
        typer.echo(f'{target}\n\nweights = "{target.name}"\nsha256 = "{sha256}"')


app.command(epilog="Example: `fovea models filters resnet18 --out filters.png`")(filters)
app.command(epilog="Example: `fovea models activations resnet18 samples/retina.jpg --layer layer1 --out units.png`")(
    activations
)


def _registry(registry: Path | None, data_dir: Path | None, **others: Any) -> Registry:
    return Registry(settings(registry=registry, data_dir=data_dir, **others))


def _pull_one(console: Console, models: Registry, entry: Entry, force: bool) -> None:
    if not force and models.store.has(entry) and models.examine(entry.name).state == "ready":
        console.print(f"[green]{entry.name}[/green]: already here; --force fetches it again", highlight=False)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bars:
        bar = bars.add_task(entry.name, total=None)
        origin = pull_weights(
            entry,
            models.store,
            models.settings,
            progress=lambda done, total: bars.update(bar, completed=done, total=total),
        )
    console.print(f"[green]{entry.name}[/green]: ready, from {escape(origin.url)}", highlight=False)
    console.print(f"  sha256 as fetched {origin.fetched_sha256}\n  sha256 as kept    {origin.sha256}", highlight=False)


def _row(status: Status, default: bool) -> dict[str, Any]:
    entry = status.record.entry
    return {
        "default": default,
        "state": status.state,
        "problem": status.problem,
        "version": entry.version if entry else "",
        "architecture": entry.architecture if entry else "",
        "classes": len(entry.labels) if entry else "",
        "weights": entry.weights if entry else "",
        "weights_sha256": _sha256(status),
    }


def _is_remote(status: Status) -> bool:
    entry = status.record.entry
    return entry is not None and entry.is_remote


def _sha256(status: Status) -> str:
    return status.classifier.weights_sha256 if status.classifier else ""


def _coloured(status: Status) -> str:
    return f"[{COLOURS[status.state]}]{status.state}[/]"


def _print_problems(console: Console, statuses: dict[str, Status]) -> None:
    for status in statuses.values():
        if status.problem:
            console.print(escape(status.problem), style=COLOURS[status.state], highlight=False, soft_wrap=True)


def _print_json(document: dict[str, Any]) -> None:
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False))


@contextmanager
def _plainly() -> Iterator[Console]:
    """A console for results, wide where no terminal limits it; our own errors end the command in plain words."""
    console = Console()
    try:
        yield console if console.is_terminal else Console(width=200)
    except FoveaError as error:
        Console(stderr=True, soft_wrap=True).print(f"[red]{escape(str(error))}[/red]", highlight=False)
        raise typer.Exit(1) from None
