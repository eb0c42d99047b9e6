"""The tree of errors: every class is found by its name, and nothing else is."""

from __future__ import annotations

import pytest

from service import errors
from service.errors import FoveaError, JobFailed, error_from_name

TREE = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, FoveaError)]


@pytest.mark.parametrize("kind", TREE)
def test_an_error_comes_back_from_its_name(kind: type[FoveaError]) -> None:
    found = error_from_name(kind.__name__, "why")
    assert type(found) is kind
    assert str(found) == "why"


@pytest.mark.parametrize("name", ["ValueError", "error_from_name", "annotations", "__doc__", "", "KeyboardInterrupt"])
def test_a_name_outside_the_tree_is_a_failed_job(name: str) -> None:
    assert type(error_from_name(name, "why")) is JobFailed


@pytest.mark.parametrize("kind", TREE)
def test_the_picture_of_the_tree_shows_every_class(kind: type[FoveaError]) -> None:
    assert kind.__name__ in (errors.__doc__ or "")
