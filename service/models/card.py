"""The card of a model: what to know before trusting it (after Mitchell et al., Model Cards, 2019)."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Prose = Annotated[str, Field(min_length=1)]


class Card(BaseModel):
    """A model card. Frozen; an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    intended_use: Prose
    """Who may use the answers, and for what purpose."""

    do_not_use: Prose
    """What the answers must not be used for."""

    training_data: Prose
    """Where the images came from, how many there were, and what is not covered."""

    licence: Prose
    """Terms of the weights, and those of the training data if they are stricter."""

    figures: dict[str, float | str] = {}
    """Measured quality by name: fractions in [0, 1] unless the name gives a unit."""

    notice: str = ""
    """A warning that is sent with every answer; empty if none is needed."""

    authors: tuple[str, ...] = ()
    """Who made the model."""

    references: tuple[str, ...] = ()
    """Papers and pages that describe the model."""
