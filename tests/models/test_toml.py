from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.models.toml import dumps

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
SCALARS = st.one_of(st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), TEXT)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3))


@settings(deadline=None, derandomize=True, database=None)
@given(st.dictionaries(TEXT, VALUES, max_size=5))
def test_what_is_written_is_read_back(document: dict[str, Any]) -> None:
    assert tomllib.loads(dumps(document)) == document


def test_a_page_for_people() -> None:
    document = {"default": "a", "models": {"a": {"labels": ("x", "y"), "frame": {"resize": 256}, "guard": None}}}
    assert dumps(document) == ('default = "a"\n\n[models.a]\nlabels = ["x", "y"]\n\n[models.a.frame]\nresize = 256\n')


def test_other_kinds_are_refused() -> None:
    with pytest.raises(TypeError, match="no form for set"):
        dumps({"a": {1}})
