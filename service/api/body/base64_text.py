"""Strict decoding of base64 that arrives in pieces."""

from __future__ import annotations

import binascii
import re

from service.errors import MalformedRequest

DATA_URL = re.compile(rb"data:[^,]{0,200};base64,", re.IGNORECASE)
MAX_PREFIX = len("data:;base64,") + 200
WHITESPACE = b" \t\r\n"
URL_SAFE = bytes.maketrans(b"-_", b"+/")
"""From the URL-safe alphabet (RFC 4648) to the standard one."""


class Base64Decoder:
    """Decodes one text. The standard and the URL-safe alphabet are accepted, with or without padding, and so are a
    `data:` prefix and whitespace.

    `feed` and `finish` raise MalformedRequest for any other character, padding before the end, and a length that no
    bytes encode to.
    """

    def __init__(self) -> None:
        self._start: bytes | None = b""  # what may still become a prefix; None after it
        self._rest = b""  # up to four characters that are not decoded yet
        self._padding = b""

    def feed(self, text: bytes) -> bytes:
        """The bytes that are complete with this piece of the text."""
        if self._start is not None:
            text, self._start = self._start + text, None
            begins = text[: len("data:")].lower()
            if len(text) < MAX_PREFIX and b"data:".startswith(begins) and b"," not in text:
                self._start = text
                return b""
            prefix = DATA_URL.match(text)
            text = text[prefix.end() :] if prefix else text
        return self._decode(text)

    def finish(self) -> bytes:
        """The last bytes, after the whole text."""
        decoded, self._start = self._decode(self._start or b""), None
        last = self._rest + self._padding
        if not self._padding:
            last += b"=" * (-len(last) % 4)
        return decoded + _decode_strictly(last)

    def _decode(self, text: bytes) -> bytes:
        if not text.isascii():
            raise MalformedRequest("the image is not base64: it has characters outside ASCII")
        encoded = text.translate(URL_SAFE, WHITESPACE)
        padding = encoded.find(b"=") if not self._padding else 0
        if padding >= 0:
            self._padding += encoded[padding:]
            encoded = encoded[:padding]
            if len(self._padding) > 2 or self._padding.strip(b"="):
                raise MalformedRequest("the image is not base64: padding (=) before its end")
        encoded = self._rest + encoded
        complete = max(len(encoded) - 1, 0) // 4 * 4
        self._rest = encoded[complete:]
        return _decode_strictly(encoded[:complete])


def _decode_strictly(encoded: bytes) -> bytes:
    try:
        return binascii.a2b_base64(encoded, strict_mode=True)
    except binascii.Error as error:
        raise MalformedRequest(f"the image is not base64: {str(error)[:1].lower()}{str(error)[1:]}") from None
