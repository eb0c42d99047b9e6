"""Collections on the disk: what was acknowledged is there, whatever happens to the process."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from service.collections.store.sqlite import SqliteStore
from service.errors import BadParameter, CollectionsError, UnknownName
from tests.collections.samples import collection, item


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path)
    store.collections.create(collection())
    yield store
    store.close()


def test_an_item_comes_back_as_it_was(store: SqliteStore) -> None:
    (added,) = store.items.add("set", [item(5)])
    found = store.items.get("set", added.id)
    for name, value in vars(item(5)).items():
        assert (
            np.array_equal(getattr(found, name), value)
            if isinstance(value, np.ndarray)
            else (getattr(found, name) == value)
        ), name
        assert getattr(getattr(found, name), "dtype", None) == getattr(value, "dtype", None), name


def test_an_image_is_kept_once_and_a_failure_keeps_nothing(store: SqliteStore) -> None:
    first, again = store.items.add("set", [item(1)]) + store.items.add("set", [item(1, "other")])
    assert (first.id, first.duplicate, again.id, again.duplicate) == (first.id, False, first.id, True)
    broken = item(3)
    object.__setattr__(broken, "label", object())  # SQLite takes no such thing
    with pytest.raises(CollectionsError):
        store.items.add("set", [item(2), broken])
    assert store.collections.get("set").count == 1


def test_pages_show_everything_once_and_in_order(store: SqliteStore) -> None:
    ids = [one.id for one in store.items.add("set", [item(number) for number in range(25)])]
    store.items.remove("set", ids[7])
    seen, after = [], 0
    while page := store.items.page("set", after, 4):
        seen += [line.id for line in page]
        after = page[-1].id
    assert seen == [one for one in ids if one != ids[7]]


def test_vectors_follow_every_change(store: SqliteStore) -> None:
    revisions = {store.collections.revision("set")}
    ids = [one.id for one in store.items.add("set", [item(1), item(2), item(3)])]
    revisions.add(store.collections.revision("set"))
    store.items.remove("set", ids[1])
    revisions.add(store.collections.revision("set"))
    numbers, vectors = store.items.vectors("set", "features")
    assert numbers.tolist() == [ids[0], ids[2]]
    assert len(revisions) == 3
    assert np.array_equal(vectors, np.stack([item(1).embedding, item(3).embedding]))
    assert np.allclose(store.items.vectors("set", "pixels")[1][0], item(1).pixels.reshape(-1) / 255)


def test_collections_are_apart_and_go_whole(store: SqliteStore) -> None:
    store.collections.create(collection("other"))
    store.items.add("set", [item(1)])
    (theirs,) = store.items.add("other", [item(1)])
    with pytest.raises(UnknownName):
        store.items.get("set", theirs.id)
    store.collections.delete("set")
    assert [one.name for one in store.collections.all()] == ["other"]
    assert store.items.get("other", theirs.id).sha256 == item(1).sha256
    for call in (store.items.page, store.items.vectors, store.collections.revision, store.collections.get):
        with pytest.raises(UnknownName):
            call("set", "features") if call == store.items.vectors else call("set")  # type: ignore[call-arg, operator]


def hostile() -> list[str]:
    parts = [
        "..",
        "/",
        "\\",
        "\0",
        "a/b",
        "%2e%2e",
        "~",
        "C:",
        "nul ",
        ".",
        "",
        "A",
        "é",
        "a\n",
        "a'--",
        "a;drop",
        "-a",
    ]
    made = [*parts, *(first + second for first in parts for second in parts)]
    return [*list(dict.fromkeys(made))[:220], "a" * 65]


def test_what_is_forgotten_is_on_the_disk_no_more(store: SqliteStore, tmp_path: Path) -> None:
    """SQLite by itself leaves what was deleted in the file until something else is written there."""
    kept, one, all_ = (f"secret {which} ".encode() * 500 for which in ("kept", "one", "all"))
    store.collections.create(collection("other"))
    store.items.add("other", [replace(item(1), thumbnail=all_), replace(item(2), original=all_)])
    added = store.items.add("set", [replace(item(3), original=kept), replace(item(4), original=one, thumbnail=one)])
    store.close()
    later = SqliteStore(tmp_path)
    later.items.remove("set", added[1].id)
    later.collections.delete("other")
    later.close()
    left = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert [secret[:12] in left for secret in (kept, one, all_)] == [True, False, False]


def test_no_name_leads_out_of_the_folder(store: SqliteStore, tmp_path: Path) -> None:
    before = {path.name for path in tmp_path.rglob("*")}
    assert len(hostile()) >= 200
    for name in hostile():
        with pytest.raises(BadParameter):
            store.collections.create(collection(name))
    assert {path.name for path in tmp_path.rglob("*")} == before


WRITER = """
import sys
from pathlib import Path
from service.collections.store.sqlite import SqliteStore
from tests.collections.samples import item
store, number = SqliteStore(Path(sys.argv[1])), int(sys.argv[2])
while True:
    print([one.id for one in store.items.add("set", [item(number), item(number + 1)])], number, flush=True)
    number += 2
"""


@pytest.mark.heavy
def test_nothing_acknowledged_is_lost_when_the_process_is_killed(store: SqliteStore, tmp_path: Path) -> None:
    """Fails where `add` commits later than it returns (tried: every fifth time); a gap of microseconds can slip by."""
    chance, number = random.Random(0), 0
    for _ in range(20):
        command = [sys.executable, "-c", WRITER, str(tmp_path), str(number)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            lines = [writer.stdout.readline()]
            time.sleep(chance.random() / 20)
            os.kill(writer.pid, signal.SIGKILL)
            lines += writer.stdout.readlines()
        acknowledged = [int(line.split("] ")[1]) for line in lines if line.endswith("\n")]
        number = acknowledged[-1] + 4  # what was not acknowledged may be there as well
        known = store.items.identifiers("set")
        assert all({f"{one:064x}", f"{one + 1:064x}"} <= known for one in acknowledged)
    reopened = SqliteStore(tmp_path)
    assert reopened.connection.rows("PRAGMA integrity_check") == [("ok",)]
    for line in reopened.items.page("set", limit=10**6)[::50]:
        assert np.array_equal(reopened.items.get("set", line.id).embedding, item(int(line.sha256, 16)).embedding)
    reopened.close()


def test_a_copy_made_while_others_write_is_whole(store: SqliteStore, tmp_path: Path) -> None:
    """As docs/operations.md says to make one."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path), "0"], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        for turn in range(3):
            acknowledged = int(writer.stdout.readline().split("] ")[1])
            (tmp_path / str(turn)).mkdir()
            with sqlite3.connect(tmp_path / "collections.sqlite") as db:
                db.execute("VACUUM INTO ?", (str(tmp_path / str(turn) / "collections.sqlite"),))
            db.close()
            copy = SqliteStore(tmp_path / str(turn))
            found = copy.items.page("set", limit=10**6)
            assert copy.collections.get("set").count == len(found) > acknowledged
            assert len(copy.items.vectors("set", "features")[0]) == len(found)
            copy.close()
        writer.kill()
