"""Registry files: TOML tables into entries, with errors that name file, model and field. Loads no weights."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from service.errors import RegistryError
from service.models.complaint import complaint
from service.models.entry import Entry


@dataclass(frozen=True)
class Record:
    """One model of a registry. file: the TOML file that has it; entry: None where `problem` says what is wrong."""

    name: str
    file: Path
    entry: Entry | None = None
    problem: str = ""

    @property
    def weights(self) -> Path | None:
        """The weights file of an entry that names a local one; None where it is fetched or the entry is broken."""
        if self.entry is None or self.entry.is_remote:
            return None
        return self.file.parent / self.entry.weights


@dataclass(frozen=True)
class Catalogue:
    """All models of a registry, by name. default: the one that answers where none is asked for; None: none does."""

    path: Path
    default: str | None
    records: dict[str, Record]


def parse(path: Path) -> Catalogue:
    """Read a registry: one TOML file, or a folder whose *.toml files are merged.

    A broken entry, or a broken file, becomes a record with a problem and leaves the others alone.

    Raises RegistryError where there is no registry at `path`, or two files disagree on the default.
    """
    files = sorted(path.glob("*.toml")) if path.is_dir() else [path]
    if not files or not files[0].is_file():
        raise RegistryError(f"no registry at {path}: it must be a TOML file or a folder with *.toml files")
    defaults: dict[str, Path] = {}
    records: dict[str, Record] = {}
    for file in files:
        for found in _read(file, defaults):
            records[found.name] = _merged(records.get(found.name), found)
    return Catalogue(path, _default(defaults, records), records)


def _read(file: Path, defaults: dict[str, Path]) -> Iterator[Record]:
    try:
        document = tomllib.loads(file.read_bytes().decode())
    except (OSError, ValueError) as error:
        yield Record(_name_of(file), file, problem=f"{_place(file)} cannot be read as TOML: {error}")
        return
    default, models = document.pop("default", None), document.pop("models", {})
    problem = _misplaced(document, default, models)
    if problem:
        names = models if isinstance(models, dict) and models else [_name_of(file)]
        yield from (Record(name, file, problem=f"{_place(file)}: {problem}") for name in names)
        return
    if default is not None:
        defaults[default] = file
    for name, table in models.items():
        yield _record(name, table, file)


def _misplaced(rest: dict[str, Any], default: object, models: object) -> str:
    if rest:
        key = next(iter(rest))
        close = difflib.get_close_matches(key, ["default", "models"], 1)
        meant = f"; did you mean {close[0]}?" if close else ""
        return f"{key!r} is out of place: a registry file holds `default` and tables [models.NAME]{meant}"
    if default is not None and not isinstance(default, str):
        return f"default must be the name of a model in quotes (you wrote {default!r})"
    return "" if isinstance(models, dict) else "models must be tables, one a model: [models.NAME]"


def _record(name: str, table: object, file: Path) -> Record:
    place = f"{_place(file)}, model {name!r}"
    if not isinstance(table, dict):
        return Record(name, file, problem=f"{place}: must be a table [models.{name}]")
    if "name" in table:
        return Record(name, file, problem=f"{place}, field name: the heading [models.{name}] is the name already")
    try:
        return Record(name, file, Entry.model_validate({"name": name} | table))
    except ValidationError as error:
        faults = (complaint(fault, Entry) for fault in error.errors())
        return Record(name, file, problem="; ".join(f"{place}, {fault}" for fault in faults))


def _merged(known: Record | None, found: Record) -> Record:
    if known is None:
        return found
    problem = f"model {found.name!r} is described twice, in {_place(known.file)} and in {_place(found.file)}"
    return replace(found, entry=None, problem=problem)


def _default(defaults: dict[str, Path], records: dict[str, Record]) -> str | None:
    if len(defaults) > 1:
        stated = ", ".join(f"{name!r} in {_place(file)}" for name, file in defaults.items())
        raise RegistryError(f"a registry has one default model, and here are {stated}")
    for name, file in defaults.items():
        if name not in records:
            problem = f"{_place(file)}: default names the model {name!r}, and no file has a table [models.{name}]"
            records[name] = Record(name, file, problem=problem)
        return name
    return next(iter(records)) if len(records) == 1 else None


def _place(file: Path) -> str:
    return f"{file.parent.name}/{file.name}" if file.parent.name else file.name


def _name_of(file: Path) -> str:
    return re.sub(r"[^a-z0-9._-]", "-", file.stem.lower())
