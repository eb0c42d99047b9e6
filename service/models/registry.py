"""All models of the service: each ready, missing, loading or failed, and a broken one never stops the others."""

from __future__ import annotations

import gc
import logging
import threading
from dataclasses import dataclass, replace
from typing import Literal

import torch

from service.errors import FoveaError, ModelUnavailable, RegistryError, UnknownName, WeightsError
from service.models.catalogue import Record, parse
from service.models.classifier import Classifier
from service.models.entry import Entry
from service.models.parity import golden_images
from service.models.pull import pull
from service.models.sanity import Sanity, sanity
from service.models.weights import State, read
from service.models.weights_store import WeightsStore
from service.settings import Settings

Readiness = Literal["ready", "missing", "loading", "failed"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Status:
    """What the registry knows of one model at one instant; replaced whole, never changed.

    record: its description. state: ready, missing, loading or failed. problem: what is wrong, with the command that
    mends it; may also tell of a reload that failed while the old classifier goes on. classifier: where ready.
    sanity: whether its maps owe anything to its weights; None until that has been looked into.
    """

    record: Record
    state: Readiness
    problem: str = ""
    classifier: Classifier | None = None
    sanity: Sanity | None = None


class Absent(WeightsError):
    """The weights are simply not there yet."""


class Registry:
    """Thread-safe. Nothing is loaded until `load` or `load_all` is called.

    Raises RegistryError where settings.registry is no registry at all; a broken entry is no such case, it is `failed`.
    """

    def __init__(self, settings: Settings) -> None:
        catalogue = parse(settings.registry)
        self.default = catalogue.default
        self.settings = settings
        self.store = WeightsStore(settings.data_dir / "weights")
        self._statuses = {name: self._first_look(record) for name, record in catalogue.records.items()}
        self._loading = {name: threading.Lock() for name in catalogue.records}
        self._starting = threading.Lock()
        self._closed = threading.Event()

    @property
    def names(self) -> tuple[str, ...]:
        """Every model, broken ones too; the default first, then by name."""
        return tuple(sorted(self._statuses, key=lambda name: (name != self.default, name)))

    def status(self, name: str | None = None) -> Status:
        """All there is to know of a model right now; None is the default. Raises UnknownName."""
        if name is None and self.default is None:
            raise UnknownName(f"there is no default model: name one of {', '.join(self.names)}")
        status = self._statuses.get(self.default or "" if name is None else name)
        if status is None:
            raise UnknownName(f"there is no model {name!r}: there are {', '.join(self.names)}")
        return status

    def state(self, name: str | None = None) -> Readiness:
        """ready, missing, loading or failed. Raises UnknownName."""
        return self.status(name).state

    def problem(self, name: str | None = None) -> str:
        """What is wrong with a model and the command that mends it; empty where nothing is. Raises UnknownName."""
        return self.status(name).problem

    def entry(self, name: str | None = None) -> Entry:
        """A model's entry. Raises UnknownName, or RegistryError where the entry itself is broken."""
        status = self.status(name)
        if status.record.entry is None:
            raise RegistryError(status.problem)
        return status.record.entry

    def get(self, name: str | None = None) -> Classifier:
        """A ready classifier, at once.

        A model whose weights have come since the last look, or may be fetched unasked, starts to load meanwhile.
        Raises UnknownName, or ModelUnavailable with what mends it.
        """
        status = self.status(name)
        if status.state == "missing" and self._can_have(status.record):
            status = self._begin(status)
        if status.classifier is None:
            raise ModelUnavailable(status.problem, retry_after=2 if status.state == "loading" else 60)
        return status.classifier

    def load(self, name: str | None = None) -> Classifier:
        """Load a model unless it is ready, and give its classifier; waits where another thread is loading it.

        Raises UnknownName, or ModelUnavailable with what mends it.
        """
        name = self.status(name).record.name
        with self._loading[name]:
            status = self._statuses[name]
            if status.classifier is None and status.record.entry is not None:
                self._statuses[name] = replace(status, state="loading", problem=_still_loading(name))
                self._statuses[name] = self._loaded(status.record)
        return self.get(name)

    def examine(self, name: str | None = None) -> Status:
        """What loading a model anew would come to, from its file to a first forward; changes and keeps nothing.

        Raises UnknownName.
        """
        return self._loaded(self.status(name).record, fetching=False)

    def weights_sha256(self, name: str) -> str:
        """Of the weights a model answers with, or will once it is loaded; "" where that is not known.

        Raises UnknownName.
        """
        status = self.status(name)
        if status.classifier is not None:
            return status.classifier.weights_sha256
        entry = status.record.entry
        if entry is None or status.record.weights is not None:
            return (entry and entry.sha256) or ""
        try:
            origin = self.store.origin(entry)
        except WeightsError:
            return ""
        return origin.sha256 if origin else ""

    def load_all(self) -> threading.Thread:
        """Load every model whose weights are there, in the background, the default first, and then look into the
        sanity of their maps; gives the thread.
        """
        thread = threading.Thread(target=self._load_each, name="registry", daemon=True)
        thread.start()
        return thread

    def close(self) -> None:
        """Let `load_all` end after the model it is at."""
        self._closed.set()

    def reload(self, name: str | None = None) -> Classifier:
        """Read a model's description anew, load it, and put it in place of the old in one step.

        Where anything fails the old classifier stays and goes on answering, and `problem` says what happened.
        Raises UnknownName, RegistryError or WeightsError.
        """
        name = self.status(name).record.name
        with self._loading[name]:
            old = self._statuses[name]
            record = parse(self.settings.registry).records.get(name)
            if record is None:
                raise RegistryError(f"model {name!r} is no longer in {self.settings.registry}")
            new = self._loaded(record)
            if new.classifier is None and old.classifier is not None:
                new = replace(old, problem=f"the old weights go on, for the new ones failed to load: {new.problem}")
            self._statuses[name] = new
        self._look_into(name)
        if new.classifier is None or new.problem:
            raise WeightsError(new.problem)
        return new.classifier

    def _first_look(self, record: Record) -> Status:
        if record.entry is None:
            return Status(record, "failed", record.problem)
        if self._has(record):
            return Status(record, "loading", _still_loading(record.name))
        return Status(record, "missing", _missing(record))

    def _has(self, record: Record) -> bool:
        """Whether the weights are on this machine."""
        if record.weights is not None:
            return record.weights.is_file()
        return record.entry is not None and self.store.has(record.entry)

    def _can_have(self, record: Record) -> bool:
        """Whether loading would find weights: they are here, or may be fetched unasked."""
        return self._has(record) or (record.weights is None and self.settings.auto_pull and not self.settings.offline)

    def _begin(self, status: Status) -> Status:
        name = status.record.name
        with self._starting:
            if self._statuses[name] is status:
                self._statuses[name] = replace(status, state="loading", problem=_still_loading(name))
                threading.Thread(target=self._load_late, args=(name,), name=f"load-{name}", daemon=True).start()
            return self._statuses[name]

    def _load_late(self, name: str) -> None:
        self._load_quietly(name)
        self._look_into(name)

    def _load_each(self) -> None:
        for name in self.names:
            if self._closed.is_set():
                return
            if self._statuses[name].state == "loading":
                self._load_quietly(name)
        torch.set_num_threads(1)  # of this thread: questions are answered meanwhile
        for name in self.names:
            if self._closed.is_set():
                return
            self._look_into(name)
        gc.collect()
        gc.freeze()  # with three networks a full collection stops every thread for a quarter of a second

    def _load_quietly(self, name: str) -> None:
        try:
            self.load(name)
        except ModelUnavailable as error:
            log.warning("%s", error)

    def _look_into(self, name: str) -> None:
        """Note the sanity of a ready model's maps."""
        status = self._statuses[name]
        if status.classifier is None or status.sanity is not None:
            return
        try:
            found = sanity(status.classifier, golden_images(status.classifier.entry, status.record.file.parent))
        except Exception:  # a user's own architecture may raise anything, and it answers questions all the same
            log.exception("the sanity of model %s could not be looked into", name)
            return
        with self._starting:
            if self._statuses[name] is status:
                self._statuses[name] = replace(status, sanity=found)

    def _loaded(self, record: Record, fetching: bool = True) -> Status:
        """The status of a model after an attempt to load it; raises nothing that a broken model can cause."""
        if record.entry is None:
            return Status(record, "failed", record.problem)
        try:
            state, sha256 = self._weights(record, record.entry, fetching)
            classifier = Classifier.build(
                record.entry,
                state,
                sha256,
                self.settings.engine,
                self.settings.precision,
                self.settings.forward_threads,
                self.settings.data_dir / "engines",
                record.file.parent,
            )
        except Absent as error:
            return Status(record, "missing", str(error))
        except FoveaError as error:
            return Status(record, "failed", _failed(record.name, str(error)))
        except Exception as error:  # a user's own architecture may raise anything, and the others must serve
            log.exception("model %s failed to load", record.name)
            return Status(record, "failed", _failed(record.name, f"{type(error).__name__}: {error}"))
        return Status(record, "ready", classifier=classifier)

    def _weights(self, record: Record, entry: Entry, fetching: bool) -> tuple[State, str]:
        if record.weights is not None:
            if not record.weights.is_file():
                raise Absent(_missing(record))
            sha256 = entry.sha256 or ""
            return read(record.weights, sha256), sha256
        origin = self.store.origin(entry)
        if origin is None and fetching and self._can_have(record):
            origin = pull(entry, self.store, self.settings)
        if origin is None:
            raise Absent(_missing(record))
        return read(self.store.file(entry), origin.sha256), origin.sha256


def _still_loading(name: str) -> str:
    return f"model {name!r} is still loading; ask again in a moment"


def _missing(record: Record) -> str:
    if record.weights is not None:
        return (
            f"model {record.name!r} lacks its weights file {record.weights.name}; put it beside {record.file.name},"
            f" then run `fovea models verify {record.name}`"
        )
    return f"model {record.name!r} has no weights here yet; run `fovea models pull {record.name}`"


def _failed(name: str, reason: str) -> str:
    return f"model {name!r} failed to load: {reason}; mend it and run `fovea models verify {name}`"
