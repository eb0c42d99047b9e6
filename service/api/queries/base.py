"""The base of all query models."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from starlette.datastructures import QueryParams

Name = Annotated[str, Field(max_length=200)]
"""A model, layer, class label or title. No real one is longer."""

MAX_VALUES = 100
"""Values of one repeatable query parameter."""


class BaseQuery(BaseModel):
    """Query parameters of a route. Frozen; parameters without a field are in `model_extra`.

    `server/request_checks.py` refuses every parameter that is neither a field nor in `method_parameters`.
    """

    model_config = ConfigDict(frozen=True, extra="allow", protected_namespaces=())

    @classmethod
    def method_parameters(cls, path: Mapping[str, str], query: QueryParams) -> Collection[str]:
        """Names of the parameters that belong to the explanation methods which the request names.

        path: the path parameters. query: the query as it was sent. Raises UnknownName for an unknown method.
        """
        del path, query
        return ()
