"""Records come back as they were, also those that an older version wrote."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from service.errors import BadParameter, CollectionsError
from service.jobs.job import Job
from service.jobs.records import FILE, LAYOUT, SCHEMA, JobRecords

JOB = Job("00ff", "projection", "set", {"method": "pca", "seed": None}, created=1.5)


def reopened(folder: Path) -> dict[str, Job]:
    records = JobRecords(folder)
    found = records.all()
    records.close()
    return found


def test_a_record_comes_back_as_it_was(tmp_path: Path) -> None:
    ended = [
        JOB.start().advance(0.5, "half").complete("pca-2d"),
        replace(JOB, id="01").start().fail(BadParameter("perplexity: too high")),
        replace(JOB, id="02").cancel(),
        replace(JOB, id="03").start().interrupt(),
    ]
    records = JobRecords(tmp_path)
    for job in (JOB, *ended):
        records.put(job)
    records.close()
    assert list(reopened(tmp_path).values()) == ended
    records = JobRecords(tmp_path)
    records.remove("01")
    records.close()
    assert list(reopened(tmp_path)) == ["00ff", "02", "03"]


OLD = {
    "id": "00ff", "kind": "projection", "collection": "set", "parameters": {"method": "pca"}, "state": "done",
    "progress": 1.0, "stage": "done", "created": 1.5, "started": 2.5, "finished": 3.5,
    "result": "/collections/set/projection/pca-2d", "error": None,
}  # fmt: skip


def test_records_of_an_older_version_keep_their_meaning(tmp_path: Path) -> None:
    """They had `collection`, and the address of a result in place of its name."""
    waiting = OLD | {"id": "01", "state": "waiting", "result": None, "finished": None}
    failed = OLD | {"id": "02", "state": "failed", "result": None, "error": {"error": "JobFailed", "detail": "why"}}
    again = OLD | {"id": "03", "kind": "reembedding", "result": "/collections/set"}
    with sqlite3.connect(tmp_path / FILE) as db:
        db.execute(SCHEMA)
        rows = [(record["id"], json.dumps(record)) for record in (OLD, waiting, failed, again)]
        db.executemany("INSERT INTO jobs (id, record) VALUES (?, ?)", rows)
    db.close()
    for _ in range(2):
        found = reopened(tmp_path)
        assert [job.subject for job in found.values()] == ["set"] * 4
        assert [job.result for job in found.values()] == ["pca-2d", None, None, "set"]
        assert found["00ff"].parameters == {"method": "pca"}
        assert found["02"].error is not None
        assert found["02"].error.detail == "why"


def test_records_of_a_later_version_are_refused(tmp_path: Path) -> None:
    JobRecords(tmp_path).close()
    with sqlite3.connect(tmp_path / FILE) as db:
        db.execute(f"PRAGMA user_version = {LAYOUT + 1}")
    db.close()
    with pytest.raises(CollectionsError, match=f"reads layouts up to {LAYOUT}"):
        JobRecords(tmp_path)
