"""Maps on the disk: whole or not at all, and never longer than what they are of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from service.collections.projection import Projection, packed, unpacked
from service.collections.projections import fitting, operations
from service.collections.store.sqlite import SqliteStore
from service.errors import BadParameter, StaleCollection, UnknownName
from tests.collections.clouds import fill
from tests.collections.store.test_sqlite import item


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path)
    fill(store, 30)
    yield store
    store.close()


def made(folder: Path, method: str = "pca", **wish: object) -> Projection:
    arguments = {"folder": str(folder), "collection": "set", "threads": 1, "wish": {"method": method, **wish}}
    return fitting.read(fitting.fit(arguments, lambda *_: None))


def test_a_map_comes_back_as_it_was_even_after_reopening(store: SqliteStore, tmp_path: Path) -> None:
    found = made(tmp_path, "tsne", dimensions=3, perplexity=7)
    store.save_projection("set", found)
    store.close()
    again = SqliteStore(tmp_path)
    kept = again.map("set", "tsne-3d")
    assert kept.facts == found.facts
    assert kept.facts.parameters == {"perplexity": 7, "seed": 0}
    assert np.array_equal(kept.ids, found.ids)
    assert np.array_equal(kept.coordinates, found.coordinates)
    assert kept.coordinates.dtype == np.float32
    assert again.maps("set") == [found.facts]
    again.close()


def test_one_map_of_a_name_and_none_once_dropped(store: SqliteStore, tmp_path: Path) -> None:
    first = made(tmp_path)
    store.save_projection("set", first)
    store.save_projection(
        "set", Projection(replace(first.facts, created=2.0), first.ids, first.coordinates, first.basis)
    )
    assert [facts.created for facts in store.maps("set")] == [2.0]
    store.delete_projection("set", "pca-2d")
    for call in (store.map, store.delete_projection):
        with pytest.raises(UnknownName, match="has no map 'pca-2d'; there are: none"):
            call("set", "pca-2d")


def test_a_map_goes_with_its_collection_and_is_not_given_to_another(store: SqliteStore, tmp_path: Path) -> None:
    """Fails where a map that was being made is kept for a collection made anew (tried)."""
    late = made(tmp_path)
    store.save_projection("set", late)
    store.delete("set")
    fill(store, 30)
    assert store.maps("set") == []
    assert store._all("SELECT count(*) FROM maps") == [(0,)]
    with pytest.raises(StaleCollection, match="make it again"):
        store.save_projection("set", late)


def test_it_is_outdated_once_items_came_or_went_and_forgets_who_is_gone(store: SqliteStore, tmp_path: Path) -> None:
    found = made(tmp_path)
    store.save_projection("set", found)
    chart = operations.view(store, "set", "pca-2d")
    assert not chart.outdated
    assert [line.id for line in chart.lines] == found.ids.tolist()
    gone = int(found.ids[3])
    store.remove("set", gone)
    chart = operations.view(store, "set", "pca-2d")
    assert chart.outdated
    assert gone not in {line.id for line in chart.lines}
    assert np.array_equal(chart.coordinates, np.delete(found.coordinates, 3, 0))
    store.save_projection("set", made(tmp_path))
    assert not operations.view(store, "set", "pca-2d").outdated
    store.add("set", [replace(item(1000), embedding=np.ones(16, np.float32))])
    assert operations.outdated(store, "set", store.maps("set")[0])


def test_it_is_outdated_once_all_vectors_are_of_other_weights(store: SqliteStore, tmp_path: Path) -> None:
    """As after the collection was embedded anew; fails where only items are counted (tried)."""
    found = made(tmp_path)
    store.save_projection(
        "set", Projection(replace(found.facts, weights_sha256="1f" * 32), found.ids, found.coordinates)
    )
    assert operations.view(store, "set", "pca-2d").outdated


def test_nothing_is_ever_unpickled() -> None:
    with pytest.raises(ValueError, match="allow_pickle=False"):
        unpacked(packed({"ids": np.array([{"code": 1}], object)}))


@pytest.mark.parametrize("count", [0, 1, 2])
def test_hardly_any_images(tmp_path: Path, count: int) -> None:
    store = SqliteStore(tmp_path)
    fill(store, count)
    store.close()
    for method in ("pca", "tsne", "umap"):
        if (method, count) == ("pca", 2):
            assert np.isfinite(made(tmp_path, method).coordinates).all()
        else:
            with pytest.raises(BadParameter, match=f"the collection has {count}"):
                made(tmp_path, method)
