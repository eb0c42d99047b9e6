"""Statuses are found by name, replaced whole, and replaced by one of several threads that try."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from service.errors import UnknownName
from service.models.catalogue import Record
from service.models.states import States, Status


def status(name: str) -> Status:
    return Status(Record(name, Path(f"{name}.toml")), "loading")


def test_the_default_comes_first_and_answers_where_none_is_named() -> None:
    states = States(map(status, ("c", "a", "b")), default="b")
    assert states.now.names == ("b", "a", "c")
    assert states.now[None] is states.now["b"]
    with pytest.raises(UnknownName, match="no model '': there are b, a, c"):
        states.now[""]


def test_without_a_default_a_name_is_required() -> None:
    with pytest.raises(UnknownName, match="name one of a, b"):
        States(map(status, ("a", "b")), default=None).now[None]


def test_a_status_is_replaced_only_where_it_is_still_the_one_that_was_read() -> None:
    states = States([status("a")], default="a")
    first = states.now["a"]
    second, third = replace(first, state="failed"), replace(first, state="ready")
    assert states.replace(first, second)
    assert not states.replace(first, third)
    assert states.now["a"] is second
    states.put(third)
    assert states.now["a"] is third


def test_of_many_threads_one_replaces_a_status() -> None:
    states = States([status("a")], default="a")
    old = states.now["a"]
    with ThreadPoolExecutor(8) as threads:
        won = list(threads.map(lambda i: states.replace(old, replace(old, problem=str(i))), range(100)))
    assert sum(won) == 1
    assert states.now["a"].problem == str(won.index(True))
