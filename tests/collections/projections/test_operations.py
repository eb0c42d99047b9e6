"""Maps on the disk: whole or not at all, and never longer than what they are of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from service.collections.projection import Projection, dumps_arrays, loads_arrays
from service.collections.projections import fitting, operations
from service.collections.store.sqlite import SqliteStore
from service.errors import BadParameter, StaleCollection, UnknownName
from service.jobs.job import ignore_progress
from tests.collections.clouds import fill
from tests.collections.samples import fingerprint, item


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path)
    fill(store, 30)
    yield store
    store.close()


def fit(folder: Path, method: str = "pca", **request: object) -> Projection:
    arguments = {
        "location": str(folder),
        "collection": "set",
        "threads": 1,
        "request": {"method": method, **request},
    }
    return fitting.loads_projection(fitting.fit_collection(arguments, ignore_progress))


def test_a_map_comes_back_as_it_was_even_after_reopening(store: SqliteStore, tmp_path: Path) -> None:
    found = fit(tmp_path, "tsne", dimensions=3, perplexity=7)
    store.projections.save("set", found)
    store.close()
    again = SqliteStore(tmp_path)
    kept = again.projections.get("set", "tsne-3d")
    assert kept.facts == found.facts
    assert kept.facts.parameters == {"perplexity": 7, "seed": 0}
    assert np.array_equal(kept.ids, found.ids)
    assert np.array_equal(kept.coordinates, found.coordinates)
    assert kept.coordinates.dtype == np.float32
    assert again.projections.all("set") == [found.facts]
    again.close()


def test_one_map_of_a_name_and_none_once_dropped(store: SqliteStore, tmp_path: Path) -> None:
    first = fit(tmp_path)
    store.projections.save("set", first)
    store.projections.save(
        "set", Projection(replace(first.facts, created=2.0), first.ids, first.coordinates, first.basis)
    )
    assert [facts.created for facts in store.projections.all("set")] == [2.0]
    store.projections.delete("set", "pca-2d")
    for call in (store.projections.get, store.projections.delete):
        with pytest.raises(UnknownName, match="has no projection 'pca-2d'; there are: none"):
            call("set", "pca-2d")


def test_a_map_goes_with_its_collection_and_is_not_given_to_another(store: SqliteStore, tmp_path: Path) -> None:
    """Fails where a map that was being made is kept for a collection made anew (tried)."""
    late = fit(tmp_path)
    store.projections.save("set", late)
    store.collections.delete("set")
    fill(store, 30)
    assert store.projections.all("set") == []
    assert store.connection.rows("SELECT count(*) FROM projections") == [(0,)]
    with pytest.raises(StaleCollection, match="make it again"):
        store.projections.save("set", late)


def test_it_is_outdated_once_items_came_or_went_and_forgets_who_is_gone(store: SqliteStore, tmp_path: Path) -> None:
    found = fit(tmp_path)
    store.projections.save("set", found)
    view = operations.read_view(store, "set", "pca-2d")
    assert not view.outdated
    assert [summary.id for summary in view.summaries] == found.ids.tolist()
    gone = int(found.ids[3])
    store.items.remove("set", gone)
    view = operations.read_view(store, "set", "pca-2d")
    assert view.outdated
    assert gone not in {summary.id for summary in view.summaries}
    assert np.array_equal(view.coordinates, np.delete(found.coordinates, 3, 0))
    store.projections.save("set", fit(tmp_path))
    assert not operations.read_view(store, "set", "pca-2d").outdated
    store.items.add("set", [replace(item(1000), embedding=np.ones(16, np.float32))])
    assert operations.read_view(store, "set", "pca-2d").outdated


def test_it_is_outdated_once_the_collection_was_embedded_again(store: SqliteStore, tmp_path: Path) -> None:
    """Fails where only items are counted (tried)."""
    found = fit(tmp_path)
    store.projections.save("set", found)
    target = replace(store.collections.get("set"), fingerprint=fingerprint("1f" * 32))
    store.reembeddings.begin("set", target.fingerprint)
    pending = {item_id: store.items.get("set", item_id) for item_id in store.reembeddings.pending("set")}
    store.reembeddings.save("set", target.fingerprint, pending)
    assert not operations.read_view(store, "set", "pca-2d").outdated
    assert store.reembeddings.finish("set", target)
    assert operations.read_view(store, "set", "pca-2d").outdated


def test_nothing_is_ever_unpickled() -> None:
    with pytest.raises(ValueError, match="allow_pickle=False"):
        loads_arrays(dumps_arrays({"ids": np.array([{"code": 1}], object)}))


@pytest.mark.parametrize("count", [0, 1, 2])
def test_hardly_any_images(tmp_path: Path, count: int) -> None:
    store = SqliteStore(tmp_path)
    fill(store, count)
    store.close()
    for method in ("pca", "tsne", "umap"):
        if (method, count) == ("pca", 2):
            assert np.isfinite(fit(tmp_path, method).coordinates).all()
        else:
            with pytest.raises(BadParameter, match=f"the collection has {count}"):
                fit(tmp_path, method)
