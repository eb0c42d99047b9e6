"""What reports are made of: frozen values that serialise to JSON without further work."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

Finite = Annotated[float, Field(allow_inf_nan=False)]
Grid = list[list[Finite]]


class Value(BaseModel):
    """Base of everything a report holds; the sentences below the fields describe them."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True, protected_namespaces=())


def to_grid(values: NDArray[Any], digits: int = 4) -> Grid:
    """An array [h, w] as nested lists, to this many significant digits: more would only look exact."""
    rows: Grid = [[float(f"{value:.{digits}g}") for value in row] for row in np.asarray(values, np.float64)]
    return rows


def describe_position(row: int, column: int, rows: int, columns: int) -> str:
    """The position of a cell in words, such as `upper left`: the grid in thirds both ways."""
    vertical = ("upper", "middle", "lower")[min(3 * (2 * row + 1) // (2 * rows), 2)]
    horizontal = ("left", "centre", "right")[min(3 * (2 * column + 1) // (2 * columns), 2)]
    return "centre" if (vertical, horizontal) == ("middle", "centre") else f"{vertical} {horizontal}"
