"""Pydantic's errors about an entry, as messages."""

from __future__ import annotations

import difflib
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

MESSAGES = {
    "missing": "is required",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be {expected}",
    "string_type": "must be a text in quotes",
    "string_too_short": "must not be empty",
    "string_pattern_mismatch": "must match {pattern}",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "model_attributes_type": "must be a table",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "too_short": "must have at least {min_length} items",
    "too_long": "must have at most {max_length} items",
    "value_error": "{error}",
}
"""Pydantic's type of error -> the message; braces are filled from the context of the error."""


def validation_message(fault: ErrorDetails, model: type[BaseModel]) -> str:
    """One error as `field frame.resize: must be at least 1 (you wrote 0)`.

    model: the class that was validated; its field names are suggested for a misspelt one.
    """
    path = tuple(str(part) for part in fault["loc"])
    context = {name: f"{fact:g}" if isinstance(fact, float) else fact for name, fact in fault.get("ctx", {}).items()}
    field = ".".join(path) or getattr(context.get("error"), "field", "")
    if fault["type"] == "extra_forbidden":
        return f"field {field}: there is no such field{_suggestion(path, model)}"
    message = MESSAGES.get(fault["type"])
    problem = message.format(**context) if message else fault["msg"][:1].lower() + fault["msg"][1:]
    return f"field {field}: {problem}{_value_given(fault['type'], fault['input'])}"


def _suggestion(path: tuple[str, ...], model: type[BaseModel]) -> str:
    """The field that was probably meant, in the same table as the unknown one."""
    table: Any = model
    for part in (part for part in path[:-1] if not part.isdecimal()):
        field = table.model_fields.get(part) if _is_model(table) else None
        table = _model_in(field.annotation) if field else None
    if not _is_model(table):
        return ""
    close = difflib.get_close_matches(path[-1], table.model_fields, 1)
    return f"; did you mean {close[0]}?" if close else f"; there are {', '.join(table.model_fields)}"


def _model_in(annotation: Any) -> Any:
    """The model class of an annotation such as `Guard` or `Guard | None`."""
    options = (annotation, *getattr(annotation, "__args__", ()))
    return next((option for option in options if _is_model(option)), None)


def _is_model(candidate: Any) -> bool:
    return isinstance(candidate, type) and issubclass(candidate, BaseModel)


def _value_given(kind: str, value: Any) -> str:
    if kind == "missing" or not isinstance(value, str | int | float) or (isinstance(value, str) and len(value) > 80):
        return ""
    return f" (you wrote {value!r})"
