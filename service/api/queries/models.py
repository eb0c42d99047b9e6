"""Query parameters of the routes below /models."""

from __future__ import annotations

from pydantic import Field

from service.api.queries.base import MAX_VALUES, BaseQuery, Name
from service.errors import BadParameter
from service.runtime.question import Question, UnitRequest


class FiltersQuery(BaseQuery):
    """Parameters of /models/{name}/filters."""

    layer: Name | None = Field(
        None, description="Dotted name of a convolution. Default: the model's first convolution."
    )


class ActivationsQuery(BaseQuery):
    """Parameters of /models/{name}/activations."""

    layer: Name | None = Field(None, description="Name of a stage. Default: the model's last feature map.")
    units: list[Name] = Field(
        [],
        max_length=MAX_VALUES,
        description="Units (channels) to show, counted from 0. Repeat the parameter or separate units by commas, as in"
        " `0,5`. Default: the most active units.",
    )
    top: int = Field(
        16, ge=1, le=256, description="Number of units to show if `units` is not given, most active first."
    )

    def question(self, model: str) -> Question:
        """The question to ask about each image. Raises BadParameter for units that are not whole numbers."""
        words = [word.strip() for text in self.units for word in text.split(",") if word.strip()]
        if not all(word.isascii() and word.isdigit() and len(word) < 10 for word in words):
            raise BadParameter("query parameter units: use whole numbers from 0 on, as in units=0,5")
        unit_request = UnitRequest(tuple(dict.fromkeys(map(int, words))), self.top)
        return Question(model=model, layers=() if self.layer is None else (self.layer,), unit_request=unit_request)
