"""The library runs what blocks on another thread, and knows no store but the one that its location leads to."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from service.collections.collection import NewImage
from service.collections.library import Library
from service.collections.neighbors import NeighborsRequest
from service.collections.store import opening
from service.collections.store.sqlite import SqliteStore
from service.collections.store.sqlite.connection import Connection
from service.errors import CollectionsError, UnknownName
from service.runtime.inference_service import InferenceService
from service.runtime.question import Question
from tests.models import tiny
from tests.runtime.test_answers import picture


@asynccontextmanager
async def library(folder: Path, **settings: object) -> AsyncIterator[Library]:
    tiny.add(folder, "tiny", seed=1)
    answers = InferenceService(tiny.settings(folder, threads=1, decode_workers=1, **settings))
    answers.registry.load("tiny")
    await answers.start(load=False)
    found = Library(answers)
    try:
        yield found
    finally:
        await found.close()
        await answers.close()


async def use(running: Library) -> None:
    """Everything a route does with a collection."""
    await running.create("set", "tiny", thumbnails=True, originals=True)
    (added,) = await running.add("set", [NewImage(picture(1), "one", "ill")])
    found = await running.neighbors("set", picture(1), NeighborsRequest(), Question())
    assert [one.summary.name for one in found.neighbors] == ["one"]
    assert found.votes == {"ill": 1}
    assert found.answer.embedding is not None
    assert (await running.content("set")).labels == {"ill": 1}
    assert await running.identifiers("set") >= {"one"}
    assert [one.id for one in await running.items("set", 0, 10)] == [added.id]  # type: ignore[union-attr]
    assert (await running.thumbnail("set", added.id)).startswith(b"\xff\xd8")  # type: ignore[union-attr]
    assert (await running.remove("set", added.id)).name == "one"  # type: ignore[union-attr]
    assert (await running.delete("set")).collection.count == 0
    with pytest.raises(UnknownName):
        await running.collection("set")


async def test_nothing_touches_the_store_on_the_event_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails where any one of its methods calls the store directly (tried)."""
    loop, calls = threading.get_ident(), []
    rows = Connection.rows

    def checked(self: object, query: str, *values: object) -> object:
        calls.append(query)
        assert threading.get_ident() != loop
        return rows(self, query, *values)

    monkeypatch.setattr(Connection, "rows", checked)
    async with library(tmp_path) as running:
        await use(running)
    assert len(calls) > 20


async def test_another_kind_of_store_needs_its_scheme_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    locations: list[str] = []

    def open_other(location: str) -> SqliteStore:
        locations.append(location)
        return SqliteStore(tmp_path / "elsewhere")

    monkeypatch.setattr(opening, "STORES", {"other": open_other})
    async with library(tmp_path, collections="other://place") as running:
        await use(running)
    assert locations == ["other://place"]
    assert (tmp_path / "elsewhere" / "collections.sqlite").exists()


def test_a_location_of_no_known_kind_is_refused_at_once(tmp_path: Path) -> None:
    """Before a service listens, and not at its first collection."""
    tiny.add(tmp_path, "tiny", seed=1)
    answers = InferenceService(tiny.settings(tmp_path, collections="other://place"))
    with pytest.raises(CollectionsError, match="other://"):
        Library(answers)
