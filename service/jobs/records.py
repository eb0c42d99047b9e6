"""Job records that survive the process: one SQLite file, which one process at a time owns."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import TypeAdapter

from service.errors import CollectionsError, NoRoom
from service.jobs.job import Job
from service.sqlite_errors import is_disk_full

FILE = "jobs.sqlite"
SCHEMA = "CREATE TABLE IF NOT EXISTS jobs (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE, record TEXT)"
LAYOUT = 1
"""Kept in the file as `user_version`; raised whenever the fields of a record change."""

OWNER_TIMEOUT = 2.0
"""Seconds to wait for an owner that is about to leave."""

JOB = TypeAdapter(Job)


class JobRecords:
    """Jobs by id, in the order they were submitted. Every method blocks; when it returns, the change is on the disk.

    The file stays locked while it is open: no second process can take running jobs for abandoned ones.
    """

    def __init__(self, folder: Path) -> None:
        """folder: created if it does not exist. Raises CollectionsError where it cannot be used or has an owner."""
        self._lock, self._folder = threading.Lock(), folder
        with self._translated():
            folder.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(
                folder / FILE, timeout=OWNER_TIMEOUT, check_same_thread=False, isolation_level=None
            )
            try:
                _prepare(self._db)
            except BaseException:
                self._db.close()
                raise

    @staticmethod
    def exists(folder: Path) -> bool:
        """Whether a folder has job records."""
        return (folder / FILE).exists()

    def all(self) -> dict[str, Job]:
        """Every job by its id."""
        with self._lock, self._translated():
            rows = self._db.execute("SELECT id, record FROM jobs ORDER BY number").fetchall()
            return {job_id: JOB.validate_json(record) for job_id, record in rows}

    def put(self, job: Job) -> None:
        """Store a job, in place of an earlier record of the same id."""
        query = "INSERT INTO jobs (id, record) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET record = excluded.record"
        with self._lock, self._translated():
            self._db.execute(query, (job.id, JOB.dump_json(job).decode()))

    def remove(self, job_id: str) -> None:
        """Delete a record, if it exists."""
        with self._lock, self._translated():
            self._db.execute("DELETE FROM jobs WHERE id = ?", (job_id,))

    def close(self) -> None:
        """Close the file and release its lock."""
        with self._lock:
            self._db.close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """SQLite's errors as ours."""
        try:
            yield
        except sqlite3.OperationalError as error:
            if is_disk_full(error):
                raise NoRoom("the disk that keeps the jobs is full; nothing of this was stored") from None
            reason = "another service keeps its jobs there" if "locked" in str(error) else str(error)
            raise CollectionsError(f"jobs cannot be kept in {self._folder}: {reason}") from None
        except (OSError, sqlite3.Error, ValueError) as error:
            raise CollectionsError(f"jobs cannot be kept in {self._folder}: {error}") from None


def _prepare(db: sqlite3.Connection) -> None:
    """Lock the file and bring it up to date. Raises ValueError for a file of a later version."""
    for pragma in ("locking_mode = EXCLUSIVE", "synchronous = EXTRA"):
        db.execute(f"PRAGMA {pragma}")
    db.execute("BEGIN EXCLUSIVE")  # takes the lock, which a commit does not release
    db.execute(SCHEMA)
    ((layout,),) = db.execute("PRAGMA user_version").fetchall()
    if layout > LAYOUT:
        raise ValueError(f"{FILE} has layout {layout}; this version reads layouts up to {LAYOUT}")
    if layout < LAYOUT:
        _name_subjects(db)
        db.execute(f"PRAGMA user_version = {LAYOUT}")
    db.execute("COMMIT")


def _name_subjects(db: sqlite3.Connection) -> None:
    """Layout 0 to 1: `collection` became `subject`, and a result is a name instead of an address."""
    for number, text in db.execute("SELECT number, record FROM jobs").fetchall():
        record = json.loads(text)
        record["subject"] = record.pop("collection")
        if record["result"] is not None:
            record["result"] = record["result"].rpartition("/")[2]
        db.execute("UPDATE jobs SET record = ? WHERE number = ?", (json.dumps(record), number))
