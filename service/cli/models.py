"""`fovea models`: list, show, add, verify, fetch and convert models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from service.cli.add_model import EXAMPLE, add, print_source
from service.cli.command_group import FAILED, command_group
from service.cli.layers import activations, filters
from service.cli.options import DataDirOption, JsonOption, ModelArgument, RegistryOption
from service.cli.output import console, print_error, print_json, print_line, print_table
from service.cli.progress_bars import download_bar, spinner
from service.cli.settings_options import settings
from service.errors import BadParameter, FoveaError

if TYPE_CHECKING:
    from service.cli.registry_outline import ModelOutline
    from service.models.entry import Entry
    from service.models.registry import Registry
    from service.models.states import Status

app = command_group("List, show, add, verify, fetch and convert models.")

COLOURS = {"ready": "green", "installed": "green", "missing": "yellow", "loading": "blue", "failed": "red"}
COLUMNS = ("model", "state", "version", "architecture", "classes", "weights")


@app.command("list", epilog="Examples: `fovea models list`, `fovea models list --registry mine.toml --json`")
def list_models(registry: RegistryOption = None, data_dir: DataDirOption = None, as_json: JsonOption = False) -> None:
    """List all models: installed (the weights are here), missing, or failed (the entry is broken).

    No model is loaded; `fovea models verify` loads each and says whether it would serve.
    """
    given = settings(registry=registry, data_dir=data_dir)
    from service.cli.registry_outline import registry_outline

    models = registry_outline(given).models
    if as_json:
        print_json({name: _row(one) for name, one in models.items()})
        return
    rows: list[tuple[str | Text, ...]] = [
        (f"{name} (default)" if one.default else name, _coloured(one.state), *_columns(one))
        for name, one in models.items()
    ]
    print_table(COLUMNS, rows)
    to_fetch = [one for one in models.values() if one.state == "missing" and one.entry and one.entry.is_remote]
    for one in models.values():
        if one.problem and one not in to_fetch:
            print_line(one.problem, COLOURS[one.state])
    if to_fetch:
        print_line("Missing weights are fetched by `fovea models pull NAME`, or all of them with --all.")


@app.command(epilog="Examples: `fovea models show glaucoma`, `fovea models show glaucoma --layers`")
def show(
    name: ModelArgument,
    registry: RegistryOption = None,
    data_dir: DataDirOption = None,
    layers: Annotated[
        bool, typer.Option("--layers", help="Load the model and list its layers with their shapes.")
    ] = False,
    as_json: JsonOption = False,
    as_toml: Annotated[bool, typer.Option("--toml", help="Print the registry entry itself.")] = False,
) -> None:
    """Show one model: its card, its labels, its digest, and how images are prepared for it."""
    given = settings(registry=registry, data_dir=data_dir)
    from service.cli.model_sheet import sheet
    from service.cli.registry_outline import FROM_TORCHVISION, registry_outline
    from service.models.entry import to_toml

    outline = registry_outline(given)
    entry, found = outline.entry(name), outline.model(name)
    status: Status | None = None
    if layers or (entry.labels == FROM_TORCHVISION and (as_toml or as_json)):
        from service.models.registry import Registry

        models = Registry(given)
        entry, status = models.entry(name), models.examine(name) if layers else None
    if as_toml:
        typer.echo(to_toml(entry), nl=False)
        return
    state, problem = (status.state, status.problem) if status else (found.state, found.problem)
    shapes = _shapes(status)
    if as_json:
        row = _row(found) | {"state": state, "problem": problem, "classes": len(entry.labels)}
        print_json(row | {"entry": entry.model_dump(mode="json")} | ({"layers": shapes} if layers else {}))
        return
    console().print(sheet(entry, _coloured(state), found.weights_sha256, shapes), soft_wrap=True)
    if problem:
        print_line(problem, COLOURS[state])


@app.command(
    epilog="Examples: `fovea models verify`, `fovea models verify glaucoma`, `fovea models verify mine.safetensors`"
)
def verify(
    what: Annotated[
        list[str] | None, typer.Argument(help="Models, or .safetensors files; without any, all models.")
    ] = None,
    registry: RegistryOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Check digests and load each model. For a file, print the sha256 to write into its registry entry.

    The exit code is 1 where a model is `failed`, or one that was named is `missing`.
    """
    given = settings(registry=registry, data_dir=data_dir)
    from service.models.registry import Registry
    from service.models.weights import digest

    files = [Path(item) for item in what or () if item.endswith(".safetensors")]
    for file in files:
        typer.echo(f'{file}: sha256 = "{digest(file)}"')
    if files and len(files) == len(what or ()):
        return
    models = Registry(given)
    named = [item for item in what or () if not item.endswith(".safetensors")]
    with spinner("Loading the models"):
        statuses = {name: models.examine(name) for name in named or models.names}
    for name, status in statuses.items():
        console().print(Text.assemble(f"{name}: ", _coloured(status.state), f" {_sha256(status)}"), soft_wrap=True)
    for status in statuses.values():
        if status.problem:
            print_line(status.problem, COLOURS[status.state])
    wrong = {"failed", "missing"} if named else {"failed"}
    if any(status.state in wrong for status in statuses.values()):
        raise typer.Exit(FAILED)


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
    data_dir: DataDirOption = None,
) -> None:
    """Fetch weights, check their digest, and store them as safetensors.

    A transfer that breaks off is resumed, now or at the next call. With FOVEA_OFFLINE set nothing is fetched.
    """
    given = settings(registry=registry, data_dir=data_dir, weights_mirror=mirror)
    from service.models.registry import Registry

    models = Registry(given)
    remote = [name for name in models.names if (entry := models.status(name).record.entry) and entry.is_remote]
    if not names and not every:
        raise BadParameter(f"name the models to fetch, or use --all; there are {', '.join(remote)}")
    failures = 0
    for name in names or remote:
        try:
            _pull_one(models, models.entry(name), force)
        except FoveaError as error:
            print_error(f"{name}: {error}")
            failures += 1
    if failures:
        raise typer.Exit(FAILED)


