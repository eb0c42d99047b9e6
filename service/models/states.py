"""The state of every model: ready, missing, loading or failed."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from service.errors import UnknownName
from service.models.catalogue import Record
from service.models.classifier import Classifier
from service.models.file_stamps import Stamps
from service.models.sanity import Sanity

State = Literal["ready", "missing", "loading", "failed"]


@dataclass(frozen=True)
class Status:
    """What is known of one model at one instant; replaced whole, never changed.

    record: its description. state: ready, missing, loading or failed. problem: what is wrong, with the command that
    fixes it; may also report a reload that failed while the old classifier stays in use. classifier: where ready.
    sanity: whether its maps depend on its weights; None until that has been checked. files: those it was made from, as
    they were just before.
    """

    record: Record
    state: State
    problem: str = ""
    classifier: Classifier | None = None
    sanity: Sanity | None = None
    files: Stamps = field(default=(), compare=False)


@dataclass(frozen=True)
class Statuses:
    """All models at one instant, by name. default: the model that answers where none is named; None for none."""

    default: str | None
    by_name: Mapping[str, Status]

    @property
    def names(self) -> tuple[str, ...]:
        """Every model, broken ones too; the default first, then by name."""
        return tuple(sorted(self.by_name, key=lambda name: (name != self.default, name)))

    def __iter__(self) -> Iterator[Status]:
        """In the order of `names`."""
        return (self.by_name[name] for name in self.names)

    def __getitem__(self, name: str | None) -> Status:
        """All that is known of a model; None is the default. Raises UnknownName."""
        if name is None and self.default is None:
            raise UnknownName(f"there is no default model: name one of {', '.join(self.names)}")
        status = self.by_name.get(self.default or "" if name is None else name)
        if status is None:
            raise UnknownName(f"there is no model {name!r}: there are {', '.join(self.names)}")
        return status


class States:
    """The statuses of all models, as they change. Thread-safe: they are read and replaced in one step."""

    def __init__(self, statuses: Iterable[Status], default: str | None) -> None:
        self._now = Statuses(default, {status.record.name: status for status in statuses})
        self._replacing = threading.Lock()

    @property
    def now(self) -> Statuses:
        """All models right now; what it says does not change."""
        return self._now

    def put(self, status: Status) -> None:
        """Add a model, or replace its status."""
        with self._replacing:
            self._put(status)

    def replace(self, old: Status, new: Status) -> bool:
        """Replace the status of a model if it is still `old`; gives whether it was."""
        with self._replacing:
            current = self._now.by_name.get(old.record.name) is old
            if current:
                self._put(new)
            return current

    def remove(self, names: Iterable[str], default: str | None) -> None:
        """Forget models and change the default, in one step."""
        gone = set(names)
        with self._replacing:
            kept = {name: status for name, status in self._now.by_name.items() if name not in gone}
            self._now = Statuses(default, kept)

    def _put(self, status: Status) -> None:
        self._now = replace(self._now, by_name={**self._now.by_name, status.record.name: status})
