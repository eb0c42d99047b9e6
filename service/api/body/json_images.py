"""JSON with images in base64: `{"image": "..."}`, or a list of them, and `mask` in the same form.

The document is read while it arrives. Only what these few forms allow is accepted, so nested values, numbers and other
members are refused at their first character, and nothing but decoded images is held in memory.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator

from service.api.body.base64_text import Base64Decoder
from service.api.body.body_limits import BodyLimits
from service.errors import MalformedRequest

STEP = 64 * 2**10
"""Bytes parsed at once. Between two steps the event loop serves other requests."""

MAX_KEY = 200
MAX_ESCAPE = len(r"\u0000")

WHITESPACE = re.compile(rb"[ \t\r\n]*+")
TEXT = re.compile(rb'[^"\\\x00-\x1f]*+(?:\\(?:u[0-9a-fA-F]{4}|["\\/bfnrt])[^"\\\x00-\x1f]*+)*+')
"""Characters of a string, up to its end, an incomplete escape, or a character that is not allowed."""

GRAMMAR: dict[str, dict[bytes, str]] = {
    "start": {b"{": "first key"},
    "first key": {b'"': "in key", b"}": "end"},
    "key": {b'"': "in key"},
    "colon": {b":": "value"},
    "value": {b'"': "in value", b"[": "first item"},
    "first item": {b'"': "in item"},
    "item": {b'"': "in item"},
    "after item": {b",": "item", b"]": "after value"},
    "after value": {b",": "key", b"}": "end"},
    "end": {},
}
"""State -> next character -> next state. Inside of strings, in the states "in ...", every character is text."""

AFTER_STRING = {"in key": "colon", "in value": "after value", "in item": "after item"}

VALUE_STARTS = b'"[{-0123456789tfn'
"""How JSON values start."""


class EncodedImage:
    """One image while its text arrives."""

    def __init__(self, limits: BodyLimits) -> None:
        self._limits, self._decoder = limits, Base64Decoder()
        self._pieces: list[bytes] = []
        self._nbytes = 0

    def feed(self, text: bytes) -> None:
        """Decode more of the text. Raises MalformedRequest or TooLarge."""
        self._add(self._decoder.feed(text))

    def finish(self) -> bytes:
        """The image. Raises MalformedRequest or TooLarge."""
        self._add(self._decoder.finish())
        return b"".join(self._pieces)

    def _add(self, decoded: bytes) -> None:
        self._nbytes += len(decoded)
        self._limits.check_bytes(self._nbytes)
        self._pieces.append(decoded)


class JsonImages:
    """Parses one document. `feed` and `finish` raise MalformedRequest or TooLarge."""

    def __init__(self, limits: BodyLimits) -> None:
        self._limits = limits
        self._state, self._carry, self._nbytes = "start", b"", 0
        self._key, self._field = b"", ""
        self._found: dict[str, list[bytes]] = {}
        self._image = EncodedImage(limits)

    def feed(self, data: bytes) -> None:
        """Parse more bytes."""
        data, self._carry = self._carry + data, b""
        at = 0
        while at < len(data):
            at = self._text(data, at) if self._state in AFTER_STRING else self._structure(data, at)
        self._nbytes += len(data) - len(self._carry)

    def finish(self) -> dict[str, list[bytes]]:
        """The images of each field. Raises MalformedRequest if the document is incomplete or has no image."""
        if self._state != "end":
            raise MalformedRequest(f"the body is not valid JSON: it ends too early, after {self._nbytes} bytes")
        if "image" not in self._found:
            raise MalformedRequest('the JSON has no field image; send the image in base64: {"image": "..."}')
        return self._found

    def _structure(self, data: bytes, at: int) -> int:
        """Read whitespace and one character between strings; the position after it."""
        at = _end(WHITESPACE, data, at)
        character = data[at : at + 1]
        if not character:
            return at
        state = GRAMMAR[self._state].get(character)
        if state is None:
            raise self._unexpected(character, at)
        if state in {"in value", "in item"}:
            self._limits.check_count(len(self._found[self._field]) + 1)
            self._image = EncodedImage(self._limits)
        self._state = state
        return at + 1

    def _text(self, data: bytes, at: int) -> int:
        """Read a part of a string, and its end if it is there; the position after it."""
        end = _end(TEXT, data, at)
        self._add_text(_unescaped(data[at:end]))
        after = data[end : end + 1]
        if after == b'"':
            self._end_text()
            self._state = AFTER_STRING[self._state]
            return end + 1
        if after and not (after == b"\\" and len(data) - end < MAX_ESCAPE):
            raise self._invalid(end)
        self._carry = data[end:]
        return len(data)

    def _add_text(self, text: bytes) -> None:
        if self._state != "in key":
            self._image.feed(text)
            return
        self._key += text
        if len(self._key) > MAX_KEY:
            raise self._unknown_field()

    def _end_text(self) -> None:
        if self._state != "in key":
            self._found[self._field].append(self._image.finish())
            return
        self._field = self._key.decode("utf-8", "replace")
        if self._field not in self._limits.fields:
            raise self._unknown_field()
        if self._field in self._found:
            raise MalformedRequest(f"the JSON has the field {self._field} twice; send several images as a list")
        self._found[self._field], self._key = [], b""

    def _unexpected(self, character: bytes, at: int) -> MalformedRequest:
        """The error for a character that the grammar does not allow here."""
        if self._state == "start" and character in VALUE_STARTS:
            return MalformedRequest('the JSON must be an object with the image in base64: {"image": "..."}')
        if self._state in {"value", "first item", "item"} and character in VALUE_STARTS + b"]":
            return MalformedRequest(f"the JSON field {self._field} must be a base64 string or a list of them")
        return self._invalid(at)

    def _unknown_field(self) -> MalformedRequest:
        masks = " and masks in the field mask" if self._limits.masks else ""
        return MalformedRequest(
            f"the JSON has an unknown field {self._key.decode('utf-8', 'replace')[:40]!r}; send images in the field"
            f' image{masks}, {{"image": "<base64>"}}, and parameters in the query: ?model=...'
        )

    def _invalid(self, at: int) -> MalformedRequest:
        return MalformedRequest(f"the body is not valid JSON: unexpected character at byte {self._nbytes + at + 1}")


def _end(pattern: re.Pattern[bytes], data: bytes, at: int) -> int:
    """Where the longest match from this position ends; the position itself if there is none."""
    found = pattern.match(data, at)
    return found.end() if found else at


def _unescaped(text: bytes) -> bytes:
    """The characters of a part of a JSON string, in UTF-8."""
    return json.loads(b'"' + text + b'"').encode("utf-8", "surrogatepass") if b"\\" in text else text


async def read_json(content_type: str, chunks: AsyncIterator[bytes], limits: BodyLimits) -> dict[str, list[bytes]]:
    """The images of a JSON body by field, in order. Raises MalformedRequest or TooLarge."""
    del content_type
    document = JsonImages(limits)
    async for chunk in chunks:
        for start in range(0, len(chunk), STEP):
            document.feed(chunk[start : start + STEP])
            await asyncio.sleep(0)
    return document.finish()
