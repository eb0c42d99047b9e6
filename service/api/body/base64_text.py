"""Strict decoding of base64."""

from __future__ import annotations

import binascii
import re

from service.errors import MalformedRequest

STEP = 2**20
"""Characters decoded at once, a multiple of four. Between two steps other threads can run."""

DATA_URL = re.compile(r"data:[^,]{0,200};base64,", re.IGNORECASE)
WHITESPACE = b" \t\r\n"
URL_SAFE = bytes.maketrans(b"-_", b"+/")
"""From the URL-safe alphabet (RFC 4648) to the standard one."""


def decode_base64(text: str) -> bytes:
    """The decoded bytes. The standard and the URL-safe alphabet are accepted, with or without padding, and so are a
    `data:` prefix and whitespace.

    Raises MalformedRequest for any other character, padding before the end, and a length that no bytes encode to.
    """
    prefix = DATA_URL.match(text)
    if prefix:
        text = text[prefix.end() :]
    try:
        encoded = text.encode("ascii")
    except UnicodeEncodeError:
        raise MalformedRequest("the image is not base64: it has characters outside ASCII") from None
    if any(space in encoded for space in WHITESPACE):
        encoded = encoded.translate(None, WHITESPACE)
    if b"-" in encoded or b"_" in encoded:
        encoded = encoded.translate(URL_SAFE)
    if 0 <= encoded.find(b"=") < len(encoded) - 2:
        raise MalformedRequest("the image is not base64: padding (=) before its end")
    if not encoded.endswith(b"="):
        encoded += b"=" * (-len(encoded) % 4)
    pieces = []
    for start in range(0, len(encoded), STEP):
        try:
            pieces.append(binascii.a2b_base64(encoded[start : start + STEP], strict_mode=True))
        except binascii.Error as error:
            raise MalformedRequest(f"the image is not base64: {str(error)[:1].lower()}{str(error)[1:]}") from None
    return b"".join(pieces)
