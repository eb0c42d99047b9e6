"""`fovea collections`: fill, list, show, embed again, project, report on and delete collections of reference images."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.filesize import decimal
from rich.text import Text

from service.cli.collection_bias import bias
from service.cli.collection_import import import_
from service.cli.collection_projections import project
from service.cli.command_group import command_group
from service.cli.options import CollectionArgument, JsonOption, RegistryOption
from service.cli.output import console, facts_table, print_json, print_line, print_table
from service.cli.progress_bars import stage_bar
from service.cli.settings_options import settings

if TYPE_CHECKING:
    from service.cli.registry_outline import RegistryOutline
    from service.collections.collection import Collection
    from service.collections.library import Library
    from service.collections.store.interface import Store

app = command_group(
    "Collections of reference images, for similar images, projections and reports.",
    epilog="Begin with `fovea collections import FOLDER`, a folder with one subfolder per label.",
)

COLUMNS = ("collection", "model", "images", "vectors", "thumbnails", "originals", "")

app.command(
    "import",
    epilog="Examples: `fovea collections import photographs --name eyes --model glaucoma --keep-images`,"
    " `fovea collections import --generate --images 200 --name generated`",
)(import_)
app.command("bias", epilog="Examples: `fovea collections bias eyes`, `fovea collections bias eyes --html bias.html`")(
    bias
)
app.command(
    epilog="Examples: `fovea collections project eyes --method tsne --out eyes.png`,"
    " `fovea collections project eyes --method pca --dimensions 3 --json`",
)(project)


@app.command("list", epilog="Examples: `fovea collections list`, `fovea collections list --json`")
def list_(registry: RegistryOption = None, as_json: JsonOption = False) -> None:
    """List all collections with their models and how many images each has."""
    with _open_store(registry) as (store, models):
        found = [_facts(models, one) for one in store.collections.all()]
    if as_json:
        print_json(found)
        return
    if not found:
        print_line("There are no collections yet; `fovea collections import FOLDER` creates one.")
        return
    print_table(COLUMNS, [_row(one) for one in found])


@app.command(epilog="Examples: `fovea collections show eyes`, `fovea collections show eyes --json`")
def show(name: CollectionArgument, registry: RegistryOption = None, as_json: JsonOption = False) -> None:
    """Show one collection: labels, model, size, projections, and whether it still fits its model."""
    with _open_store(registry) as (store, models):
        collection, content = store.collections.get(name), store.collections.content(name)
        revision = store.collections.revision(name)
        projections = {one.name: one.revision != revision for one in store.projections.all(name)}
        found = _facts(models, collection) | asdict(content) | {"projections": projections}
    if as_json:
        print_json(found)
        return
    labels = ", ".join(f"{label or '(none)'} {count}" for label, count in content.labels.items())
    remedy = f"run `fovea collections reembed {name}`" if collection.originals else "import the folder into a new one"
    rows = {
        "images": f"{collection.count}: {labels}" if labels else "none",
        "model": f"{collection.model}, weights {found['weights_sha256']}",
        "state": f"stale: {found['stale_reason']}; {remedy}" if found["stale"] else "fits its model",
        "vectors": f"{collection.dim} numbers after {found['layer']}",
        "thumbnails": _yes(collection.thumbnails),
        "originals": _yes(collection.originals),
        "size": decimal(content.bytes),
        "projections": ", ".join(f"{one} (outdated)" if old else one for one, old in projections.items()) or "none",
        "created": time.strftime("%Y-%m-%d %H:%M", time.localtime(collection.created)),
    }
    console().print(facts_table(rows.items()), Text(str(found["notice"])), soft_wrap=True)


@app.command(epilog="Examples: `fovea collections delete eyes`, `fovea collections delete eyes --yes`")
def delete(
    name: CollectionArgument, yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")] = False
) -> None:
    """Delete a collection and everything in it for good."""
    with _open_store(None) as (store, _):
        count = store.collections.get(name).count
        if not yes:
            typer.confirm(f"Delete {name} and its {count} images for good?", abort=True)
        store.collections.delete(name)
    print_line(f"{name}: deleted, with {count} images")


@app.command(epilog="Example: `fovea collections reembed eyes`")
def reembed(name: CollectionArgument, registry: RegistryOption = None) -> None:
    """Embed a stale collection's images again with its model as it is now.

    The collection must store its images (import --keep-images). It stays as it was until the last image is done. An
    interrupted run resumes where it stopped.
    """
    given = settings(registry=registry)
    from service.collections.library import Library
    from service.runtime.inference_service import InferenceService

    found = asyncio.run(_reembed(Library(InferenceService(given)), name))
    weights = found.fingerprint.weights_sha256[:12]
    print_line(f"{name}: {found.count} images embedded by weights {weights} of model {found.model}")


async def _reembed(library: Library, name: str) -> Collection:
    from service.collections import reembedding

    answers = library.answers
    try:
        answers.registry.load((await library.collection(name)).collection.model)
        await answers.start(load=False)
        with stage_bar(name) as show_stage:
            return await reembedding.reembed(library, name, show_stage)
    finally:
        await library.close()
        await answers.close()


@contextmanager
def _open_store(registry: Path | None) -> Iterator[tuple[Store, RegistryOutline]]:
    """The collections on the disk and the models they may belong to; neither imports PyTorch."""
    given = settings(registry=registry)
    from service.cli.registry_outline import registry_outline
    from service.collections.store.opening import open_store

    store = open_store(given.collections_location)
    try:
        yield store, registry_outline(given)
    finally:
        store.close()


def _facts(models: RegistryOutline, one: Collection) -> dict[str, Any]:
    from service.collections.staleness import fingerprint_of_entry, stale_reason

    model = models.models.get(one.model)
    reason = stale_reason(one, fingerprint_of_entry(model.entry, model.weights_sha256) if model else None)
    facts = {name: value for name, value in vars(one).items() if name != "fingerprint"}
    fingerprint = {"weights_sha256": one.fingerprint.weights_sha256, "layer": one.fingerprint.layer}
    notice = model.entry.card.notice if model and model.entry else ""
    return facts | fingerprint | {"stale": reason is not None, "stale_reason": reason, "notice": notice}


def _row(one: dict[str, Any]) -> tuple[str | Text, ...]:
    names = (one["name"], one["model"], str(one["count"]), f"{one['dim']} after {one['layer']}")
    return (*names, _yes(one["thumbnails"]), _yes(one["originals"]), Text("stale" if one["stale"] else "", "yellow"))


def _yes(stored: bool) -> str:
    return "yes" if stored else "no"
