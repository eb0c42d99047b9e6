"""What a job may be: a row for each kind of long work on a collection."""

from __future__ import annotations

from collections.abc import Mapping

from service.collections import renewal
from service.collections.library import LongWork
from service.collections.maps import atlas

WORKS: Mapping[str, LongWork] = {"projection": atlas.project, "reembedding": renewal.reembed}
