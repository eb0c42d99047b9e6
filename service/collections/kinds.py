"""What a job may be: a row for each kind of long work on a collection."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

from service.collections import atlas, renewal
from service.runtime.jobs import Job, Told

if TYPE_CHECKING:
    from service.collections.library import Library

LongWork = Callable[["Library", Job, Told], Awaitable[str]]
"""Does a job for a library, tells how far it is, and returns the address of what came out; see `jobs.Work`."""

KINDS: Mapping[str, LongWork] = {"projection": atlas.project, "reembedding": renewal.reembed}
