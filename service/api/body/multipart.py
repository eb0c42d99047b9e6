"""multipart/form-data with one or more parts named `image`, and optionally `mask`. Parts stay in memory."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from service.api.body.body_limits import BodyLimits
from service.errors import MalformedRequest

logging.getLogger("python_multipart").setLevel(logging.CRITICAL)  # its messages quote the body

STEP = 64 * 2**10
"""Bytes parsed at once. Between two steps the event loop serves other requests."""

EXAMPLE = "curl -F image=@retina.jpg"


class ImageParts:
    """Collects the parts named `image` or `mask`. Their file names and content types are ignored.

    A `mask` without content and file name is what browsers send for a field that was left empty; it counts as no mask.
    """

    def __init__(self, boundary: bytes, limits: BodyLimits) -> None:
        self._limits = limits
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_begin": self._header,
                "on_header_field": self._header_field,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_finished,
                "on_part_data": self._data,
                "on_part_end": self._end,
                "on_end": self._finish,
            },
        )
        self._name, self._value, self._disposition = b"", b"", b""
        self._part: list[bytes] = []
        self._nbytes, self._finished = 0, False
        self._found: dict[str, list[bytes]] = {field: [] for field in limits.fields}
        self._field, self._has_file_name = "", False

    def feed(self, data: bytes) -> None:
        """Parse more bytes; raises MalformedRequest or TooLarge."""
        try:
            self._parser.write(data)
        except FormParserError:
            raise MalformedRequest(f"the body is not valid multipart/form-data; try {EXAMPLE}") from None

    def finish(self) -> dict[str, list[bytes]]:
        """The files of each field. Raises MalformedRequest if the body is truncated or has no image."""
        if not self._finished:
            raise MalformedRequest("the multipart body ends before its closing boundary: it is truncated")
        if not self._found["image"]:
            raise MalformedRequest(f"the form has no field image; send the image in the field image: {EXAMPLE}")
        return self._found

    def _begin(self) -> None:
        self._disposition, self._part, self._nbytes = b"", [], 0

    def _header(self) -> None:
        self._name, self._value = b"", b""

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if self._name.lower() == b"content-disposition":
            self._disposition = self._value

    def _headers_finished(self) -> None:
        options = parse_options_header(self._disposition)[1]
        field, self._has_file_name = options.get(b"name"), bool(options.get(b"filename"))
        if field is None:
            raise MalformedRequest("a part of the form has no name; send the image in the field image")
        self._field = field[:40].decode("utf-8", "replace")
        if self._field not in self._found:
            masks = ", masks in the field mask" if self._limits.masks else ""
            raise MalformedRequest(
                f"the form has an unknown field {self._field!r}; send images in the field image ({EXAMPLE}){masks},"
                " and parameters in the query: ?model=..."
            )
        self._limits.check_count(len(self._found[self._field]) + 1)

    def _data(self, data: bytes, start: int, end: int) -> None:
        self._nbytes += end - start
        self._limits.check_bytes(self._nbytes)
        self._part.append(data[start:end])

    def _end(self) -> None:
        if self._field == "image" or self._nbytes or self._has_file_name:
            self._found[self._field].append(b"".join(self._part))

    def _finish(self) -> None:
        self._finished = True


async def read_multipart(content_type: str, chunks: AsyncIterator[bytes], limits: BodyLimits) -> dict[str, list[bytes]]:
    """The files of a multipart body by field, in order. Raises MalformedRequest or TooLarge."""
    boundary = parse_options_header(content_type)[1].get(b"boundary")
    if not boundary:
        raise MalformedRequest(f"the Content-Type has no boundary; let the client set this header itself: {EXAMPLE}")
    if len(boundary) > 70:
        raise MalformedRequest("the multipart boundary is longer than the 70 characters that RFC 2046 allows")
    parts = ImageParts(boundary, limits)
    async for chunk in chunks:
        for start in range(0, len(chunk), STEP):
            parts.feed(chunk[start : start + STEP])
            await asyncio.sleep(0)
    return parts.finish()
