"""What reports are made of: frozen values that are JSON as they stand."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

Finite = Annotated[float, Field(allow_inf_nan=False)]
Grid = list[list[Finite]]


class Value(BaseModel):
    """Base of everything a report holds; its fields are described by the sentences below them."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True, protected_namespaces=())


def grid(values: NDArray[Any], digits: int = 4) -> Grid:
    """An array [h, w] as nested lists, to so many significant digits: further ones would only look exact."""
    rows: Grid = [[float(f"{value:.{digits}g}") for value in row] for row in np.asarray(values, np.float64)]
    return rows


def whereabouts(row: int, column: int, rows: int, columns: int) -> str:
    """A cell's place in words: a third of the picture each way."""
    down = ("upper", "middle", "lower")[min(3 * (2 * row + 1) // (2 * rows), 2)]
    across = ("left", "centre", "right")[min(3 * (2 * column + 1) // (2 * columns), 2)]
    return "centre" if (down, across) == ("middle", "centre") else f"{down} {across}"
