"""Write TOML, for the types of values that a registry entry has."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def dumps(document: Mapping[str, Any]) -> str:
    """TOML text of nested mappings; values are str, bool, int, float, lists of those, or tables.

    `None` has no TOML form and is left out. Raises TypeError for any other type of value.
    """
    return "\n".join(_table(document, ())).strip() + "\n"


def _table(table: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    values = {key: value for key, value in table.items() if value is not None and not isinstance(value, Mapping)}
    tables = {key: value for key, value in table.items() if isinstance(value, Mapping)}
    if path and (values or not tables):
        yield f"\n[{'.'.join(map(_key, path))}]"
    for key, value in values.items():
        yield f"{_key(key)} = {_value(value)}"
    for key, value in tables.items():
        yield from _table(value, (*path, key))


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _text(key)


def _value(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str():
            return _text(value)
        case list() | tuple() if value and all(isinstance(item, Mapping) for item in value):
            return "[\n" + "".join(f"  {_item(item)},\n" for item in value) + "]"
        case list() | tuple():
            return "[" + ", ".join(_item(item) for item in value) + "]"
    raise TypeError(f"TOML here has no form for {type(value).__name__}: {value!r}")


def _item(item: Any) -> str:
    if isinstance(item, Mapping):
        pairs = ", ".join(f"{_key(key)} = {_item(value)}" for key, value in item.items() if value is not None)
        return f"{{ {pairs} }}"
    return _value(item)


def _text(text: str) -> str:
    # JSON and TOML have the same escapes, except that TOML requires one for DEL.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