@app.command(
    epilog="Examples: `fovea models convert mine.pth`, `fovea models convert mine.pth mine.safetensors --half`"
)
def convert(
    source: Annotated[Path, typer.Argument(help="A .pth or .pt file: a state dict, or a checkpoint that holds one.")],
    out: Annotated[
        Path | None, typer.Argument(help="The file to write; beside the source as .safetensors if left out.")
    ] = None,
    half: Annotated[bool, typer.Option("--half", help="Store weights (not biases) in half precision.")] = False,
    key: Annotated[
        str, typer.Option(help="Where in the checkpoint the weights lie, such as `state_dict_ema`; found if left out.")
    ] = "",
) -> None:
    """Convert a PyTorch checkpoint to safetensors, without running any code that it contains."""
    from service.models.convert import read_checkpoint
    from service.models.weights import save

    target = out or source.with_suffix(".safetensors")
    checkpoint = read_checkpoint(source, key)
    sha256 = save(checkpoint.state, target, half=half)
    print_source(checkpoint)
    typer.echo(f'{target}\n\nweights = "{target.name}"\nsha256 = "{sha256}"')


app.command(epilog=EXAMPLE)(add)
app.command(epilog="Example: `fovea models filters resnet18 --out filters.png`")(filters)
app.command(epilog="Example: `fovea models activations resnet18 samples/retina.jpg --layer layer1 --out units.png`")(
    activations
)


def _pull_one(models: Registry, entry: Entry, force: bool) -> None:
    from service.models.pull import pull as pull_weights

    if not force and models.store.has(entry) and models.examine(entry.name).state == "ready":
        print_line(f"{entry.name}: already here; --force fetches it again")
        return
    with download_bar(entry.name) as show_progress:
        origin = pull_weights(entry, models.store, models.settings, progress=show_progress)
    print_line(f"{entry.name}: ready, from {origin.url}")
    print_line(f"  sha256 as fetched {origin.fetched_sha256}")
    print_line(f"  sha256 as stored  {origin.sha256}")


def _row(one: ModelOutline) -> dict[str, Any]:
    entry = one.entry
    return {
        "default": one.default,
        "state": one.state,
        "problem": one.problem,
        "version": entry.version if entry else "",
        "architecture": entry.architecture if entry else "",
        "classes": one.classes,
        "weights": entry.weights if entry else "",
        "weights_sha256": one.weights_sha256,
    }


def _columns(one: ModelOutline) -> tuple[str, ...]:
    row = _row(one) | {"classes": "" if one.classes is None else one.classes}
    return tuple(str(row[column]) for column in COLUMNS[2:])


def _shapes(status: Status | None) -> dict[str, tuple[int, ...]]:
    classifier = status.classifier if status else None
    return {name: tuple(classifier.shapes[name]) for name in classifier.network.names} if classifier else {}


def _sha256(status: Status) -> str:
    return status.classifier.weights_sha256 if status.classifier else ""


def _coloured(state: str) -> Text:
    return Text(state, style=COLOURS[state])
