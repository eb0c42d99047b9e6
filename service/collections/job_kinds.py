"""The kinds of job that collections have: a row for each."""

from __future__ import annotations

from collections.abc import Mapping

from service.collections import reembedding
from service.collections.library import LibraryJob
from service.collections.projections import operations

JOB_KINDS: Mapping[str, LibraryJob] = {
    "projection": operations.run_projection_job,
    "reembedding": reembedding.run_reembedding_job,
}
