"""Take up a registry that has changed, model by model, while the service answers."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from service.errors import RegistryError
from service.models.catalogue import Catalogue, Record, parse
from service.models.file_stamps import Stamps, stamps
from service.models.loader import Loader
from service.models.states import States, Status

log = logging.getLogger(__name__)

Outcome = Literal["added", "changed", "unchanged", "failed"]


@dataclass(frozen=True)
class Failure:
    """A model that could not be taken up, and why. An older version of it goes on answering if it did before."""

    name: str
    problem: str


@dataclass(frozen=True)
class Reload:
    """What reading the registry again has changed.

    at: when, in UTC. added, changed, removed, unchanged: names of models. failed: those that are not as the registry
    says. problem: why the registry itself could not be read; empty if it could.
    """

    at: datetime
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    failed: tuple[Failure, ...] = ()
    unchanged: tuple[str, ...] = ()
    problem: str = ""


class Locks:
    """A lock for each name, so that one model is loaded by one thread at a time."""

    def __init__(self) -> None:
        self._locks: dict[str, threading.Lock] = {}
        self._creating = threading.Lock()

    def __getitem__(self, name: str) -> threading.Lock:
        with self._creating:
            return self._locks.setdefault(name, threading.Lock())


class Reloader:
    """Reads a registry again and replaces the statuses that differ. path: of the registry. catalogue: as first read.

    Each model is replaced in one step, after the new one is ready. Whoever holds the old classifier goes on with it.
    """

    def __init__(self, path: Path, catalogue: Catalogue, loader: Loader, states: States, locks: Locks) -> None:
        self._path, self._loader, self._states, self._locks = path, loader, states, locks
        self._records = catalogue.records
        self._one_at_a_time = threading.Lock()

    def reload(self) -> Reload:
        """Load what is new or has changed, and forget what is gone. Raises nothing that a broken registry can cause."""
        with self._one_at_a_time:
            try:
                catalogue = parse(self._path)
            except (RegistryError, OSError) as error:
                reason = f"the registry cannot be read, and everything stays as it was: {error}"
                return Reload(datetime.now(UTC), unchanged=self._states.now.names, problem=reason)
            self._records = catalogue.records
            return self._apply(catalogue)

    def files(self) -> Stamps:
        """What the registry and its models are made from, as it is now: their TOML files, weights and pictures."""
        files = set(self._path.glob("*.toml")) if self._path.is_dir() else {self._path}
        for record in self._records.values():
            files |= {record.file, *self._loader.files(record)}
        return stamps(files)

    def _apply(self, catalogue: Catalogue) -> Reload:
        found: dict[Outcome, list[str]] = {"added": [], "changed": [], "unchanged": [], "failed": []}
        before = self._states.now
        lost = {name: status for name, status in before.by_name.items() if name not in catalogue.records}
        hidden = {name: status for name, status in lost.items() if status.record.file in catalogue.unreadable}
        files = {status.record.file for status in hidden.values()}
        for record in catalogue.records.values():
            if record.file not in files or record.name in before.by_name:  # else it stands for those that are hidden
                found[self._take_up(record)].append(record.name)
        for name, status in hidden.items():
            self._keep(name, catalogue.unreadable[status.record.file])
        removed = sorted(lost.keys() - hidden.keys())
        default, problem = self._default(catalogue, removed)
        self._remove(removed, default)
        now = self._states.now
        failed = [Failure(name, now[name].problem) for name in sorted([*found["failed"], *hidden])]
        return Reload(
            datetime.now(UTC),
            added=tuple(sorted(found["added"])),
            changed=tuple(sorted(found["changed"])),
            removed=tuple(removed),
            failed=tuple(failed),
            unchanged=tuple(sorted(found["unchanged"])),
            problem=problem,
        )

    def _take_up(self, record: Record) -> Outcome:
        """Load a model unless it is what answers already."""
        with self._locks[record.name]:
            old = self._states.now.by_name.get(record.name)
            if old is not None and old.state in {"ready", "loading"} and self._loader.is_current(old, record):
                if old.problem and old.state == "ready":
                    self._states.put(replace(old, problem=""))
                return "unchanged"
            if old is None:
                self._states.put(self._loader.initial(record))
            new = self._loader.load(record)
            if new.classifier is None and old is not None and old.classifier is not None:
                self._states.put(replace(old, problem=_stays(new.problem)))
                return "failed"
            self._states.put(new)
            return _outcome(old, new)

    def _keep(self, name: str, problem: str) -> None:
        """A model whose file cannot be read any more goes on as it is."""
        with self._locks[name]:
            old = self._states.now[name]
            self._states.put(replace(old, problem=_stays(problem) if old.classifier else problem))

    def _default(self, catalogue: Catalogue, removed: list[str]) -> tuple[str | None, str]:
        """The default from now on: as the registry says, unless that cannot answer and the one before can."""
        now, new = self._states.now, catalogue.default
        old = now.by_name.get(now.default or "")
        if catalogue.unreadable and old is not None and now.default not in removed:
            return now.default, ""  # what cannot be read may name it
        if new not in now.by_name:
            return None, ""
        if new == now.default or now[new].classifier is not None or now.default in removed:
            return new, ""
        if old is None or old.classifier is None:
            return new, ""
        return now.default, f"model {now.default!r} stays the default, because {new!r} is not ready"

    def _remove(self, names: list[str], default: str | None) -> None:
        for name in names:
            self._locks[name].acquire()  # a model that is being loaded would come back
        try:
            self._states.remove(names, default)
        finally:
            for name in names:
                self._locks[name].release()


def log_reload(reload: Reload) -> None:
    """One line for what changed, and one for each thing that could not."""
    parts = [(part, getattr(reload, part)) for part in ("added", "changed", "removed")]
    changes = "; ".join(f"{part}: {', '.join(names)}" for part, names in parts if names)
    log.info("the registry was read again; %s", changes or "no model has changed")
    for failure in reload.failed:
        log.warning("%s", failure.problem)
    if reload.problem:
        log.warning("%s", reload.problem)


def _stays(problem: str) -> str:
    return f"the old model stays in use, because the new one failed to load: {problem}"


def _outcome(old: Status | None, new: Status) -> Outcome:
    """What became of a model that was loaded anew. Weights that have to be fetched first are no failure."""
    to_fetch = new.state == "missing" and new.record.weights is None
    if new.classifier is None and not to_fetch:
        return "failed"
    if old is None:
        return "added"
    return "unchanged" if to_fetch and old.record == new.record else "changed"
