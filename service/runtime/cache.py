"""A least-recently-used cache that is bounded in bytes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Cache(Generic[Key, Value]):
    """The most recently used values, `max_bytes` in total; with 0 it stays empty. For one thread."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes, self.nbytes = max_bytes, 0
        self._values: OrderedDict[Key, tuple[Value, int]] = OrderedDict()

    def get(self, key: Key) -> Value | None:
        """The value, or None."""
        if key not in self._values:
            return None
        self._values.move_to_end(key)
        return self._values[key][0]

    def put(self, key: Key, value: Value, nbytes: int) -> None:
        """Store a value and drop the least recently used ones; a value larger than the whole cache is not stored."""
        if nbytes > self.max_bytes or key in self._values:
            return
        self._values[key] = value, nbytes
        self.nbytes += nbytes
        while self.nbytes > self.max_bytes:
            _, (_, freed) = self._values.popitem(last=False)
            self.nbytes -= freed
