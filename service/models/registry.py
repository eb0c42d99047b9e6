"""All models of the service: each ready, missing, loading or failed, and a broken one never stops the others."""

from __future__ import annotations

import gc
import logging
import threading
from collections.abc import Iterable
from dataclasses import replace

import torch

from service.errors import DoesNotApply, ModelUnavailable, RegistryError, UnknownName
from service.models.catalogue import parse
from service.models.classifier import Classifier
from service.models.entry import Entry
from service.models.file_stamps import Stamps
from service.models.loader import Loader, loading
from service.models.parity import golden_images
from service.models.reloading import Locks, Reload, Reloader, log_reload
from service.models.sanity import sanity
from service.models.states import State, States, Status, Statuses
from service.models.weights_store import WeightsStore
from service.settings import Settings

log = logging.getLogger(__name__)


class Registry:
    """Thread-safe. Nothing is loaded until `load` or `load_all` is called.

    Raises RegistryError if settings.registry is not a registry; a broken entry makes only its own model `failed`.
    """

    def __init__(self, settings: Settings) -> None:
        catalogue = parse(settings.registry)
        self.settings = settings
        self.last_reload: Reload | None = None
        self._loader = Loader(settings)
        self._states = States(map(self._loader.initial, catalogue.records.values()), catalogue.default)
        self._locks = Locks()
        self._reloader = Reloader(settings.registry, catalogue, self._loader, self._states, self._locks)
        self._closed = threading.Event()

    @property
    def now(self) -> Statuses:
        """All models right now: what it says does not change while the registry does."""
        return self._states.now

    @property
    def default(self) -> str | None:
        """The model that answers where none is named; None where every question must name one."""
        return self.now.default

    @property
    def store(self) -> WeightsStore:
        """The fetched weights."""
        return self._loader.store

    @property
    def names(self) -> tuple[str, ...]:
        """Every model, broken ones too; the default first, then by name."""
        return self.now.names

    def status(self, name: str | None = None) -> Status:
        """All that is known of a model right now; None is the default. Raises UnknownName."""
        return self.now[name]

    def state(self, name: str | None = None) -> State:
        """ready, missing, loading or failed. Raises UnknownName."""
        return self.status(name).state

    def problem(self, name: str | None = None) -> str:
        """What is wrong with a model and the command that fixes it; empty if nothing is. Raises UnknownName."""
        return self.status(name).problem

    def entry(self, name: str | None = None) -> Entry:
        """A model's entry. Raises UnknownName, or RegistryError if the entry is broken."""
        status = self.status(name)
        if status.record.entry is None:
            raise RegistryError(status.problem)
        return status.record.entry

    def expected_sha256(self, status: Status) -> str:
        """Of the weights a model answers with, or will once it is loaded; "" if that is not known."""
        if status.classifier is not None:
            return status.classifier.weights_sha256
        return self._loader.expected_sha256(status.record)

    def get(self, name: str | None = None) -> Classifier:
        """A ready classifier, at once.

        A `missing` model whose weights have arrived since, or may be fetched, starts to load in the background.
        Raises UnknownName, or ModelUnavailable with the remedy.
        """
        status = self.status(name)
        if status.state == "missing" and self._loader.can_load(status.record):
            status = self._start_loading(status)
        if status.classifier is None:
            raise ModelUnavailable(status.problem, retry_after=2 if status.state == "loading" else 60)
        return status.classifier

    def load(self, name: str | None = None) -> Classifier:
        """Load a model unless it is ready, and give its classifier; waits if another thread is loading it.

        Raises UnknownName, or ModelUnavailable with the remedy.
        """
        name = self.status(name).record.name
        with self._locks[name]:
            status = self.status(name)
            if status.classifier is None and status.record.entry is not None:
                self._states.put(loading(status.record))
                self._states.put(self._loader.load(status.record))
        return self.get(name)

    def load_all(self) -> threading.Thread:
        """Load every model whose weights are there, in the background, the default first, and then check the sanity of
        their maps; gives the thread.
        """
        thread = threading.Thread(target=self._load_each, name="registry", daemon=True)
        thread.start()
        return thread

    def reload(self) -> Reload:
        """Read the registry again, load what is new or has changed, and forget what is gone; blocks until that is done.

        Each model is replaced in one step. Where anything fails, the old classifier stays in use, and `problem` says
        what happened. Raises nothing that a broken registry can cause.
        """
        reload = self.last_reload = self._reloader.reload()
        log_reload(reload)
        loaded = (*reload.added, *reload.changed)
        if loaded or reload.removed:
            threading.Thread(target=self._finish_loading, args=(loaded,), name="reloaded", daemon=True).start()
        return reload

    def files(self) -> Stamps:
        """What the registry and its models are made from, as it is now: differs where anything of it has changed."""
        return self._reloader.files()

    def examine(self, name: str | None = None) -> Status:
        """The status that loading a model now would give, from its file to a first forward; changes nothing.

        Raises UnknownName.
        """
        return self._loader.load(self.status(name).record, fetch=False)

    def close(self) -> None:
        """Let `load_all` end after the current model."""
        self._closed.set()

    def _start_loading(self, status: Status) -> Status:
        """Load a model on a thread of its own, unless another call has started to; gives its status now."""
        name = status.record.name
        if self._states.replace(status, loading(status.record)):
            threading.Thread(target=self._load_late, args=(name,), name=f"load-{name}", daemon=True).start()
        return self.status(name)

    def _load_late(self, name: str) -> None:
        self._try_load(name)
        self._check_sanity(name)

    def _load_each(self) -> None:
        for status in self.now:
            if self._closed.is_set():
                return
            if status.state == "loading":
                self._try_load(status.record.name)
        self._finish_loading(self.names)

    def _finish_loading(self, names: Iterable[str]) -> None:
        torch.set_num_threads(1)  # of this thread, because questions are answered in the meantime
        for name in names:
            if self._closed.is_set():
                return
            self._check_sanity(name)
        gc.unfreeze()  # what a former load froze may be garbage by now
        gc.collect()
        gc.freeze()  # with three networks a full collection stops every thread for a quarter of a second

    def _try_load(self, name: str) -> None:
        try:
            self.load(name)
        except (ModelUnavailable, UnknownName) as error:  # the latter where it has just left the registry
            log.warning("%s", error)

    def _check_sanity(self, name: str) -> None:
        """Note the sanity of a ready model's maps."""
        status = self.now.by_name.get(name)
        if status is None or status.classifier is None or status.sanity is not None:
            return
        try:
            found = sanity(status.classifier, golden_images(status.classifier.entry, status.record.file.parent))
        except DoesNotApply:
            return  # it has no maps
        except Exception:  # a user's own architecture may raise anything, and it answers questions all the same
            log.exception("the sanity of model %s could not be checked", name)
            return
        self._states.replace(status, replace(status, sanity=found))
