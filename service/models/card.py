"""What a reader must know before trusting a model: its card (after Mitchell et al., Model Cards, 2019)."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Prose = Annotated[str, Field(min_length=1)]


class Card(BaseModel):
    """A model's own account of itself. Frozen; a field it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    intended_use: Prose
    """Who may use the answers, and for what."""

    do_not_use: Prose
    """What the answers must not be used for."""

    training_data: Prose
    """Where the images came from, how many, and what they leave out."""

    licence: Prose
    """Terms of the weights, and of the data they were trained on where those reach further."""

    figures: dict[str, float | str] = {}
    """Measured quality, one figure a name: fractions in [0, 1] unless the name gives a unit."""

    notice: str = ""
    """A warning that goes out with every answer; empty where none is needed."""

    authors: tuple[str, ...] = ()
    """Who made the model."""

    references: tuple[str, ...] = ()
    """Papers and pages that describe it."""
