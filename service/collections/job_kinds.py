"""What a job may be: a row for each kind of long work on a collection."""

from __future__ import annotations

from collections.abc import Mapping

from service.collections import reembedding
from service.collections.library import JobFunction
from service.collections.projections import operations

JOB_KINDS: Mapping[str, JobFunction] = {"projection": operations.project, "reembedding": reembedding.reembed}
