"""The state of every model: ready, missing, loading or failed."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from service.errors import UnknownName
from service.models.catalogue import Record
from service.models.classifier import Classifier
from service.models.sanity import Sanity

State = Literal["ready", "missing", "loading", "failed"]


@dataclass(frozen=True)
class Status:
    """What is known of one model at one instant; replaced whole, never changed.

    record: its description. state: ready, missing, loading or failed. problem: what is wrong, with the command that
    fixes it; may also report a reload that failed while the old classifier stays in use. classifier: where ready.
    sanity: whether its maps depend on its weights; None until that has been checked.
    """

    record: Record
    state: State
    problem: str = ""
    classifier: Classifier | None = None
    sanity: Sanity | None = None


class States:
    """The status of each model by name. Thread-safe: a status is read and replaced in one step.

    default: the model that answers where none is named; None where every question must name one.
    """

    def __init__(self, statuses: Iterable[Status], default: str | None) -> None:
        self.default = default
        self._statuses = {status.record.name: status for status in statuses}
        self._replacing = threading.Lock()

    @property
    def names(self) -> tuple[str, ...]:
        """Every model, broken ones too; the default first, then by name."""
        return tuple(sorted(self._statuses, key=lambda name: (name != self.default, name)))

    def __getitem__(self, name: str | None) -> Status:
        """All that is known of a model right now; None is the default. Raises UnknownName."""
        if name is None and self.default is None:
            raise UnknownName(f"there is no default model: name one of {', '.join(self.names)}")
        status = self._statuses.get(self.default or "" if name is None else name)
        if status is None:
            raise UnknownName(f"there is no model {name!r}: there are {', '.join(self.names)}")
        return status

    def put(self, status: Status) -> None:
        """Replace the status of a model."""
        with self._replacing:
            self._statuses[status.record.name] = status

    def replace(self, old: Status, new: Status) -> bool:
        """Replace the status of a model if it is still `old`; gives whether it was."""
        with self._replacing:
            current = self._statuses[old.record.name] is old
            if current:
                self._statuses[old.record.name] = new
            return current
