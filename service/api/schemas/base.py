"""The base of all response schemas, and field types they share."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Finite = Annotated[float, Field(allow_inf_nan=False)]
"""A number that is neither infinite nor NaN."""

Share = Annotated[float, Field(ge=0, le=1)]
"""A part of a whole, 0 to 1."""

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]

Box = tuple[Finite, Finite, Finite, Finite]
"""Left, top, right, bottom."""


class Schema(BaseModel):
    """Base of all responses: frozen, with the docstring of each field as its description."""

    model_config = ConfigDict(frozen=True, from_attributes=True, use_attribute_docstrings=True, protected_namespaces=())
