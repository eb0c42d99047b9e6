"""Put a model into a registry folder: all faults of its entry at once, and everything or nothing on the disk."""

from __future__ import annotations

import os
import shutil
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from service.errors import BadParameter, FoveaError, RegistryError
from service.models import toml
from service.models.catalogue import Catalogue, parse
from service.models.checkpoint import Checkpoint
from service.models.convert import read_checkpoint
from service.models.entry import Entry, to_toml
from service.models.library_frames import usual_frame
from service.models.model_folder import FolderFacts, read_folder
from service.models.registry import Registry
from service.models.states import Status
from service.models.validation_message import validation_message
from service.models.weights import digest, save, write_whole
from service.models.weights import parse as parse_weights
from service.settings import Settings

ANY = "-"
"""In place of a required text that is missing, to find the faults of the other fields."""

SUFFIX = ".safetensors"


@dataclass(frozen=True)
class Addition:
    """A model to add. source: a weights file, or a folder of transformers or timm. fields: of its entry, as given.

    key: where in a checkpoint the weights lie. half: store them in half precision. default: answer where no model is
    named. force: replace a model of the same name.
    """

    source: Path
    name: str
    fields: Mapping[str, Any]
    key: str = ""
    half: bool = False
    default: bool = False
    force: bool = False


@dataclass(frozen=True)
class Added:
    """What was added. status: of the loaded model. checkpoint: what the weights were taken from, if it was one."""

    entry: Entry
    file: Path
    status: Status
    checkpoint: Checkpoint | None


