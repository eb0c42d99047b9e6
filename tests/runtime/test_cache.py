"""The cache keeps its bound, and what was used last."""

from __future__ import annotations

from service.runtime.cache import Cache


def test_it_forgets_what_was_used_longest_ago_and_keeps_its_bound() -> None:
    cache: Cache[str, int] = Cache(1200)
    for value, key in enumerate("abc"):
        cache.put(key, value, 400)
    assert cache.get("a") == 0
    cache.put("d", 3, 400)
    assert [cache.get(key) for key in "abcd"] == [0, None, 2, 3]
    cache.put("e", 4, 1204)
    assert cache.get("e") is None
    assert cache.nbytes == 1200
    cache.put("f", 5, 1200)
    assert [cache.get(key) for key in "acdf"] == [None, None, None, 5]
    assert cache.nbytes == 1200


def test_what_is_there_already_is_counted_once() -> None:
    cache: Cache[str, int] = Cache(1000)
    cache.put("a", 1, 400)
    cache.put("a", 2, 400)
    assert (cache.get("a"), cache.nbytes) == (1, 400)


def test_without_bytes_it_remembers_nothing() -> None:
    cache: Cache[str, int] = Cache(0)
    cache.put("a", 1, 1)
    assert cache.get("a") is None
