"""Explanation methods in a query: their names and their own parameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pydantic import ValidationError

from service.errors import BadParameter
from service.explain.method import Method
from service.explain.methods import method_named


def find_method(name: str) -> Method:
    """The method of this name. A space counts as a plus, because query decoding turns `gradcam++` into `gradcam  `.

    Raises UnknownName, which lists all methods.
    """
    return method_named(name.replace(" ", "+"))


def parameter_names(methods: Iterable[Method]) -> set[str]:
    """Names of the methods' own parameters."""
    return {name for method in methods for name in method.parameters.model_fields}


def parameter_values(methods: Iterable[Method], sent: Mapping[str, object]) -> dict[str, object]:
    """The methods' own parameters among the values sent, validated. Raises BadParameter."""
    values: dict[str, object] = {}
    for method in methods:
        values |= _validated(method, sent)
    return values


def _validated(method: Method, sent: Mapping[str, object]) -> dict[str, object]:
    own = {name: value for name, value in sent.items() if name in method.parameters.model_fields}
    try:
        return method.parameters.model_validate(own).model_dump(include=set(own))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise BadParameter(f"query parameter {where} of {method.name}: {first['msg']}") from None
