"""Content-Encoding of request bodies (RFC 9110): gzip and deflate, decompressed piece by piece."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator

from service.errors import MalformedRequest, UnsupportedEncoding

STEP = 256 * 2**10
"""Bytes of one decompressed piece, so that a small input that expands enormously can be stopped early."""

GZIP, ZLIB, RAW_DEFLATE = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS

Decode = Callable[[bytes, bool], Iterator[bytes]]
"""(received bytes, whether they are the last) -> decoded pieces."""


def decoder(content_encoding: str) -> Decode:
    """The decoder of one body. content_encoding: the header, or empty. Raises UnsupportedEncoding."""
    codings = [coding for part in content_encoding.split(",") if (coding := part.strip().lower())]
    codings = [coding for coding in codings if coding != "identity"]
    if not codings:
        return _identity
    if len(codings) > 1 or codings[0] not in DECODERS:
        raise UnsupportedEncoding(
            f"the Content-Encoding {', '.join(codings)[:60]!r} is not supported; compress the body with"
            f" {' or '.join(SUPPORTED)}, once, or send it uncompressed without this header",
            SUPPORTED,
        )
    return DECODERS[codings[0]]()


def _identity(data: bytes, last: bool) -> Iterator[bytes]:
    del last
    yield data


class Gzip:
    """One or more gzip members (RFC 1952)."""

    def __init__(self) -> None:
        self._stream, self._empty = zlib.decompressobj(GZIP), True

    def __call__(self, data: bytes, last: bool) -> Iterator[bytes]:
        """Decompress more bytes. Raises MalformedRequest for invalid or truncated data."""
        self._empty = self._empty and not data
        while data:
            if self._stream.eof:
                self._stream = zlib.decompressobj(GZIP)
            yield from _decompress(self._stream, data, "gzip")
            data = self._stream.unused_data
        if last and not (self._empty or self._stream.eof):
            raise MalformedRequest("the gzip body is truncated")


class Deflate:
    """A zlib stream (RFC 1950), or raw deflate data (RFC 1951), which some clients send under the same name."""

    def __init__(self) -> None:
        self._stream: zlib._Decompress | None = None
        self._start = b""

    def __call__(self, data: bytes, last: bool) -> Iterator[bytes]:
        """Decompress more bytes. Raises MalformedRequest for invalid or truncated data."""
        if self._stream is None:
            self._start = data = self._start + data
            if len(data) < 2 and not last:  # the two bytes of a zlib header
                return
            self._stream = zlib.decompressobj(ZLIB if _is_zlib(data) else RAW_DEFLATE)
        yield from _decompress(self._stream, data, "deflate")
        if self._stream.unused_data:
            raise MalformedRequest("the deflate body has data after its end")
        if last and self._start and not self._stream.eof:
            raise MalformedRequest("the deflate body is truncated")


DECODERS: dict[str, Callable[[], Decode]] = {"gzip": Gzip, "x-gzip": Gzip, "deflate": Deflate}
"""By coding; RFC 9110 makes x-gzip another name of gzip."""

SUPPORTED = ("gzip", "deflate")
"""The codings that clients are told to use."""


def _decompress(stream: zlib._Decompress, data: bytes, coding: str) -> Iterator[bytes]:
    """The output for these bytes in pieces of at most STEP bytes."""
    piece = b""
    while data or len(piece) == STEP:  # a full piece may leave output behind although all input is consumed
        try:
            piece = stream.decompress(data, STEP)
        except zlib.error:
            raise MalformedRequest(
                f"the Content-Encoding is {coding}, but the body is not valid {coding} data"
            ) from None
        data = stream.unconsumed_tail
        if piece:
            yield piece


def _is_zlib(data: bytes) -> bool:
    return len(data) >= 2 and data[0] & 0x0F == 8 and int.from_bytes(data[:2], "big") % 31 == 0