class Incomplete(BadParameter):
    """An entry with faults. faults: (field, what is wrong with it), all of them."""

    def __init__(self, faults: list[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{field}: {text}" for field, text in faults))
        self.faults = faults


def add_model(addition: Addition, settings: Settings) -> Added:
    """Write a model's entry and its weights into the registry folder, after it was loaded and compared from there.

    Where anything fails, the folder is as it was. Raises Incomplete, BadParameter, WeightsError, or RegistryError where
    the model does not load.
    """
    folder = settings.registry
    facts = read_folder(addition.source) if addition.source.is_dir() else FolderFacts(addition.source, {}, {})
    entry = _entry(addition, facts)
    existing = _existing(folder, addition)
    with _staged(folder, addition.name) as stage:
        draft = stage / f"{addition.name}{SUFFIX}"
        checkpoint = _write_weights(facts.weights, draft, addition)
        sha256 = digest(draft)
        # The name has the digest, so that an entry never finds the weights of another one, not even for a moment.
        weights = draft.rename(stage / f"{addition.name}-{sha256[:8]}{SUFFIX}")
        entry = entry.model_copy(update={"weights": weights.name, "sha256": sha256})
        write_whole(stage / f"{addition.name}.toml", (_heading(addition, existing) + to_toml(entry)).encode())
        status = Registry(settings.model_copy(update={"registry": stage})).examine(addition.name)
        if status.classifier is None:
            raise RegistryError(status.problem.split("; fix it and run `fovea models verify")[0])
        _put_in_place(stage, folder, entry, addition.force)
    _remove_old_weights(folder, existing, entry)
    return Added(entry, folder / f"{addition.name}.toml", status, checkpoint)


def _entry(addition: Addition, facts: FolderFacts) -> Entry:
    """The entry, as far as it can be known before the weights are stored. Raises Incomplete."""
    given = {name: value for name, value in addition.fields.items() if value not in (None, {}, ())}
    fields: dict[str, Any] = {**facts.fields, **given, "name": addition.name}
    fields |= {"weights": f"x{SUFFIX}", "sha256": "0" * 64, "card": dict(addition.fields.get("card") or {})}
    if "arguments" in facts.fields and "arguments" in given:
        fields["arguments"] = facts.fields["arguments"] | given["arguments"]
    faults = {field: text for field, text in facts.unknown.items() if field not in given}
    if "architecture" in fields and "frame" not in facts.unknown:
        try:
            fields["frame"] = {
                **(facts.fields.get("frame") or usual_frame(fields["architecture"])),
                **given.get("frame", {}),
            }
        except BadParameter as error:
            faults |= {"frame": str(error)} if "frame" not in given else {}
        except ImportError:
            pass  # loading the model says how to install the library
    found = _faults(fields)
    found = [(field, text) for field, text in found if field not in faults]
    if found or faults:
        raise Incomplete([*found, *faults.items()])
    return Entry.model_validate(fields)


def _faults(fields: dict[str, Any]) -> list[tuple[str, str]]:
    """Everything that is wrong with an entry's fields, also what pydantic checks only once all of them are there."""
    try:
        Entry.model_validate(fields)
    except ValidationError as error:
        found = [_fault(validation_message(one, Entry)) for one in error.errors()]
        missing = [one["loc"] for one in error.errors() if one["type"] == "missing"]
        if len(missing) < len(found) or not missing:
            return found
        filled = fields | {"card": dict(fields["card"])}
        for place in missing:
            table = filled["card"] if place[0] == "card" else filled
            table[str(place[-1])] = FILLINGS.get(str(place[-1]), ANY)
        known = {field for field, _ in found}
        return found + [(field, text) for field, text in _faults(filled) if field not in known]
    return []


FILLINGS: dict[str, Any] = {"labels": ["a", "b"], "architecture": "resnet18"}


def _fault(message: str) -> tuple[str, str]:
    field, _, text = message.removeprefix("field ").partition(": ")
    return field, text


def _existing(folder: Path, addition: Addition) -> Catalogue | None:
    """The registry before, None where there is none. Raises BadParameter where it is a file, or has the model."""
    if folder.is_file() or folder.suffix == ".toml":
        raise BadParameter(
            f"the registry {folder} is a single file, and models are added to a folder, one file per model: move it and"
            f" the weights beside it into one (mkdir models && mv {folder.name} models/), and use --registry models"
        )
    if not folder.is_dir() or not any(folder.glob("*.toml")):
        return None
    found = parse(folder)
    file, name = folder / f"{addition.name}.toml", addition.name
    known = found.records.get(name)
    if known is not None and known.file != file:
        raise BadParameter(
            f"model {name!r} is described in {known.file} already; choose another --name, or remove it there"
        )
    if known is not None and not addition.force:
        raise BadParameter(
            f"model {name!r} exists already, in {file}; choose another --name, or replace it with --force"
        )
    others = [one.name for one in found.records.values() if one.file == file and one.name != name]
    if others:
        raise BadParameter(f"{file} describes {', '.join(others)} as well; move them to files of their own first")
    if addition.default and found.default not in (None, name) and _names_default(found):
        raise BadParameter(
            f"model {found.default!r} is the default already; remove the line `default` in its file first"
        )
    return found


def _names_default(catalogue: Catalogue) -> bool:
    """Whether a file of the folder itself names the default."""
    return any("default" in _top_level(file) for file in catalogue.path.glob("*.toml"))


def _top_level(file: Path) -> dict[str, Any]:
    """What a registry file says beside its models; nothing where it cannot be read."""
    try:
        document = tomllib.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return {key: value for key, value in document.items() if key in {"default", "shipped"}}


def _heading(addition: Addition, existing: Catalogue | None) -> str:
    """The lines above the model's table, which an entry that is replaced keeps."""
    kept = _top_level(existing.path / f"{addition.name}.toml") if existing else {}
    lines = kept | ({"default": addition.name} if addition.default else {})
    return toml.dumps(lines) + "\n" if lines else ""


@contextmanager
def _staged(folder: Path, name: str) -> Iterator[Path]:
    """A folder within the registry, where nobody looks for models; gone afterwards, and the registry if it is new."""
    created = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    stage = Path(tempfile.mkdtemp(dir=folder, prefix=f".{name}-"))
    try:
        yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)
        for one in created:
            if one.is_dir() and not any(one.iterdir()):
                one.rmdir()


def _write_weights(source: Path, target: Path, addition: Addition) -> Checkpoint | None:
    """Weights as safetensors: copied if they are, and converted if not."""
    if source.suffix == SUFFIX and addition.half:
        save(parse_weights(source.read_bytes(), source.name), target, half=True)
        return None
    if source.suffix == SUFFIX:
        with source.open("rb") as original, target.open("wb") as copy:
            shutil.copyfileobj(original, copy, 2**20)
            copy.flush()
            os.fsync(copy.fileno())
        target.chmod(0o644)
        return None
    checkpoint = read_checkpoint(source, addition.key)
    save(checkpoint.state, target, half=addition.half)
    return checkpoint


def _put_in_place(stage: Path, folder: Path, entry: Entry, force: bool) -> None:
    """The weights first, and then the entry in one step: with it, the model is in the registry."""
    weights, name = folder / entry.weights, f"{entry.name}.toml"
    new = not weights.exists()
    (stage / entry.weights).replace(weights)
    try:
        if force:
            (stage / name).replace(folder / name)
        else:
            os.link(stage / name, folder / name)
    except BaseException as error:
        if new:
            weights.unlink(missing_ok=True)
        if isinstance(error, FileExistsError):
            raise BadParameter(
                f"{folder / name} has just been written by somebody else; nothing was changed"
            ) from error
        raise


def _remove_old_weights(folder: Path, before: Catalogue | None, entry: Entry) -> None:
    """Of the model that was replaced, unless another entry names the same file."""
    record = before.records.get(entry.name) if before else None
    old = record.weights if record else None
    if old is None or old.parent != folder or old.name == entry.weights:
        return
    try:
        used = {one.weights for one in parse(folder).records.values()}
    except FoveaError:
        return
    if old not in used:
        old.unlink(missing_ok=True)
