"""Registry files: TOML tables into entries, with errors that name file, model and field. Loads no weights."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from service.errors import RegistryError
from service.models.entry import Entry
from service.models.validation_message import validation_message
from service.settings import SHIPPED_REGISTRY

_TOP_LEVEL: dict[str, tuple[type, str]] = {
    "default": (str, "the name of a model in quotes"),
    "shipped": (bool, "true or false"),
    "models": (dict, "tables, one per model: [models.NAME]"),
}


@dataclass(frozen=True)
class Record:
    """One model of a registry. file: the TOML file that describes it. entry: None if `problem` says what is wrong."""

    name: str
    file: Path
    entry: Entry | None = None
    problem: str = ""

    @property
    def weights(self) -> Path | None:
        """The weights file of an entry that names a local one; None if it is fetched or the entry is broken."""
        if self.entry is None or self.entry.is_remote:
            return None
        return self.file.parent / self.entry.weights

    @property
    def missing_weights(self) -> str:
        """The problem of a model whose weights are not on this machine, with the remedy."""
        if self.weights is None:
            return f"model {self.name!r} has no weights here yet; run `fovea models pull {self.name}`"
        return (
            f"model {self.name!r} lacks its weights file {self.weights.name}; put it beside {self.file.name},"
            f" then run `fovea models verify {self.name}`"
        )


@dataclass(frozen=True)
class Catalogue:
    """All models of a registry, by name. default: the model that answers requests that name none, or None.

    unreadable: the files whose models could not be found out, and why; each has one record, named after the file.
    """

    path: Path
    default: str | None
    records: dict[str, Record]
    unreadable: dict[Path, str] = field(default_factory=dict)


def parse(path: Path, kind: type[Entry] = Entry) -> Catalogue:
    """Read a registry: one TOML file, or a folder whose *.toml files are merged. kind: the class of its entries.

    With `shipped = true` in a file the shipped models are served as well. A broken entry or file becomes a record with
    a problem and does not affect the others.

    Raises RegistryError if there is no registry at `path`, or if two files name different defaults.
    """
    files = sorted(path.glob("*.toml")) if path.is_dir() else [path]
    if not files or not files[0].is_file():
        raise RegistryError(f"no registry at {path}: it must be a TOML file or a folder with *.toml files")
    draft = _Draft()
    for file in files:
        for record in _read(file, draft, kind):
            draft.add(record)
    others = parse(SHIPPED_REGISTRY, kind) if draft.shipped and path != SHIPPED_REGISTRY else None
    for record in others.records.values() if others else ():
        draft.add(record)
    default = draft.default() or (others.default if others else None)
    return Catalogue(path, default, draft.records, draft.unreadable)


@dataclass
class _Draft:
    """A registry while its files are read. defaults: each default and the file that names it. unreadable: see above."""

    records: dict[str, Record] = field(default_factory=dict)
    defaults: dict[str, Path] = field(default_factory=dict)
    unreadable: dict[Path, str] = field(default_factory=dict)
    shipped: bool = False

    def add(self, record: Record) -> None:
        """Add a model; a name that occurs twice is served from neither file."""
        known = self.records.get(record.name)
        if known:
            places = f"in {_place(known.file)} and in {_place(record.file)}"
            record = replace(record, entry=None, problem=f"model {record.name!r} is described twice, {places}")
        self.records[record.name] = record

    def unreadable_file(self, file: Path, problem: str) -> Record:
        """Note a file whose models cannot be found out; the record that stands for them."""
        self.unreadable[file] = problem
        return Record(_name_of(file), file, problem=problem)

    def default(self) -> str | None:
        """The default that a file names, or the only model there is. Raises RegistryError if several are named."""
        if len(self.defaults) > 1:
            named = ", ".join(f"{name!r} in {_place(file)}" for name, file in self.defaults.items())
            raise RegistryError(f"a registry has one default model, but these are named: {named}")
        for name, file in self.defaults.items():
            if name not in self.records:
                problem = f"{_place(file)}: default names the model {name!r}, and no file has a table [models.{name}]"
                self.add(Record(name, file, problem=problem))
            return name
        return next(iter(self.records)) if len(self.records) == 1 else None


def _read(file: Path, draft: _Draft, kind: type[Entry]) -> Iterator[Record]:
    try:
        document = tomllib.loads(file.read_bytes().decode())
    except (OSError, ValueError) as error:
        yield draft.unreadable_file(file, f"{_place(file)} cannot be read as TOML: {error}")
        return
    models = document.get("models", {})
    problem = _misplaced(document)
    if problem:
        problem = f"{_place(file)}: {problem}"
        if isinstance(models, dict) and models:
            yield from (Record(name, file, problem=problem) for name in models)
        else:
            yield draft.unreadable_file(file, problem)
        return
    if "default" in document:
        draft.defaults[document["default"]] = file
    draft.shipped |= document.get("shipped", False)
    for name, table in models.items():
        yield _record(name, table, file, kind)


def _misplaced(document: dict[str, Any]) -> str:
    for key, value in document.items():
        if key not in _TOP_LEVEL:
            close = difflib.get_close_matches(key, _TOP_LEVEL, 1)
            suggestion = f"; did you mean {close[0]}?" if close else ""
            return f"{key!r} is out of place: a registry file has default, shipped and tables [models.NAME]{suggestion}"
        kind, description = _TOP_LEVEL[key]
        if not isinstance(value, kind):
            return f"{key} must be {description} (you wrote {value!r})"
    return ""


def _record(name: str, table: object, file: Path, kind: type[Entry]) -> Record:
    place = f"{_place(file)}, model {name!r}"
    if not isinstance(table, dict):
        return Record(name, file, problem=f"{place}: must be a table [models.{name}]")
    if "name" in table:
        return Record(name, file, problem=f"{place}, field name: the heading [models.{name}] is the name already")
    try:
        return Record(name, file, kind.model_validate({"name": name} | table))
    except ValidationError as error:
        faults = (validation_message(fault, Entry) for fault in error.errors())
        return Record(name, file, problem="; ".join(f"{place}, {fault}" for fault in faults))


def _place(file: Path) -> str:
    return f"{file.parent.name}/{file.name}" if file.parent.name else file.name


def _name_of(file: Path) -> str:
    return re.sub(r"[^a-z0-9._-]", "-", file.stem.lower())
